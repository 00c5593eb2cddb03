import subprocess
import sys
import time

import pytest
from cotkit.schemas.problem import KINDS, Problem
from cotkit.schemas.recipe import VerifyConfig
from cotkit.schemas.verdict import OUTCOMES
from cotkit.verifiers import VERIFIERS, VERSION, judge, judging_fingerprint, verify
from hypothesis import given, settings
from hypothesis import strategies as st

GAMES = {"game24": "(1+2+3)*4=24", "navigation": "turn_direction(left)"}
SOME_GOLDS = ["7", "B", "true", "[1, 2]", "odd one", *GAMES.values(), ""]
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
        ("cherry", r"\boxed{B}", "unreadable_gold"),
        ("E", r"\boxed{\mathrm{E}*2}", "unreadable_answer"),
        ("B", "(b)", "correct"),
        ("B", "It's not A because A is no fruit, therefore I think it's B", "correct"),
        ("D", "The answer is for sure D, it can't be A or B", "correct"),
        ("B", "B 不是 A", "correct"),
        ("B", "The answer is not A.", "unreadable_answer"),
        ("B", "Answer: B, not A.", "correct"),
        ("A", "The answer is B, not A.", "wrong"),
        ("B", r"\boxed{\text{Option (B)}}", "correct"),
        ("B", "The correct option is [B] pear", "correct"),
        ("B", "**Correct Option**: B (the green one)", "correct"),
        ("B", "So it is a fruit.\n\n**উত্তর:** 'B'", "correct"),
        ("B", "Поэтому правильный ответ: B. груша", "correct"),
        ("B", r"\boxed{\text{plum tree}}", "wrong"),
        ("B", "The answer is (B) plum tree.", "ambiguous"),
        ("ABD", r"\boxed{ABD}", "correct"),
        ("A, B, D", r"\boxed{A, B}", "ambiguous"),
        ("The answer is (B) pear", r"\boxed{B}", "correct"),
        ("B", r"\boxed{J}", "unreadable_answer"),
        ("B", "I would say that vitamin C and vitamin D are needed here, as everybody knows.", "no_answer"),
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
        ("7", "The answer is seven.", "correct"),
        ("7", "So there are 7 of them in the box, as we can all see here.", "correct"),
        ("3.5", "The answer is 3.52.", "correct"),
        ("3.5", "The answer is 3.6.", "wrong"),
        ("0.05", r"\boxed{5\%}", "correct"),
        ("3e-3", r"\boxed{3 \times 10^{-3}}", "correct"),
        ("2.5", "The answer is 2.5 kg.", "correct"),
        ("7", "The answer is either 7 or 8.", "ambiguous"),
        ("8", r"\boxed{7, 8}", "wrong"),
    ],
)
def test_numbers_are_read_as_they_are_written(gold, response, expected):
    assert outcome("number", gold, response) == expected


@pytest.mark.parametrize(
    ("gold", "response", "expected"),
    [
        ("True", r"\boxed{\text{True}}", "correct"),
        ("True", "The answer is yes, because no such number exists.", "correct"),
        ("False", "The answer is yes, because no such number exists.", "wrong"),
        ("False", "The statement is not true.", "correct"),
        ("True", "The statement isn't false.", "correct"),
        ("False", r"\boxed{F}", "correct"),
        ("Yes", r"\boxed{\text{No}}", "wrong"),
        ("Yes", r"\boxed{1}", "unreadable_answer"),
        ("True", "The answer is true or false.", "ambiguous"),
        ("False", "We looked at all the cases that there are, one by one.\nHence the claim above is never true", "correct"),
        ("True", "We looked at all the cases that there are, one by one, and cannot tell.", "no_answer"),
        ("maybe", r"\boxed{\text{Yes}}", "unreadable_gold"),
    ],
)
def test_truths_are_read(gold, response, expected):
    assert outcome("boolean", gold, response) == expected


@pytest.mark.parametrize(
    ("gold", "response", "expected"),
    [
        ("[1, 2, 3]", r"\boxed{[1, 2, 3]}", "correct"),
        ("[1, 2, 3]", "The answer is 1, 2, 3.", "correct"),
        ("[1, 2, 3]", r"\boxed{(3, 2, 1)}", "wrong"),
        ("[1, 2]", r"\boxed{\begin{pmatrix} 1 \\ 2 \end{pmatrix}}", "correct"),
        ("[0.33, 0.67]", r"\boxed{[1/3, 2/3]}", "correct"),
        ("[0.33, 0.67]", r"\boxed{[2/3, 1/3]}", "wrong"),
        ("[1, 2]", r"\boxed{1} and \boxed{2}", "correct"),
        ("[1, 2]", r"\boxed{[1, x]}", "unreadable_answer"),
        ("[1, 2]", r"\boxed{[1, 2, 3]}", "wrong"),
        ("[red, blue]", r"\boxed{[red, blue]}", "correct"),
        ("[7]", r"\boxed{7}", "correct"),
        ("[1, 2]", "I cannot tell.", "no_answer"),
        ("", r"\boxed{7}", "unreadable_gold"),
    ],
)
def test_lists_are_compared_in_order(gold, response, expected):
    assert outcome("list", gold, response) == expected


@pytest.mark.parametrize(
    ("gold", "response", "expected"),
    [
        ("The Eiffel Tower", r"\boxed{\text{eiffel tower}}", "correct"),
        ("Saturday", "The answer is Saturday.", "correct"),
        ("Saturday", "The answer is Sunday.", "wrong"),
        ("Saturday", "We count the days of the week one after the other, and so on and so on.\nSaturday", "correct"),
        ("Saturday", "We count the days of the week one after the other and find no answer to that.", "no_answer"),
        ("It is a bird, not a fish", "The answer is: it is a bird, not a fish.", "correct"),
        ("invertible", "The answer is not invertible.", "ambiguous"),
        ("not invertible", "The answer is not invertible.", "correct"),
        ("a bird", "The answer is that it is no fish but a bird.", "wrong"),
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
@given(response=st.text(max_size=80), kind=st.sampled_from(KINDS), gold=st.sampled_from(SOME_GOLDS))
def test_no_text_makes_any_verifier_raise_and_the_verdict_is_the_same_again(response, kind, gold):
    problem = Problem.make("?", gold, kind, options=FRUIT)
    verdict = verify(response, problem)
    assert verdict.outcome in OUTCOMES
    assert verify(response, problem) == verdict


NUMBERS = st.one_of(
    st.integers(-(10**12), 10**12).map(str),
    st.decimals(-(10**6), 10**6, places=3, allow_nan=False).map(str),
    st.sampled_from(["3e-36", "1/2"]),
)
WORDS = st.lists(st.sampled_from(["red", "house", "of", "Nile", "under", "seven"]), min_size=1, max_size=5).map(" ".join)
GOLDS = {
    "choice": st.one_of(
        st.sampled_from("ABCDEFGHIJ"), st.lists(st.sampled_from("ABCDEF"), min_size=2, max_size=4, unique=True).map(", ".join)
    ),
    "number": NUMBERS,
    "text": WORDS,
    "boolean": st.sampled_from(["True", "False", "Yes", "No", "correct", "incorrect"]),
    "list": st.lists(NUMBERS, min_size=1, max_size=5).map(lambda parts: f"[{', '.join(parts)}]"),
}
FORMS = ["{}", "\\boxed{{{}}}", "The answer is {}.", "**Answer:** {}", "Well.\n\n#### {}", "<answer>{}</answer>", "Hm.\n\n**{}**"]


@pytest.mark.parametrize("kind", GOLDS)
@settings(max_examples=60, deadline=None)
@given(data=st.data(), form=st.sampled_from(FORMS))
def test_every_gold_answer_verifies_itself(kind, data, form):
    gold = data.draw(GOLDS[kind])
    assert outcome(kind, gold, form.format(gold)) == "correct"


@settings(max_examples=100, deadline=None)
@given(gold=st.integers(-(10**9), 10**9), change=st.integers(1, 10**6), form=st.sampled_from(FORMS))
def test_no_changed_integer_is_accepted(gold, change, form):
    assert outcome("number", str(gold), form.format(gold + change)) != "correct"
    assert outcome("list", f"[{gold}, 1, 2]", form.format(f"[{gold + change}, 1, 2]")) != "correct"


@settings(max_examples=100, deadline=None)
@given(pair=st.lists(st.sampled_from("ABCDEFGHIJ"), min_size=2, max_size=2, unique=True), form=st.sampled_from(FORMS))
def test_no_other_letter_is_accepted(pair, form):
    assert outcome("choice", pair[0], form.format(pair[1])) == "wrong"


@pytest.mark.parametrize(
    ("response", "arguments", "kind"),
    [
        (r"So it is \boxed{0.5}.", {"gold": "1/2"}, "math"),
        ("The answer is (B).", {"gold": "B", "options": ["6", "7"]}, "choice"),
        (r"\boxed{7}", {"gold": "7", "options": ["6", "7"]}, "choice"),
        ("The answer is yes.", {"gold": "true"}, "boolean"),
        (r"\boxed{[1, 2, 3]}", {"gold": "[1, 2, 3]"}, "list"),
        ("The answer is Saturday.", {"gold": r"\text{Saturday}"}, "text"),
        (r"\boxed{3.15}", {"gold": "3.14", "kind": "number"}, "number"),
        (r"<think>Is it \boxed{3}?</think>It is 0.5", {"gold": "1/2"}, "math"),
        (r"Is it \boxed{3}?</think>It is 0.5", {"gold": "1/2"}, "math"),
    ],
)
def test_a_response_is_verified_against_a_plain_gold_answer(response, arguments, kind):
    verdict = verify(response, **arguments)
    assert (verdict.outcome, verdict.verifier) == ("correct", f"{kind}/{VERSION}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("piece", ["A,", "A ", "not A ", "is true ", "(A)", "answer is not ", "$1 ", "1, "])
def test_no_repetition_makes_a_verdict_slow(kind, piece):
    problem = Problem.make("?", {"choice": "B", "boolean": "True", "list": "[1, 2, 3]", "text": "cat", **GAMES}.get(kind, "7"), kind)
    verify(piece, problem)
    started = time.process_time()
    verify(piece * (200_000 // len(piece)), problem)
    assert time.process_time() - started < 0.1


def test_reasoning_that_is_never_closed_states_no_answer():
    assert verify(r"<think>Is it \boxed{7}?", gold="7").outcome == "no_answer"


def test_verify_takes_a_problem_or_a_gold_answer():
    with pytest.raises(TypeError):
        verify("7")  # pyright: ignore[reportCallIssue]
    with pytest.raises(TypeError):
        verify("7", Problem.make("?", "7", "math"), gold="7")  # pyright: ignore[reportCallIssue]


def test_the_fingerprint_ignores_the_number_of_workers():
    assert judging_fingerprint(VerifyConfig(workers=1)) == judging_fingerprint(VerifyConfig(workers=2))
    assert judging_fingerprint(VerifyConfig(deadline_seconds=1)) != judging_fingerprint(VerifyConfig())


def test_importing_the_verifiers_loads_nothing_heavy():
    code = "import sys, cotkit.verifiers; print([m for m in ('sympy', 'math_verify', 'polars') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"
