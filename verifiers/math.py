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
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from ..schemas.problem import Problem
from ..schemas.verdict import Outcome, Verdict
from .canonical import canonical, squeezed, unwrapped
from .certified import same_value
from .exact import read_number, same_number, split_unit, units_differ
from .extraction import EXPLICIT, LOOSE, MAX_ANSWER, NOTHING, Extraction, extract, last_formula
from .latex import read_expression
from .relations import Relation, compare_formulas, compare_ranges
from .structure import Items, is_words, read_items, split, strip_name
from .symbolic import compare_symbolic, letters_of

MAX_PAIRS = 1_000
"""Unordered collections with more pairs to compare are only compared number by number."""
_INTEGER = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:,\d{3})+)(?:\.0*)?")
_STATED = re.compile(r"\\(?:f|frame)?box|<answer>|[Aa]nswer(?: is|:)")
_BINDERS = ("\\lim", "\\int", "\\sum", "\\prod")
"""Their letters are bound: the value of `\\lim_{x\\to 0} x` has none."""
_LETTERS = re.compile(r"[A-Za-z]{2,}")
_GREEK = re.compile(r"\\(?:alpha|beta|gamma|delta|epsilon|theta|lambda|mu|nu|omega|phi|rho|sigma|tau|psi|Delta|Omega)(?![A-Za-z])")
_CALL = re.compile(r" ?[A-Za-z]'*\(")
_BASED = re.compile(r"(-?\d[\dA-F]*)(?:_\{?(\d+|[a-z]+)\}?)?")


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
    if gold_text.strip() == found.answer.strip() and len(gold_text) > MAX_ANSWER:
        return Judgement("correct", "same_text")
    if len(gold_text) > MAX_ANSWER or len(found.answer) > MAX_ANSWER:
        return Judgement("unreadable_gold" if len(gold_text) > MAX_ANSWER else "unreadable_answer", "too_large")
    gold, answer = canonical_gold(gold_text), canonical(found.answer)
    if not gold:
        return Judgement("unreadable_gold", "empty")
    relation = compare(gold, answer)
    if not relation.equal and found.found_by == "boxed" and is_words(answer) and not is_words(gold):
        stated = extract(answer)  # a sentence in a box
        if stated.answer and stated.found_by == "sentence" and not stated.hedged:
            relation = compare(gold, canonical(stated.answer))
    if relation.equal:
        return Judgement("correct", relation.rule)
    if found.hedged or _offers_choice(gold, answer):
        return Judgement("ambiguous", "hedged")
    if relation.equal is None:
        return Judgement("unreadable_gold" if relation.unread == "gold" else "unreadable_answer", relation.rule)
    return Judgement("wrong", relation.rule)


@lru_cache(maxsize=4_096)
def canonical_gold(text: str) -> str:
    r"""Bring a gold answer to one spelling; of a whole solution, take the answer that it states.

    >>> canonical_gold(r"Hence $x = \boxed{7}$.")
    '7'
    """
    stated = extract(text) if _STATED.search(text) else NOTHING
    return canonical(stated.answer if stated.answer and stated.found_by in EXPLICIT else text)


def compare(gold: str, answer: str) -> Relation:
    """Compare two canonical texts."""
    if gold == answer or squeezed(gold) == squeezed(answer):
        return Relation(True, "same_text")
    if gold.isdigit() and answer.isdigit():
        return Relation(gold.lstrip("0") == answer.lstrip("0"), "exact")
    gold_based, answer_based = _BASED.fullmatch(gold), _BASED.fullmatch(answer)
    if gold_based and answer_based and (gold_based[2] or answer_based[2]):
        bases = {gold_based[2], answer_based[2]} - {None}  # a base that only one side names is the other's, too
        return Relation(gold_based[1] == answer_based[1] and len(bases) == 1, "base")
    for based, other in ((gold_based, answer), (answer_based, gold)):
        if based and based[2] and (read_number(other) or read_expression(other)):
            return Relation(False, "base")
    gold_value, answer_value = strip_name(gold), strip_name(answer)
    if gold_value.name and answer_value.name and gold_value.name != answer_value.name:
        return _compare_leaves(gold, answer)
    gold_plain, answer_plain = unwrapped(gold_value.text, "()"), unwrapped(answer_value.text, "()")
    if ("," in gold and _is_decimal_comma(gold_plain, answer_plain)) or ("," in answer and _is_decimal_comma(answer_plain, gold_plain)):
        return Relation(True, "exact")
    if _INTEGER.fullmatch(gold_plain) and _INTEGER.fullmatch(answer_plain):  # of any length
        return Relation(_digits(gold_plain) == _digits(answer_plain), "exact")
    gold_number, answer_number = read_number(gold_plain), read_number(answer_plain)
    if gold_number and answer_number:
        return Relation(same_number(gold_number, answer_number), "exact")
    if (gold_value.name and "=" in answer_value.text) or (answer_value.name and "=" in gold_value.text):
        return _compare_leaves(gold, answer)  # two equations
    (gold_text, gold_unit), (answer_text, answer_unit) = split_unit(gold_value.text), split_unit(answer_value.text)
    if units_differ(gold_unit, answer_unit):
        return Relation(False, "unit")
    if (gold_unit or answer_unit) and not (is_words(gold_text) or is_words(answer_text)):
        return compare(gold_text, answer_text)
    return _compare_shapes(gold_value.text, answer_value.text)


def _is_decimal_comma(text: str, decimal: str) -> bool:
    """Say whether `0,25` is meant as 0.25: it is read so only where the other side is that decimal."""
    return (
        text.count(",") == 1
        and text.replace(",", ".") == decimal
        and (text[0] == "0" or not _INTEGER.fullmatch(text))
        and bool(read_number(decimal))
    )


def _compare_shapes(gold: str, answer: str) -> Relation:
    """Compare two texts without their names that are not two numbers."""
    relation = compare_ranges(gold, answer, compare)
    if relation:
        return relation
    gold_items, answer_items = read_items(gold), read_items(answer)
    if gold_items and answer_items:
        return _compare_items(gold_items, answer_items)
    for items, other in ((gold_items, answer), (answer_items, gold)):
        if items and len(items.parts) > 1 and (read_number(other) or (not is_words(other) and read_expression(other))):
            return Relation(False, "structure")
    if "=" in answer and "=" not in gold:
        return _compare_chain(gold, answer)
    return _compare_leaves(gold, answer)


def _compare_chain(gold: str, chain: str) -> Relation:
    """Compare with the last side of `17 mod 5 = 2` or `m+n=2`; `1 = 2` is not 2, and `2x = 6` need not be 6."""
    *before, last = chain.split("=")
    if any(
        len(letters_of(side)) == 1 and not side.startswith(_BINDERS) and not _CALL.match(side) and not strip_name(f"{side}={last}").name
        for side in before
    ):
        return Relation(None, "equation", "answer")
    relation = compare(gold, last.strip())
    numbers = [read_number(side.strip()) for side in before]
    end = read_number(last.strip())
    return Relation(False, "exact") if relation.equal and end and any(n and n.value != end.value for n in numbers) else relation


def _digits(integer: str) -> str:
    digits = integer.partition(".")[0].replace(",", "").replace("+", "")
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
    if "=" in gold and "=" in answer:
        (*gold_heads, gold_tail), (*answer_heads, answer_tail) = split(gold, ("=",)), split(answer, ("=",))
        if gold_heads and gold_tail and answer_tail and [*map(squeezed, gold_heads)] == [*map(squeezed, answer_heads)]:
            return compare(gold_tail, answer_tail)
        if len(split(gold_tail, (",", ";"))) > 1 and gold_heads and read_expression(gold_heads[0]) and read_expression(answer_heads[0]):
            return Relation(False, "equation")  # a list of values of x, and one of -x
    relation = compare_formulas(gold, answer)
    if relation is None and _have_own_symbols(gold, answer):
        return Relation(False, "symbols")
    return relation or _undecided(gold, answer) or compare_symbolic(gold, answer)


def _undecided(gold: str, answer: str) -> Relation | None:
    """Name the side without a value of two numbers that were read: where all digits at hand could not tell, fewer must not."""
    left, right = read_expression(gold), read_expression(answer)
    if not left or not right or left.variables or right.variables or left.ambiguous or right.ambiguous:
        return None
    return Relation(None, "undecided", "answer" if same_value(left, left) else "gold")


def _have_own_symbols(gold: str, answer: str) -> bool:
    """Say whether each text has a variable that the other lacks; bound variables have no name of their own."""
    if any(binder in text for text in (gold, answer) for binder in (*_BINDERS, "|", ":")):
        return False
    gold_symbols, answer_symbols = ((letters_of(text) | set(_GREEK.findall(text))) - {"e", "i", "d"} for text in (gold, answer))
    return bool(gold_symbols - answer_symbols) and bool(answer_symbols - gold_symbols)


def _compare_items(gold: Items, answer: Items) -> Relation:
    gold, answer = _distinct(gold), _distinct(answer)
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


def _distinct(items: Items) -> Items:
    """Drop the repeated members of a set and of a list of tuples; a list of numbers keeps its repeated roots."""
    if items.ordered or not (items.brackets == "\\{\\}" or all(part.startswith("(") for part in items.parts)):
        return items
    return items._replace(parts=tuple({squeezed(part): part for part in items.parts}.values()))


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


_RULES = [
    "same_text",
    "words",
    "exact",
    "base",
    "unit",
    "structure",
    "interval",
    "equation",
    "symbols",
    "algebra",
    "certified",
    "math_verify",
]
"""From the plainest rule to the one that reads most into a text; a collection is decided by the last that it needed."""


def _offers_choice(gold: str, answer: str) -> bool:
    items = read_items(answer)
    return items is not None and items.choice and any(compare(gold, part).equal for part in items.parts[:8])


def _plain_words(text: str) -> str:
    return squeezed(" ".join(re.sub(r"(?<=[a-z])-(?=[a-z])", " ", text.lower()).split())).strip(" .")
