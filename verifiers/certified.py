r"""Compare two expressions by their values: proven different by disjoint balls, equal when they agree to hundreds of digits.

    same_value(read_expression(r"\frac{1}{2004!}"), read_expression(r"\frac{1}{2006!}")) is False

Closed expressions are different when their balls are disjoint, at any magnitude, and equal when they overlap at `PRECISIONS[-1]`
bits with radii below 100 digits. Expressions in variables are compared at the fixed points of `SAMPLES`, positive and negative:
different when they differ at one, equal when they agree at all points where both are real, at three at least. The even root of a
negative number puts a point outside the domain; where only one side is real, or both are not and no `i` was written, branches of
logarithms are at play and nothing is decided.
"""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

from .arithmetic import Arithmetic, floats, precise
from .balls import Ball, NoValue
from .evaluation import Evaluator
from .latex import Expression
from .trees import Tree, size

PRECISIONS = (400, 2_500)
"""Bits; 100 digits need 333 of them, the rest is for cancellation."""
AGREED_BITS = 333
MAX_SIZE = 2_000
"""Nodes of the largest tree that is evaluated at high precision."""
MIN_POINTS = 3
"""Points at which two expressions in variables must be seen to agree."""

_SMALL = ("7/19", "5/13", "11/17", "3/23", "13/29", "17/31")
_LARGE = ("31/13", "17/11", "43/19", "29/7", "37/23", "53/41")
_HUGE = ("311/13", "170/11", "431/19", "290/7", "377/23", "533/41")
_MORE = Fraction(59, 47)
"""A seventh variable takes the value of the first, times this, and so on."""
MAX_VARIABLES = 12
SAMPLES: tuple[tuple[Fraction, ...], ...] = tuple(
    (*(Fraction(text) for text in row), *(Fraction(text) * _MORE for text in row))
    for row in (
        _SMALL,
        _LARGE,
        tuple("-" + text for text in _SMALL),
        tuple("-" + text for text in _LARGE),
        _SMALL[:1] + _LARGE[1:2] + _HUGE[2:3] + _SMALL[3:],
        _HUGE[:1] + _LARGE[1:2] + _SMALL[2:3] + _LARGE[3:],
        (*_LARGE[:1], "-17/11", *_SMALL[2:3], "-29/7", *_LARGE[4:]),
        ("-31/13", *_SMALL[1:2], "-43/19", *_HUGE[3:]),
        _HUGE,
        tuple("-" + text for text in _HUGE),
    )
)
"""The values of the variables in alphabetical order, one row for each point: small, large, negative, mixed."""


class _Points(NamedTuple):
    """What the comparison at the points of a kind found."""

    different: bool
    doubtful: bool
    agreed: tuple[dict[str, Fraction], ...]


def same_value(left: Expression, right: Expression) -> bool | None:
    """Say whether two expressions have the same value everywhere; None when it is not known."""
    variables = sorted(left.variables | right.variables)
    if len(variables) > MAX_VARIABLES or max(size(left.tree), size(right.tree)) > MAX_SIZE:
        return None
    if not variables:
        return _same_constant(left.tree, right.tree)
    points = [dict(zip(variables, row, strict=False)) for row in SAMPLES]
    if len(variables) == 1:  # more points cost little, and one variable has no mixed rows
        points = [{variables[0]: value} for row in SAMPLES[:4] for value in row[:2]] + points[-2:]
    imaginary = left.imaginary or right.imaginary
    found = _at_points(left.tree, right.tree, points, floats(), imaginary)
    if found.different or found.doubtful:
        return False if found.different else None
    points = found.agreed[:5] if len(found.agreed) >= MIN_POINTS else points  # floats overflow early
    for bits in PRECISIONS:
        found = _at_points(left.tree, right.tree, points, precise(bits), imaginary)
        if found.different or found.doubtful:
            return False if found.different else None
        if len(found.agreed) >= MIN_POINTS:
            return True
    return None


def _at_points(left: Tree, right: Tree, points: object, arithmetic: Arithmetic, imaginary: bool) -> _Points:
    agreed: list[dict[str, Fraction]] = []
    doubtful = False
    for point in points:  # pyright: ignore[reportGeneralTypeIssues]
        evaluator = Evaluator(arithmetic, point, complex_roots=imaginary)
        try:
            one, other = evaluator.value(left), evaluator.value(right)
        except NoValue:
            continue
        disjoint = are_disjoint(one, other)
        if not imaginary and not (one.is_real() and other.is_real()):
            doubtful |= disjoint
        elif disjoint:
            return _Points(True, doubtful, ())
        elif arithmetic is floats() or (not evaluator.swamped and _agree(one, other, arithmetic)):
            agreed.append(point)
    return _Points(False, doubtful, tuple(agreed))


def are_disjoint(one: Ball, other: Ball) -> bool:
    """Say whether two balls have no number in common."""
    return bool(abs(one.value - other.value) > (one.radius + other.radius) * 1.001)


def _same_constant(left: Tree, right: Tree) -> bool | None:
    arithmetic = floats()
    for bits in (0, *PRECISIONS):
        arithmetic = precise(bits) if bits else arithmetic
        evaluator = Evaluator(arithmetic, {}, complex_roots=True)
        try:
            one, other = evaluator.value(left), evaluator.value(right)
        except NoValue:
            continue
        if are_disjoint(one, other):
            return False
        if bits == PRECISIONS[-1]:
            return True if not evaluator.swamped and _agree(one, other, arithmetic) else None
    return None


def _agree(one: Ball, other: Ball, arithmetic: Arithmetic) -> bool:
    """Say whether two balls that overlap agree to a hundred digits of their size, or are both zero to twice as many."""
    limit = arithmetic.real(Fraction(1, 1 << AGREED_BITS))
    spread = one.radius + other.radius
    return bool(spread <= limit * max(abs(one.value), abs(other.value)) or spread <= limit * limit)


def closed_value(tree: Tree) -> tuple[Fraction, Fraction] | None:
    """Enclose a real number between two fractions that agree to a hundred digits; None when it is none or cannot be bounded."""
    try:
        ball = Evaluator(precise(PRECISIONS[0]), {}, complex_roots=True).value(tree)
    except NoValue:
        return None
    if not ball.is_real() or abs(ball.value) > 1e300 or (ball.value and abs(ball.value) < 1e-300):
        return None
    value, radius = _fraction(ball.value), _fraction(ball.radius)
    return value - radius, value + radius


def _fraction(number: object) -> Fraction:
    if isinstance(number, int):
        return Fraction(number)
    sign, mantissa, exponent, _ = number._mpf_  # pyright: ignore[reportAttributeAccessIssue] - documented: (-1)^sign * m * 2^e
    value = Fraction(int(mantissa)) * (Fraction(2) ** exponent)
    return -value if sign else value


def has_constant_ratio(left: Tree, right: Tree, variables: frozenset[str]) -> bool | None:
    """Say whether two expressions are proportional, by a constant, at all points; None when it is not known."""
    names = sorted(variables)
    if not names or len(names) > MAX_VARIABLES or max(size(left), size(right)) > MAX_SIZE:
        return None
    for arithmetic in (floats(), precise(PRECISIONS[0])):
        ratios: list[Ball] = []
        for row in SAMPLES:
            evaluator = Evaluator(arithmetic, dict(zip(names, row, strict=False)), complex_roots=False)
            try:
                ratios.append(evaluator.value(("div", left, right)))
            except NoValue:
                continue
            if not ratios[-1].is_real() or evaluator.swamped:
                return None
            if are_disjoint(ratios[0], ratios[-1]):
                return False
        if len(ratios) < MIN_POINTS or abs(ratios[0].value) <= ratios[0].radius:
            return None
    return True


def is_constant(tree: Tree, variables: frozenset[str]) -> bool:
    """Say whether an expression could be the same at all points: nothing at them tells otherwise."""
    values: list[Ball] = []
    for row in SAMPLES:
        try:
            values.append(Evaluator(floats(), dict(zip(sorted(variables), row, strict=False)), complex_roots=True).value(tree))
        except (NoValue, KeyError):
            continue
        if are_disjoint(values[0], values[-1]):
            return False
    return True
