"""The verifier of kind `list`: values in their order, `[1, 2, 3]`; numbers within the tolerance of kind `number`, the rest as text.

TheoremQA's own script sorts both lists first, and so accepts the coordinates of a vector in any order; here order counts.
"""

from __future__ import annotations

from ..schemas.problem import Problem
from ..schemas.verdict import Outcome
from .canonical import canonical, squeezed, unwrapped
from .exact import Number, read_number
from .extraction import LOOSE, extract, last_formula
from .finding import Finding
from .structure import is_words, read_items, split, strip_name
from .symbolic import numeric_value
from .tolerance import is_close

MAX_PARTS = 10_000
"""Longer lists are not read."""
ROW_END = "\\\\"
"""What `read_items` puts at the end of a matrix's row."""


def verify_list(response: str, problem: Problem) -> Finding:
    """Judge a response to a problem whose answer is an ordered list."""
    golds = parts_of(canonical(problem.answer))
    if not golds or len(golds) > MAX_PARTS:
        return Finding(outcome="unreadable_gold", decided_by="list")
    found = extract(response)
    if found.answer is None or (found.found_by in LOOSE and is_words(canonical(found.answer)) and not is_words(canonical(problem.answer))):
        found = last_formula(response)
    if found.answer is None:
        return Finding(outcome="no_answer")
    answers = parts_of(canonical(found.answer))
    outcome, rule = compare_parts(golds, answers)
    if found.hedged and outcome != "correct" and len(golds) != len(answers):
        outcome, rule = "ambiguous", "hedged"
    return Finding(outcome=outcome, answer=found.answer, found_by=found.found_by, decided_by=rule)


def compare_parts(golds: tuple[str, ...], answers: tuple[str, ...]) -> tuple[Outcome, str]:
    """Compare two lists element by element."""
    if len(golds) != len(answers):
        return "wrong", "length"
    relations = [_same(gold, answer) for gold, answer in zip(golds, answers, strict=True)]
    if False in relations:
        return "wrong", "tolerance"
    return ("unreadable_answer" if None in relations else "correct"), "tolerance"


def parts_of(text: str) -> tuple[str, ...]:
    r"""Split a canonical text into its values; a column vector and a set are lists, too.

    >>> parts_of("[1,2]"), parts_of("7")
    (('1', '2'), ('7',))
    """
    text = strip_name(text).text
    items = None if read_number(text) else read_items(text)
    if items is not None:
        values = tuple(part for part in items.parts if part != ROW_END)
        rows = len(items.parts) - len(values)
        return values if rows in (0, 1, len(values)) else items.parts  # a row, a column; a matrix is no list
    inner = unwrapped(unwrapped(text, "[]"), "()")
    return tuple(part.strip() for part in split(inner, (",", ";"))) if inner else ()


def value_of(text: str) -> Number | None:
    r"""Read a number, or a closed expression such as `\sqrt{2}/2` or `x \approx 0.71`; None when it is neither."""
    number = read_number(text)
    if number is not None:
        return number
    value = numeric_value(text.rpartition("\\approx")[2])
    return None if value is None else Number(value, decimals=17)


def _same(gold: str, answer: str) -> bool | None:
    if squeezed(gold) == squeezed(answer):
        return True
    gold_number = value_of(gold)
    if gold_number is None:
        return squeezed(gold.lower()) == squeezed(answer.lower())
    answer_number = value_of(answer)
    return None if answer_number is None else is_close(gold_number, answer_number)
