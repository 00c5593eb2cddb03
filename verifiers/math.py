r"""The verifier of kind `math`: numbers, expressions, tuples, sets, intervals, equations, words.

In order, the first that decides: the same text; exact numbers; element by element for lists, tuples, sets, intervals, unions
and matrices; words; math-verify. What cannot be read is `unreadable_gold` or `unreadable_answer`, never `wrong`.

Policies: a bare list and a set are unordered, a tuple is ordered; `(1,2)` may stand for the list `1,2` in that order; `x=5` may
stand for 5; a choice of values (`3 or 4`) that holds the gold answer among others is ambiguous.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from ..schemas.problem import Problem
from ..schemas.verdict import Outcome, Verdict
from .canonical import canonical, squeezed, unwrapped
from .exact import read_number, same_number
from .extraction import LOOSE, MAX_ANSWER, Extraction, extract, last_formula
from .structure import Items, is_words, read_items, strip_name
from .symbolic import Relation, compare_symbolic, letters_of

MAX_PAIRS = 1_000
"""Unordered collections with more pairs to compare are only compared number by number."""
_INTEGER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)")
_LETTERS = re.compile(r"[A-Za-z]{2,}")
_CALL = re.compile(r" ?[A-Za-z]'*\(")
_BASED = re.compile(r"(\d[\dA-F]*)(?:_\{?(\d+|[a-z]+)\}?)?")


class Judgement(NamedTuple):
    """An outcome and the rule that decided."""

    outcome: Outcome
    decided_by: str


def verify_math(response: str, problem: Problem) -> Verdict:
    """Judge a response to a mathematical problem."""
    found = extract(response)
    if found.answer is None or (_is_sentence(found) and not is_words(canonical(problem.answer))):
        found = last_formula(response)
    if found.answer is None:
        return Verdict(outcome="no_answer")
    judgement = judge_answer(found, problem.answer)
    return Verdict(outcome=judgement.outcome, answer=found.answer, found_by=found.found_by, decided_by=judgement.decided_by)


def _is_sentence(found: Extraction) -> bool:
    return found.found_by in LOOSE and not found.hedged and is_words(canonical(found.answer or ""))


def judge_answer(found: Extraction, gold_text: str) -> Judgement:
    """Compare an extracted answer with a gold answer."""
    assert found.answer is not None
    if len(gold_text) > MAX_ANSWER or len(found.answer) > MAX_ANSWER:
        return Judgement("unreadable_gold" if len(gold_text) > MAX_ANSWER else "unreadable_answer", "too_large")
    gold, answer = canonical(gold_text), canonical(found.answer)
    if not gold:
        return Judgement("unreadable_gold", "empty")
    relation = compare(gold, answer)
    if relation.equal:
        return Judgement("correct", relation.rule)
    if found.hedged or _offers_choice(gold, answer):
        return Judgement("ambiguous", "hedged")
    if relation.equal is None:
        return Judgement("unreadable_gold" if relation.unread == "gold" else "unreadable_answer", relation.rule)
    return Judgement("wrong", relation.rule)


def compare(gold: str, answer: str) -> Relation:
    """Compare two canonical texts."""
    if squeezed(gold) == squeezed(answer):
        return Relation(True, "same_text")
    gold_based, answer_based = _BASED.fullmatch(gold), _BASED.fullmatch(answer)
    if gold_based and answer_based and (gold_based[2] or answer_based[2]):
        bases = {gold_based[2], answer_based[2]} - {None}  # a base that only one side names is the other's, too
        return Relation(gold_based[1] == answer_based[1] and len(bases) == 1, "base")
    gold_value, answer_value = strip_name(gold), strip_name(answer)
    if gold_value.name and answer_value.name and gold_value.name != answer_value.name:
        return _compare_leaves(gold, answer)
    gold_plain, answer_plain = unwrapped(gold_value.text, "()"), unwrapped(answer_value.text, "()")
    if _INTEGER.fullmatch(gold_plain) and _INTEGER.fullmatch(answer_plain):  # of any length
        return Relation(_digits(gold_plain) == _digits(answer_plain), "exact")
    gold_number, answer_number = read_number(gold_plain), read_number(answer_plain)
    if gold_number and answer_number:
        return Relation(same_number(gold_number, answer_number), "exact")
    gold_items, answer_items = read_items(gold_value.text), read_items(answer_value.text)
    if gold_items and answer_items:
        return _compare_items(gold_items, answer_items)
    for items, number in ((gold_items, answer_number), (answer_items, gold_number)):
        if items and number and len(items.parts) > 1:
            return Relation(False, "exact")
    if "=" in answer_value.text and "=" not in gold:
        return _compare_chain(gold, answer_value.text)
    return _compare_leaves(gold, answer)


def _compare_chain(gold: str, chain: str) -> Relation:
    """Compare with the last side of `17 mod 5 = 2` or `m+n=2`; `1 = 2` is not 2, and `2x = 6` need not be 6."""
    *before, last = chain.split("=")
    if any(len(letters_of(side)) == 1 and not _CALL.match(side) and not strip_name(f"{side}={last}").name for side in before):
        return Relation(None, "equation", "answer")
    relation = compare(gold, last.strip())
    numbers = [read_number(side.strip()) for side in before]
    end = read_number(last.strip())
    return Relation(False, "exact") if relation.equal and end and any(n and n.value != end.value for n in numbers) else relation


def _digits(integer: str) -> str:
    digits = integer.replace(",", "").replace("+", "")
    return ("-" if digits.startswith("-") else "") + digits.lstrip("-0") if digits.strip("-0") else "0"


def _compare_leaves(gold: str, answer: str) -> Relation:
    gold_words, answer_words = is_words(gold), is_words(answer)
    if _LETTERS.fullmatch(gold) and _LETTERS.fullmatch(answer) and not gold_words:
        return (
            Relation(None, "words", "answer") if sorted(gold) == sorted(answer) else Relation(False, "words")
        )  # ab and ba: words or products
    if gold_words:
        return Relation(_plain_words(gold) == _plain_words(answer), "words")
    if answer_words:
        return Relation(None, "words", "answer")
    return compare_symbolic(gold, answer)


def _compare_items(gold: Items, answer: Items) -> Relation:
    if len(gold.parts) != len(answer.parts) or not gold.compatible(answer):
        return Relation(False, "exact")
    if gold.ordered or answer.ordered:
        return _all(compare(left, right) for left, right in zip(gold.parts, answer.parts, strict=True))
    gold_values, answer_values = [_value(part) for part in gold.parts], [_value(part) for part in answer.parts]
    if None not in gold_values and None not in answer_values:
        return Relation(sorted(gold_values) == sorted(answer_values), "exact")  # pyright: ignore[reportArgumentType]
    if len(gold.parts) ** 2 > MAX_PAIRS:
        same = sorted(map(squeezed, gold.parts)) == sorted(map(squeezed, answer.parts))
        return Relation(True, "same_text") if same else Relation(None, "too_large", "answer")
    return _match(gold.parts, list(answer.parts), compare)


def _value(part: str) -> tuple | None:
    number = read_number(part)
    return number and (number.value, number.unit)


def _match(gold: tuple[str, ...], left: list[str], same: Callable[[str, str], Relation]) -> Relation:
    """Pair each gold part with an answer part of its own; the relation is symmetric enough for the first match to be the one."""
    rule = "same_text"
    for part in gold:
        relations = [same(part, candidate) for candidate in left]
        match = next((place for place, relation in enumerate(relations) if relation.equal), None)
        if match is None:
            return next((relation for relation in relations if relation.equal is None), relations[0])
        rule = max(rule, relations[match].rule, key=_RULES.index)
        del left[match]
    return Relation(True, rule)


def _all(relations: object) -> Relation:
    found: list[Relation] = []
    for relation in relations:  # pyright: ignore[reportGeneralTypeIssues]
        if relation.equal is False:
            return relation
        found.append(relation)
    unknown = next((relation for relation in found if relation.equal is None), None)
    return unknown or Relation(True, max((relation.rule for relation in found), key=_RULES.index))


_RULES = ["same_text", "words", "exact", "math_verify"]
"""From the plainest rule to the one that reads most into a text; a collection is decided by the last that it needed."""


def _offers_choice(gold: str, answer: str) -> bool:
    items = read_items(answer)
    return items is not None and items.choice and any(compare(gold, part).equal for part in items.parts[:8])


def _plain_words(text: str) -> str:
    return " ".join(re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text.lower()).split()).strip(" .")
