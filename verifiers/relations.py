r"""Compare two formulas by our own means: values, equations up to a factor, inequalities and intervals.

    compare_formulas("y=3x", "3x-y=0") == Relation(True, "algebra")

Values are compared exactly, then by certified numbers; a decimal stands for an exact value when it is its correct rounding.
Equations are the same when their differences of sides are proportional; equations without variables never are. An inequality
is read as an interval where its variable stands alone (`3<x\le5` is `(3,5]`), and else compared up to a factor and its sign.
None is "don't know": the text is not read, or nothing is proven.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from .algebra import proportional, same_algebra
from .certified import closed_value, has_constant_ratio, is_constant, same_value
from .exact import Number, is_rounding, read_number
from .latex import Expression, read_expression
from .structure import read_items
from .trees import MINUS_ONE, Tree


class Relation(NamedTuple):
    """What a comparison found: equal, different, or None with the side that could not be read."""

    equal: bool | None
    rule: str
    unread: str = ""
    """`gold` or `answer` when `equal` is None."""


Compare = Callable[[str, str], Relation]

_SIGN = re.compile(r"\\le(?![A-Za-z])|\\ge(?![A-Za-z])|\\ne(?![A-Za-z])|[=<>]")
_RANGE = re.compile(r"\\(?:le|ge|ne)(?![A-Za-z])|[<>]|\\mathbb|\\R(?![A-Za-z])")
_NAME = re.compile(r"(?:[A-Za-z]|\\[a-z]+)(?:_[A-Za-z0-9]|_\{[A-Za-z0-9]+\}|')?")
_BUILDER = re.compile(r"\\\{([^|:]*)(?:\||:)(.*)\\\}", re.DOTALL)
_FLIPPED = {"<": ">", ">": "<", "\\le": "\\ge", "\\ge": "\\le", "=": "=", "\\ne": "\\ne"}
_REALS = ("\\mathbb{R}", "\\R", "(-\\infty,+\\infty)")
MINUS_INFINITY, INFINITY = "-\\infty", "\\infty"


class Span(NamedTuple):
    """An interval: its ends as texts, and whether they belong to it."""

    low: str
    has_low: bool
    high: str
    has_high: bool


class Spans(NamedTuple):
    """A union of intervals of one variable; the variable is empty when the text names none."""

    variable: str
    parts: tuple[Span, ...]


def compare_formulas(gold: str, answer: str) -> Relation | None:
    """Compare two canonical texts that are no ranges, or ranges that are not read as such."""
    signs = [bool(_SIGN.search(text)) for text in (gold, answer)]
    if not any(signs):
        return compare_values(gold, answer)
    if (_RANGE.search(gold) or _RANGE.search(answer)) and any(read_expression(text) for text in (gold, answer)):
        return Relation(False, "interval")  # a value is no range of values
    return _compare_sides(gold, answer) if all(signs) else None


def compare_ranges(gold: str, answer: str, compare: Compare) -> Relation | None:
    """Compare intervals, unions of them and inequalities, where one side is not written as an interval."""
    if not (_RANGE.search(gold) or _RANGE.search(answer)):
        return None
    spans = read_spans(gold), read_spans(answer)
    return _same_spans(spans[0], spans[1], compare) if spans[0] and spans[1] else None


def compare_values(gold: str, answer: str) -> Relation | None:
    """Compare two texts as expressions; an ambiguous reading may prove them equal, never different."""
    if "\\infty" in gold or "\\infty" in answer:
        return _compare_infinities(gold, answer)
    left, right = read_expression(gold), read_expression(answer)
    if left is None or right is None:
        return _compare_with_unit(gold, answer) if left or right else None
    equal, rule = same_algebra(left.tree, right.tree), "algebra"
    if not equal and is_rounded(gold, right, answer, left):
        equal, rule = True, "certified"
    if equal is None:
        equal, rule = same_value(left, right), "certified"
    if equal is None or (not equal and (left.ambiguous or right.ambiguous)):
        return None
    return Relation(equal, rule)


def _compare_infinities(gold: str, answer: str) -> Relation | None:
    ends = [_end(text) if _end(text) in (INFINITY, MINUS_INFINITY) else None for text in (gold, answer)]
    if all(ends):
        return Relation(ends[0] == ends[1], "same_text")
    finite = any("\\infty" not in text for text in (gold, answer))
    return Relation(False, "exact") if any(ends) and finite else None


def _compare_with_unit(gold: str, answer: str) -> Relation | None:
    """Compare an expression with a number that has a unit or a percent sign, which alone is not held against it."""
    for text, other in ((gold, answer), (answer, gold)):
        number = read_number(text)
        if number and number.unit:
            values = [number.value, number.value / 100] if number.unit == "%" else [number.value]
            found = [compare_values(str(value), other) for value in values]
            equal = [relation.equal if relation else None for relation in found]
            return None if None in equal else Relation(True in equal, "certified")
    return None


def is_rounded(gold: str, right: Expression, answer: str, left: Expression) -> bool:
    """Say whether one of two texts is a decimal and the correct rounding of the other's value."""
    if left.variables or right.variables or "." not in gold + answer:
        return False
    for text, other in ((gold, right), (answer, left)):
        decimal = read_number(text) if "." in text else None
        if decimal and decimal.decimals is not None:
            ends = closed_value(other.tree)
            if ends and all(is_rounding(decimal, Number(end)) for end in ends):
                return True
    return False


def _difference(sides: list[str]) -> Expression | None:
    left, right = (read_expression(side) for side in sides)
    if left is None or right is None:
        return None
    tree: Tree = ("add", left.tree, ("mul", MINUS_ONE, right.tree))
    return Expression(tree, left.variables | right.variables, left.ambiguous or right.ambiguous, left.imaginary or right.imaginary)


def _compare_sides(gold: str, answer: str) -> Relation | None:
    """Compare two equations, or two inequalities, up to a factor."""
    signs = [_SIGN.findall(text) for text in (gold, answer)]
    if any(len(found) != 1 for found in signs):
        return None
    differences = [_difference(_SIGN.split(text)) for text in (gold, answer)]
    left, right = differences
    if left is None or right is None:
        return None
    gold_sign, answer_sign = signs[0][0], signs[1][0]
    if is_constant(left.tree, left.variables) or is_constant(right.tree, right.variables):
        return Relation(False, "equation")  # x=x+1 is no equation in anything
    factor = proportional(left.tree, right.tree)
    if gold_sign in ("=", "\\ne"):
        if gold_sign != answer_sign:
            return Relation(False, "equation")
        if factor is None:
            ratio = has_constant_ratio(left.tree, right.tree, left.variables | right.variables)
            equal, rule = (None if ratio is None else ratio), "certified"
        else:
            equal, rule = factor is not False, "algebra"
        return None if equal is None or (not equal and (left.ambiguous or right.ambiguous)) else Relation(equal, rule)
    if factor is None or factor is False:
        return None
    return Relation(gold_sign == (answer_sign if factor > 0 else _FLIPPED[answer_sign]), "algebra")


def read_spans(text: str) -> Spans | None:
    r"""Read an interval, a union of intervals, or inequalities that say the same.

    >>> read_spans(r"x>3") == Spans("x", (Span("3", False, INFINITY, False),))
    True
    """
    builder = _BUILDER.fullmatch(text)
    if builder:
        head, text = builder[1].partition("\\in")[0].strip(), builder[2].strip()
        inner = read_spans(text)
        return inner if inner and inner.variable in ("", head) else None
    if text in _REALS:
        return Spans("", (Span(MINUS_INFINITY, False, INFINITY, False),))
    if _SIGN.search(text):
        return _inequality(text)
    items = read_items(text)
    if items is None:
        return None
    if items.brackets == "cup":
        return _joined([read_spans(part) for part in items.parts])
    if items.brackets in ("()", "[]", "(]", "[)") and len(items.parts) == 2:
        low, high = items.parts
        return Spans("", (Span(_end(low), items.brackets[0] == "[", _end(high), items.brackets[1] == "]"),))
    return None


def _joined(parts: list[Spans | None]) -> Spans | None:
    if any(part is None for part in parts):
        return None
    names = {part.variable for part in parts if part and part.variable}
    return Spans(names.pop() if names else "", tuple(span for part in parts if part for span in part.parts)) if len(names) < 2 else None


def _end(text: str) -> str:
    return INFINITY if text == "+\\infty" else text


def _inequality(text: str) -> Spans | None:
    alternatives = re.split(r" or |\\cup(?![a-z])|\\lor(?![a-z])", text)
    if len(alternatives) > 1:
        return _joined([_inequality(part.strip()) for part in alternatives])
    sides = [side.strip() for side in _SIGN.split(text)]
    signs = _SIGN.findall(text)
    if not signs:
        return None
    if len(signs) == 1 and not _NAME.fullmatch(sides[0]):
        sides, signs = sides[::-1], [_FLIPPED[signs[0]]]
    if len(signs) == 2 and signs[0] in (">", "\\ge"):
        sides, signs = sides[::-1], [_FLIPPED[sign] for sign in reversed(signs)]
    name = sides[0] if len(signs) == 1 else sides[1]
    ends = sides[1:] if len(signs) == 1 else [sides[0], sides[2]] if len(signs) == 2 else []
    if not ends or not _NAME.fullmatch(name) or not all(_is_closed(end) for end in ends):
        return None
    if len(signs) == 2:
        closed = {"<": False, "\\le": True}
        if not all(sign in closed for sign in signs):
            return None
        return Spans(name, (Span(_end(ends[0]), closed[signs[0]], _end(ends[1]), closed[signs[1]]),))
    end, sign = _end(ends[0]), signs[0]
    if sign == "\\ne":
        return Spans(name, (Span(MINUS_INFINITY, False, end, False), Span(end, False, INFINITY, False)))
    if sign in ("<", "\\le"):
        return Spans(name, (Span(MINUS_INFINITY, False, end, sign == "\\le"),))
    return Spans(name, (Span(end, sign == "\\ge", INFINITY, False),)) if sign in (">", "\\ge") else None


def _is_closed(text: str) -> bool:
    if text in (INFINITY, MINUS_INFINITY, "+\\infty"):
        return True
    expression = read_expression(text)
    return expression is not None and not expression.variables


def _same_spans(gold: Spans, answer: Spans, compare: Compare) -> Relation | None:
    if gold.variable and answer.variable and gold.variable != answer.variable:
        return Relation(False, "interval")
    if len(gold.parts) != len(answer.parts):
        return Relation(False, "interval")
    left = list(answer.parts)
    for span in gold.parts:
        found = [_same_span(span, other, compare) for other in left]
        if True not in found:
            return None if None in found else Relation(False, "interval")
        del left[found.index(True)]
    return Relation(True, "interval")


def _same_span(one: Span, other: Span, compare: Compare) -> bool | None:
    if (one.has_low, one.has_high) != (other.has_low, other.has_high):
        return False
    ends: list[bool | None] = []
    for left, right in ((one.low, other.low), (one.high, other.high)):
        infinite = "\\infty" in left or "\\infty" in right
        ends.append(left == right if infinite else compare(left, right).equal)
    return False if False in ends else None if None in ends else True
