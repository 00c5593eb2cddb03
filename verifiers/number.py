r"""The verifier of kind `number`: integers and decimals, within a tolerance (`verifiers.tolerance`).

A gold answer of another shape is judged by its own rules: `true` as a boolean, `[1, 2]` as a list. Numbers up to twenty may be
spelled out. Of a sentence around a number, the number that it states is taken.
"""

from __future__ import annotations

from ..schemas.problem import Problem
from .boolean import truth_of, verify_boolean
from .canonical import canonical
from .exact import Number, read_number
from .extraction import LOOSE, extract, last_formula
from .finding import Finding
from .lists import parts_of, value_of, verify_list
from .structure import is_words
from .tolerance import is_close

_SPELLED = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "twenty",
]


def verify_number(response: str, problem: Problem) -> Finding:
    """Judge a response to a problem whose answer is a number."""
    if truth_of(problem.answer) is not None:
        return verify_boolean(response, problem)
    gold_text = canonical(problem.answer)
    golds = parts_of(gold_text)
    if len(golds) > 1:
        return verify_list(response, problem)
    gold = read_number(golds[0]) if golds else None
    if gold is None:
        return Finding(outcome="unreadable_gold", decided_by="number")
    found = extract(response)
    answer = None if found.answer is None else _read(found.answer)
    if found.answer is None or (answer is None and found.found_by in LOOSE and not found.hedged and is_words(canonical(found.answer))):
        found = last_formula(response)
        answer = None if found.answer is None else _read(found.answer)
    if found.answer is None:
        return Finding(outcome="no_answer")
    if answer is not None and is_close(gold, answer):
        outcome, rule = "correct", "tolerance"
    elif found.hedged:
        outcome, rule = "ambiguous", "hedged"
    elif len(parts_of(canonical(found.answer))) > 1:
        outcome, rule = "wrong", "length"
    else:
        outcome, rule = ("unreadable_answer", "number") if answer is None else ("wrong", "tolerance")
    return Finding(outcome=outcome, answer=found.answer, found_by=found.found_by, decided_by=rule)


def _read(text: str) -> Number | None:
    parts = parts_of(canonical(text))
    word = canonical(text).lower()
    if word in _SPELLED:
        return read_number(str(_SPELLED.index(word)))
    return value_of(parts[0]) if len(parts) == 1 else None
