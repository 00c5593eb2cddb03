r"""The verifier of kind `math`: numbers, expressions, tuples, sets, intervals, equations, words.

In order, the first that decides: the same text; exact numbers, with their base and unit; element by element for lists, tuples,
sets, intervals, unions and matrices; words; our own parser with exact algebra, then certified numbers, for values, equations and
inequalities; each text having a variable of its own; math-verify. `decided_by` names the step: `same_text`, `exact`, `base`,
`unit`, `structure`, `interval`, `words`, `equation`, `algebra`, `certified`, `symbols`, `math_verify`. What cannot be read is
`unreadable_gold` or `unreadable_answer`, never `wrong`.

Policies: a bare list and a set are unordered, a tuple is ordered; `(1,2)` may stand for the list `1,2` in that order; `x=5` may
stand for 5; a choice of values (`3 or 4`) that holds the gold answer among others is ambiguous.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from ..schemas.problem import Problem
from ..schemas.verdict import Outcome
from .canonical import DEGREES, canonical
from .comparison import compare
from .exact import read_number
from .extraction import EXPLICIT, LOOSE, MAX_ANSWER, NOTHING, Extraction, extract, last_formula
from .finding import Finding
from .memory import REMEMBERED_LENGTH
from .prose import plain_value
from .relations import Relation
from .structure import is_words, read_items
from .units import money_of, take_unit, take_upright_unit, units_differ

_STATED = re.compile(r"\\(?:f|frame)?box|<answer>|[Aa]nswer(?: is|:)")
_MARKED_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mbox|mathrm)\s*\{([^{}]*)\}")
SET_APART = frozenset({"boxed", "answer_tag", "hashes"})
"""Ways of finding an answer that bring nothing but the answer along, which may be a sentence."""


class Judgement(NamedTuple):
    """An outcome and the rule that decided."""

    outcome: Outcome
    decided_by: str


def verify_math(response: str, problem: Problem) -> Finding:
    """Judge a response to a mathematical problem."""
    found = extract(response)
    if found.answer is None or (_is_sentence(found) and not is_words(canonical(problem.answer))):
        found = last_formula(response)
    if found.answer is None:
        return Finding(outcome="no_answer")
    judge = judge_again if len(found.answer) <= REMEMBERED_LENGTH else judge_answer
    judgement = judge(found, problem.answer)
    return Finding(outcome=judgement.outcome, answer=found.answer, found_by=found.found_by, decided_by=judgement.decided_by)


@lru_cache(maxsize=16_384)
def judge_again(found: Extraction, gold_text: str) -> Judgement:
    """Compare as `judge_answer` does, from memory where it can: the samples of a problem have few different answers."""
    return judge_answer(found, gold_text)


def _is_sentence(found: Extraction) -> bool:
    return found.found_by in LOOSE and not found.hedged and is_words(canonical(found.answer or ""))


def judge_answer(found: Extraction, gold_text: str) -> Judgement:
    """Compare an extracted answer with a gold answer."""
    assert found.answer is not None
    if len(gold_text) > MAX_ANSWER or len(found.answer) > MAX_ANSWER:
        if gold_text.strip() == found.answer.strip() and len(gold_text) > MAX_ANSWER:
            return Judgement("correct", "same_text")
        return Judgement("unreadable_gold" if len(gold_text) > MAX_ANSWER else "unreadable_answer", "too_large")
    gold, answer = canonical_gold(gold_text), canonical(found.answer)
    if not gold:
        return Judgement("unreadable_gold", "empty")
    relation = compare(gold, answer)
    if not relation.equal and relation.rule == "exact" and gold.isdigit() and answer.isdigit():  # most wrong answers
        return Judgement("ambiguous", "hedged") if found.hedged else Judgement("wrong", relation.rule)
    if not relation.equal and relation.rule != "unit":
        relation = _without_upright_units(gold_text, found.answer) or relation
    if not relation.equal and relation.rule != "unit" and found.found_by in SET_APART and not found.hedged:
        relation = _compare_sentence(gold, answer, found.answer) or relation
    if relation.equal and _amounts_differ(gold_text, found.answer):
        relation = Relation(False, "unit")
    if relation.equal:
        return Judgement("correct", relation.rule)
    if found.hedged or _offers_choice(gold, answer):
        return Judgement("ambiguous", "hedged")
    if relation.equal is None:
        return Judgement("unreadable_gold" if relation.unread == "gold" else "unreadable_answer", relation.rule)
    return Judgement("wrong", relation.rule)


def _compare_sentence(gold: str, answer: str, sentence: str) -> Relation | None:
    """Compare with the value that a sentence in a box states: the answer in so many words, else its only value; None without one."""
    if not is_words(answer) or (is_words(gold) and not read_number(gold)):
        return None
    stated = extract(answer)
    if stated.answer and stated.found_by == "sentence":
        return None if stated.hedged else compare(gold, canonical(stated.answer))
    plain = DEGREES.sub("°", _MARKED_TEXT.sub(r" \1 ", sentence)).strip()
    value = plain_value(plain) or plain_value(answer)
    return compare(gold, canonical(value)) if value else None


def _amounts_differ(gold_text: str, answer_text: str) -> bool:
    """Say whether two texts are amounts of different money: a canonical text has no signs of money."""
    signs = money_of(gold_text), money_of(answer_text)
    if not any(signs):
        return False
    gold_money, answer_money = (sign or take_unit(canonical(text))[1] for sign, text in zip(signs, (gold_text, answer_text), strict=True))
    return units_differ(gold_money, answer_money)


def _without_upright_units(gold_text: str, answer_text: str) -> Relation | None:
    r"""Compare again without the units that are set upright, as in `3\sqrt2\text{ m}`, where an m that is not is a variable."""
    (gold, gold_unit), (answer, answer_unit) = take_upright_unit(gold_text), take_upright_unit(answer_text)
    if not (gold_unit or answer_unit):
        return None
    if units_differ(gold_unit or take_unit(canonical(gold))[1], answer_unit or take_unit(canonical(answer))[1]):
        return Relation(False, "unit")
    relation = compare(canonical(gold), canonical(answer)) if gold and answer else None
    return relation if relation and relation.equal else None


@lru_cache(maxsize=4_096)
def canonical_gold(text: str) -> str:
    r"""Bring a gold answer to one spelling; of a whole solution, take the answer that it states.

    >>> canonical_gold(r"Hence $x = \boxed{7}$.")
    '7'
    """
    stated = extract(text) if _STATED.search(text) else NOTHING
    return canonical(stated.answer if stated.answer and stated.found_by in EXPLICIT else text)


def _offers_choice(gold: str, answer: str) -> bool:
    items = read_items(answer) if " or " in answer else None
    return items is not None and items.choice and any(compare(gold, part).equal for part in items.parts[:8])
