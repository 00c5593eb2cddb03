import subprocess
import sys

import pytest
from cotkit.schemas.problem import KINDS, Problem
from cotkit.schemas.recipe import VerifyConfig
from cotkit.schemas.verdict import OUTCOMES
from cotkit.verifiers import VERIFIERS, VERSION, judge, judging_fingerprint, verify
from hypothesis import given, settings
from hypothesis import strategies as st

FRUIT = ["apple", "pear", "plum tree", "none of these"]


def outcome(kind, gold, response, **fields):
    return verify(response, Problem.make("?", gold, kind, **fields)).outcome


@pytest.mark.parametrize(
    ("gold", "response", "expected"),
    [
        ("B", "The answer is (B).", "correct"),
        ("B", r"\boxed{\text{B}}", "correct"),
        ("B", r"\boxed{(B)}", "correct"),
        ("B", r"\boxed{\mathbf{B}}", "correct"),
        ("B", "B", "correct"),
        ("B", "b", "correct"),
        ("(B)", "Answer: B. pear", "correct"),
        ("B", "**Answer:** B", "correct"),
        ("B", "A triangle has three sides, so the answer is (B).", "correct"),
        ("A", "A triangle has three sides, so the answer is (B).", "wrong"),
        ("B", r"\boxed{\text{pear}}", "correct"),
        ("C", "The answer is plum tree.", "correct"),
        ("B", "Some thoughts.\n\n(B) pear", "correct"),
        ("B", "I think C is correct", "wrong"),
        ("B", "So we choose option B here, as said.\nIt was not hard at all.", "correct"),
        ("B", r"\boxed{A, B}", "ambiguous"),
        ("A, B", r"\boxed{B and A}", "correct"),
        ("B", "A pear is a fruit that grows on trees, as everybody knows well.", "no_answer"),
        ("pear tree", r"\boxed{B}", "unreadable_gold"),
        ("E", r"\boxed{\mathrm{E}*2}", "unreadable_answer"),
    ],
)
def test_letters_of_choices_are_read(gold, response, expected):
    assert outcome("choice", gold, response, options=FRUIT) == expected


@pytest.mark.parametrize(
    ("gold", "response", "expected"),
    [
        ("7", r"\boxed{7.0}", "correct"),
        ("7", r"\boxed{7.01}", "wrong"),
        ("7", r"\boxed{\sqrt{49}}", "correct"),
        ("3.142", r"\boxed{\pi}", "correct"),
        ("3.142", r"\boxed{3.0}", "wrong"),
        ("0.667", r"\boxed{2/3}", "correct"),
        ("0.5", r"\boxed{50\%}", "correct"),
        ("[1, 2, 3]", r"\boxed{[1, 2, 3]}", "correct"),
        ("[1, 2, 3]", r"\boxed{(1, 2, 3)}", "correct"),
        ("[1, 2, 3]", r"\boxed{[3, 2, 1]}", "wrong"),
        ("[1, 2, 3]", r"\boxed{[1, 2]}", "wrong"),
        ("[0.333, 0.667]", r"\boxed{(1/3, 2/3)}", "correct"),
        ("true", "The answer is True.", "correct"),
        ("true", r"\boxed{\text{yes}}", "correct"),
        ("false", r"\boxed{\text{yes}}", "wrong"),
        ("true", "It holds for all of them and so the claim above is, to my mind, true.", "correct"),
        ("true", r"\boxed{7}", "unreadable_answer"),
        ("7", r"\boxed{x}", "unreadable_answer"),
        ("7", "I do not know.", "no_answer"),
        ("seven", r"\boxed{7}", "unreadable_gold"),
    ],
)
def test_numbers_are_judged_within_their_tolerance(gold, response, expected):
    assert outcome("number", gold, response) == expected


@pytest.mark.parametrize(
    ("gold", "response", "expected"),
    [
        ("The Eiffel Tower", r"\boxed{\text{eiffel tower}}", "correct"),
        ("Saturday", "The answer is Saturday.", "correct"),
        ("Saturday", "The answer is Sunday.", "wrong"),
        ("Saturday", "We count the days of the week one after the other, and so on and so on.\nSaturday", "correct"),
        ("Saturday", "We count the days of the week one after the other and find no answer to that.", "no_answer"),
        ("a", "a", "correct"),
        ("", "x", "unreadable_gold"),
    ],
)
def test_texts_are_compared_without_their_layout(gold, response, expected):
    assert outcome("text", gold, response) == expected


@pytest.mark.parametrize(
    ("response", "finish_reason", "expected"),
    [
        (r"\boxed{7} and also", "length", "correct"),
        ("The answer is 7. Let me", "repetition", "correct"),
        ("we had 3, then 4, then 7", "length", "truncated"),
        (r"\boxed{8} but wai", "length", "truncated"),
        ("", "length", "truncated"),
        (r"\boxed{8}", "stop", "wrong"),
        (r"\boxed{8}", "unknown", "wrong"),
        (r"\boxed{7}", "error", "no_answer"),
    ],
)
def test_only_a_stated_correct_answer_stands_in_a_response_that_was_cut_off(response, finish_reason, expected):
    verdict = judge(response, Problem.make("?", "7", "math"), finish_reason)
    assert (verdict.outcome, verdict.verifier) == (expected, f"math/{VERSION}")


def test_every_kind_has_a_verifier():
    assert set(VERIFIERS) == set(KINDS)


@settings(max_examples=100, deadline=None)
@given(response=st.text(max_size=80), kind=st.sampled_from(KINDS), gold=st.sampled_from(["7", "B", "true", "[1, 2]", "odd one", ""]))
def test_no_text_makes_any_verifier_raise_and_the_verdict_is_the_same_again(response, kind, gold):
    problem = Problem.make("?", gold, kind, options=FRUIT)
    verdict = verify(response, problem)
    assert verdict.outcome in OUTCOMES
    assert verify(response, problem) == verdict


@settings(max_examples=100, deadline=None)
@given(gold=st.sampled_from("ABCDEFGHIJ"))
def test_every_letter_verifies_itself(gold):
    assert outcome("choice", gold, gold) == "correct"


def test_the_fingerprint_ignores_the_number_of_workers():
    assert judging_fingerprint(VerifyConfig(workers=1)) == judging_fingerprint(VerifyConfig(workers=2))
    assert judging_fingerprint(VerifyConfig(deadline_seconds=1)) != judging_fingerprint(VerifyConfig())


def test_importing_the_verifiers_loads_nothing_heavy():
    code = "import sys, cotkit.verifiers; print([m for m in ('sympy', 'math_verify', 'polars') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
