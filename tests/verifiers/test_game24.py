"""The verifier of the game of 24: spellings, faults with their rewards, mutations against an independent judge, and hostile replies."""

import ast
import json
import random
import re
import time
from fractions import Fraction

import pytest
from cotkit.schemas.problem import Problem
from cotkit.verifiers import feedback, judge, turn_reward, verify
from cotkit.verifiers.game24.cards import rank_name, same_cards
from cotkit.verifiers.game24.solver import solved_hands
from hypothesis import given, settings
from hypothesis import strategies as st

HANDS = list(solved_hands(13).items())
EASY = Problem.make("?", "4*3+2+10=24", "game24")  # the hand 4 3 2 10
HARD = Problem.make("?", "8/(3-8/3)=24", "game24")
SEEN = Problem.make("?", "4*3+2+10=24", "game24", meta='{"cards":["4S","3C","2S","QC"],"vision":true}')


def as_json(formula, **fields):
    return json.dumps({"cards": ["4", "3", "2", "Q"], "number": [4, 3, 2, 10], "formula": formula} | fields)


SPELLINGS = {
    "bare": lambda formula: formula,
    "equation": lambda formula: f"{formula}=24",
    "equation turned around": lambda formula: f"24 = {formula}",
    "blanks": lambda formula: " ".join(re.findall(r"\d+|.", formula)) + " = 24",
    "strict JSON": lambda formula: as_json(f"{formula}=24"),
    "JSON with a trailing comma": lambda formula: f'{{\n  "cards": [4, 3, 2, Q],\n  "formula": "{formula}=24",\n}}',
    "JSON in a fence with words around": lambda formula: f"Here it is:\n```json\n{as_json(formula)}\n```\nThat was fun.",
    "JSON without quotes": lambda formula: f"cards: [4, 3, 2, Q]\nformula: {formula} = 24",
    "JSON that escapes": lambda formula: json.dumps({"formula": formula.replace("*", "×").replace("-", "−")}),
    "Unicode signs": lambda formula: formula.replace("*", " × ").replace("/", " ÷ ").replace("-", " − "),
    "LaTeX in a box": lambda formula: "\\boxed{" + formula.replace("*", r" \times ").replace("/", r" \div ") + " = 24}",
    "dollars": lambda formula: "$" + formula.replace("*", r" \cdot ") + " = 24$",
    "square brackets": lambda formula: formula.replace("(", "[").replace(")", "]"),
    "a sentence": lambda formula: f"The answer is {formula} = 24.",
    "bold": lambda formula: f"We look at the cards first, and try.\n\n**{formula} = 24**",
    "last line": lambda formula: f"We look at the cards first: that gives a lot of ways.\n{formula} = 24",
    "with the target in the box": lambda formula: f"We find {formula} = 24, so the answer is \\boxed{{24}}.",
    "redundant brackets": lambda formula: f"(({formula}))",
    "answer tag": lambda formula: f"<answer> {formula} </answer>",
    "fullwidth": lambda formula: "".join(chr(ord(letter) + 0xFEE0) for letter in formula),
}


PROBLEMS = [(found, Problem.make("?", f"{found[0]}=24", "game24")) for _, found in HANDS]


@pytest.mark.parametrize(("place", "spell"), list(enumerate(SPELLINGS.values())), ids=SPELLINGS.keys())
def test_every_solution_of_the_solver_is_accepted_in_every_spelling(place, spell):
    """All 4,078 solutions of the 1,362 solvable hands bare; in each other spelling those of every fourth hand."""
    tried = [(spell(formula), problem) for found, problem in (PROBLEMS[place % 4 :: 4] if place else PROBLEMS) for formula in found]
    assert len(tried) > (4_000 if place == 0 else 900)
    assert [reply for reply, problem in tried if verify(reply, problem).decided_by != "solved"] == []


def test_fractions_of_latex_are_read():
    assert verify(r"\boxed{\frac{8}{3-\frac{8}{3}}=24}", HARD).outcome == "correct"
    assert verify(r"$\dfrac{8}{\left(3-\dfrac{8}{3}\right)}$", HARD).outcome == "correct"
    assert verify(r"\boxed{\frac{8}{3-\frac{8}{3}}", HARD).outcome != "correct"


def truth(formula, numbers):
    """Judge a formula with Python's own parser, in Fractions: True when it makes 24 of exactly these numbers, without a sign before one."""
    if "_" in formula:  # Python's own way of writing a number
        return False
    used = []

    def walk(node):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            used.append(node.value)
            return Fraction(node.value)
        if not isinstance(node, ast.BinOp):
            raise TypeError
        a, b = walk(node.left), walk(node.right)
        return {ast.Add: a.__add__, ast.Sub: a.__sub__, ast.Mult: a.__mul__, ast.Div: a.__truediv__}[type(node.op)](b)

    try:
        return walk(ast.parse(formula.strip(), mode="eval").body) == 24 and sorted(used) == sorted(numbers)
    except (SyntaxError, TypeError, KeyError, ZeroDivisionError, ValueError):
        return False


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_no_mutation_of_a_solution_is_accepted_but_those_that_are_solutions(seed):
    dice = random.Random(seed)
    hand, found = dice.choice(HANDS)
    problem = Problem.make("?", f"{found[0]}=24", "game24")
    for _ in range(20):
        formula = dice.choice(found)
        for _ in range(dice.randint(1, 3)):
            place = dice.randrange(len(formula))
            put = dice.choice([*"0123456789+-*/().!^_e, ", "**", "//", ""])
            formula = formula[:place] + put + formula[place + dice.randint(0, 1) :]
        right = truth(formula, hand)
        for reply in (json.dumps({"formula": formula}), f"\\boxed{{{formula}}}"):
            assert (verify(reply, problem).outcome == "correct") == right, formula


FAULTS = {
    "a solution": (EASY, "4*3+2+10", "correct", "solved", 5.0),
    "wrong value": (EASY, "4+3+2+10", "wrong", "wrong_value", -1.0),
    "a card unused": (EASY, "4*3+2", "wrong", "wrong_numbers", -2.0),
    "one kind of fault per reply": (EASY, "4*3+2+11", "wrong", "wrong_numbers", -2.0),
    "a card twice": (EASY, "4*3+2+10-4", "wrong", "wrong_numbers", -2.0),
    "a sign before a number": (EASY, "-4+3+2+10", "wrong", "illegal_formula", -3.0),
    "a bracket that is never closed": (EASY, "(4*3+2+10", "wrong", "illegal_formula", -3.0),
    "a bracket that was never opened": (EASY, "4*3+2+10)", "wrong", "illegal_formula", -3.0),
    "spaces": (EASY, "4*3 + 2+10", "correct", "solved", 5.0),
    "nothing": (EASY, "", "no_answer", "no_formula", -3.0),
    "null": (EASY, '{"cards": null, "formula": null}', "no_answer", "no_formula", -3.0),
    "words": (EASY, "I cannot find one.", "no_answer", "no_formula", -3.0),
    "exact where floats are not": (HARD, "8/(3-8/3)", "correct", "solved", 5.0),
    "the target alone": (EASY, r"\boxed{24}", "wrong", "wrong_numbers", -2.0),
    "another right side": (EASY, "4*3+2+10=25", "wrong", "wrong_value", -1.0),
    "a chain": (HARD, '{"formula": "8/(3-8/3) = 8/(1/3) = 24"}', "correct", "solved", 5.0),
    "two answers": (EASY, r"\boxed{4*3+2+10} or \boxed{4*3+10+2}", "ambiguous", "illegal_formula", -3.0),
    "numbers written together": (EASY, "43-2-10", "wrong", "wrong_numbers", -2.0),
    "a power": (EASY, "4**3+2+10", "wrong", "illegal_formula", -3.0),
    "a factorial": (Problem.make("?", "4*6*1*1=24", "game24"), "4!*1*1*6/6", "wrong", "illegal_formula", -3.0),
    "a factorial in a text": (
        Problem.make("?", "4*6=24", "game24"),
        "So it is 4*6! and that is all there is to say",
        "no_answer",
        None,
        -3.0,
    ),
    "a product without a sign": (Problem.make("?", "4*6=24", "game24"), "(4)(6)", "wrong", "illegal_formula", -3.0),
    "a decimal": (Problem.make("?", "4*6=24", "game24"), "4.0*6", "wrong", "illegal_formula", -3.0),
    "the end of a decimal": (
        Problem.make("?", "4*6=24", "game24"),
        "We have seen that so far, 1.4*6 is what we get",
        "no_answer",
        None,
        -3.0,
    ),
    "a number of several digits": (EASY, "4*3+2+010", "wrong", "illegal_formula", -3.0),
    "division by zero": (Problem.make("?", "4*6+3-3=24", "game24"), "4*6/(3-3)", "wrong", "illegal_formula", -3.0),
    "the last formula counts": (EASY, '{"formula": "4+3+2+10"} No: {"formula": "4*3+2+10"}', "correct", "solved", 5.0),
    "cards are read": (SEEN, as_json("4*3+2+10"), "correct", "solved", 5.0),
    "cards are misread": (SEEN, as_json("4*3+2+10", cards=["4", "3", "2", "K"]), "correct", "solved; wrong_cards", 3.5),
    "misread cards and a wrong formula": (SEEN, as_json("1+1", cards=[]), "wrong", "wrong_numbers; wrong_cards", -3.5),
    "cards without quotes": (SEEN, "cards: [4, 3, 2, Q]\nformula: 4*3+2+10", "correct", "solved", 5.0),
    "cards are not asked for in words": (EASY, "4*3+2+10", "correct", "solved", 5.0),
}


@pytest.mark.parametrize(("problem", "reply", "outcome", "decided_by", "reward"), FAULTS.values(), ids=FAULTS.keys())
def test_faults_have_their_outcome_their_name_and_their_reward(problem, reply, outcome, decided_by, reward):
    verdict = verify(reply, problem)
    assert (verdict.outcome, turn_reward(reply, problem)) == (outcome, reward)
    assert decided_by is None or verdict.decided_by == decided_by


# What reasoning-gym 0.1.25 judges wrong: numbers are never compared, fractions are truncated, factorials and powers pass, × is refused.
OTHERS = [
    ([8, 5, 10, 6], "8*3*1*1", False),
    ([8, 5, 10, 6], "(8*3)+(1/2)", False),
    ([2, 3, 5, 9], "6*4*1*1", False),
    ([4, 1, 1, 1], "4!*1*1*1", False),
    ([2, 3, 3, 8], "2**3*3", False),
    ([4, 6, 1, 1], "4 × 6 × 1 × 1", True),
    ([4, 6, 1, 1], "4 * 6 ÷ 1 ÷ 1", True),
    ([4, 6, 1, 1], r"\frac{4 \times 6}{1} \times 1", True),
    ([4, 6, 1, 1], "4*6*1*1 = 24", True),
    ([4, 6, 1, 1], "__import__('os').getpid()*0+24", False),
    ([4, 6, 1, 1], "24.9", False),
    ([4, 5, 7, 8], "4 + 5 + 7 + 8", True),  # from here on its own tests
    ([4, 5, 7, 8], "1+2+3", False),
    ([4, 5, 7, 8], "4*5*7*8", False),
    ([4, 5, 7, 8], "not a valid expression", False),
    ([4, 5, 7, 8], "", False),
]


@pytest.mark.parametrize(("hand", "reply", "right"), OTHERS)
def test_what_another_verifier_judges_wrong_is_judged_right(hand, reply, right):
    gold = solved_hands(13)[tuple(sorted(hand))][0] if tuple(sorted(hand)) in solved_hands(13) else "+".join(map(str, hand))
    assert (verify(reply, Problem.make("?", gold, "game24")).outcome == "correct") == right


HOSTILE = [
    "__import__('os').system('true')",
    "().__class__.__base__.__subclasses__()",
    "lambda: 24",
    "open('x','w')",
    '{"formula": "4*3+2+10;import os"}',
    "4*3+2+10#",
    "exec('24')",
    r"\boxed{eval('4*3+2+10')}",
    "f'{4*3+2+10}'",
    '{"formula": "4*3+2+10 if True else 0"}',
    "[4*3+2+10][0]",
    "{'formula': lambda: 24}",
    "9**9**9**9",
    "9^9^9^9",
    "9!!!!!!!!",
    "10e999999999",
    "1e308*10",
    "0x18",
    "0b11000",
    "0o30",
    "2_4",
    "24j*-1j",
    "inf",
    "nan",
    "True*24",
    "4*3+2+10+0*(1/0)",
    "9" * 5_000,
    "9" * 200,
    "(" * 100_000,
    ")" * 100_000,
    "(" * 99 + "4*3+2+10" + ")" * 98,
    "4*3+2+10" + "+0" * 50_000,
    "4*3+2+10+" * 20_000,
    "-" * 100_000 + "24",
    "4*(3" * 50_000,
    "[4*3" * 10_000,
    r"\frac{" * 20_000,
    r"\frac{4}{" * 10_000 + "}" * 10_000,
    r"\left(" * 20_000,
    "\\" * 100_000,
    '{"formula": "' * 20_000,
    '"formula"' * 30_000,
    '"formula": ' * 30_000,
    '{"cards": [' * 20_000,
    '{"formula": "4*3+2+10\\',
    '{"formula": "4*3+2+10\\\\',
    '{"formula": {"formula": {"value": 24}}}',
    '{"formula": ["4*3+2+10=25", 4]}',
    '{"formula": 24}',
    '{"formula": true}',
    "\x00" * 1_000,
    "\ud800" * 100,
    "\u202e42=01+2+3*4",
    "٤*٣+٢+١٠",
    "4²*3/2",
    "½*48",
    "Ⅳ*3+2+10",
    "4\u00d73\u00d72",
    "=" * 100_000,
    "24=" * 30_000,
    "=24",
    "24",
    "1 2 3 4 " * 30_000,
    "x" * 100_000,
    "4x" * 60_000,
    "4 * 3 + 2 + 10 = 25 = 24 = 26",
    "\\boxed{" * 20_000,
    "<answer>" * 20_000,
]


@pytest.mark.parametrize("reply", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_replies_are_judged_at_once_and_none_is_accepted(reply):
    assert len(HOSTILE) >= 60
    started = time.process_time()
    outcomes = {verify(reply, problem).outcome for problem in (EASY, HARD, SEEN)}
    said = [feedback(reply, problem) for problem in (EASY, SEEN)]
    assert time.process_time() - started < 0.5
    assert outcomes <= {"wrong", "no_answer", "unreadable_answer", "ambiguous"}
    assert all(said)
    assert max(map(len, said)) < 1_000


def test_formulas_hidden_in_unusual_text_are_found_where_they_are_right():
    for reply in ("'4*3+2+10'", "4*3+2+10 # 24", "Sure! 4*3+2+10 = 24!", "- 4*3+2+10 = 24"):
        assert verify(reply, EASY).outcome in ("correct", "wrong")
    assert verify("Sure, here you go! 4*3+2+10 = 24!", EASY).outcome == "correct"


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_feedback_names_the_fault_and_holds_no_part_of_a_solution(seed):
    dice = random.Random(seed)
    hand, found = dice.choice(HANDS)
    problem = Problem.make("?", f"{found[0]}=24", "game24")
    for _ in range(20):
        numbers = [dice.choice([*hand, dice.randint(1, 13)]) for _ in range(dice.randint(2, 5))]
        reply = "".join(f"{dice.choice('+-*/')}{number}" for number in numbers)[1:]
        said = feedback(reply, problem)
        assert (said == "") == (verify(reply, problem).outcome == "correct")
        assert not re.search(r"[0-9]\s*[-+*/()×÷]|[-+*/()×÷]\s*[0-9]", said)
        assert set(map(int, re.findall(r"\d+", said))) <= {*hand, *numbers, 24}


@pytest.mark.parametrize(
    ("reply", "named"),
    [
        ("4*3+2+11", ["on no card: 11", "not used: 10"]),
        ("4*4+2+10", ["too often: 4", "not used: 3"]),
        ("4+3+2+10", ["does not equal 24"]),
        ("(4*3+2+10", ["never closed"]),
        ("4*3+2+^10", ["not allowed: ^"]),
        ("", ["no formula"]),
    ],
)
def test_feedback_names_the_fault(reply, named):
    said = feedback(reply, EASY)
    assert [words for words in named if words not in said] == []


def test_feedback_on_an_image_does_not_tell_what_is_to_be_read():
    said = feedback(as_json("4*3+2+11", cards=["4", "3", "2", "J"]), SEEN)
    assert "the cards are not read correctly" in said
    assert "10" not in said
    assert "a card is not used" in said


@pytest.mark.parametrize("gold", ["", "24", "4*6=25", "4*", "four", "[1, 2]", "8/0"])
def test_a_gold_that_is_no_solution_is_unreadable(gold):
    problem = Problem.make("?", gold, "game24")
    assert verify("4*6=24", problem).outcome == "unreadable_gold"
    assert (feedback("4*6", problem), turn_reward("4*6", problem)) == ("", 0.0)


def test_a_complete_solution_stands_in_a_reply_that_was_cut_off_and_a_guess_does_not():
    assert judge('{"formula": "4*3+2+10=24", "note": "and th', EASY, "length").outcome == "correct"
    assert judge("We try this and that and the other thing\n4*3+2+10", EASY, "length").outcome == "truncated"


@pytest.mark.parametrize(
    ("written", "name"),
    [("10", "10"), ("10S", "10"), ("10 of Hearts", "10"), ("K♥", "K"), ("queen", "Q"), ("a", "A"), ("1", "A"), ("0", None), ("", None)],
)
def test_cards_are_read_as_they_are_written(written, name):
    assert rank_name(written) == name


def test_a_hand_is_the_same_in_any_order():
    assert same_cards(["A", "10", "10", "K"], ["10S", "KD", "AH", "10C"])
    assert not same_cards(["A", "10", "K", "K"], ["10S", "KD", "AH", "10C"])


def test_replies_are_verified_at_the_order_of_a_million_per_minute():
    dice = random.Random(5)
    work = [
        (spell(dice.choice(found)), Problem.make("?", f"{found[0]}=24", "game24"))
        for _, found in dice.sample(HANDS, 100)
        for spell in list(SPELLINGS.values())[:7]
    ]
    started = time.process_time()
    for reply, problem in work:
        verify(reply, problem)
    assert len(work) / (time.process_time() - started) > 5_000  # 16,667 are a million per minute: see docs/results.md
