r"""Evaluate an expression with a proven bound of its error: a value and a radius, in floats or at any precision.

    Evaluator(floats(), {}).value(("pow", ("num", 2), HALF)) is about (1.4142135623730951, 6e-14)

Arithmetic on balls after J. van der Hoeven, "Ball arithmetic" (2009): each rule adds the error that its arguments pass on, by a
Lipschitz bound, and the rounding of its result. Elementary functions are trusted to 2^-46 in floats and to all but 16 bits in
mpmath. Real values stay real numbers; the even root of a negative number is complex only where that is allowed, an odd one is
real, logarithms are principal. `NoValue` is raised where a function is undefined, a ball meets a pole or a branch cut, or a
value is too large: nothing here builds large integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from .arithmetic import Arithmetic
from .latex import Tree

MAX_MAGNITUDE = 1 << 45
"""Bits of the exponent of the largest value; a float of mpmath holds such numbers in a few words."""


SWAMPED = 1 << 40
"""A summand must stand out of the rounding of the other by so much, or the sum says nothing about it."""


class NoValue(Exception):
    """There is no value, or none that can be bounded."""


class Ball(NamedTuple):
    """All numbers within a radius of a value; the value is complex only when it is not known to be real."""

    value: Any
    radius: Any

    def is_real(self) -> bool:
        """Say whether the ball holds real numbers only."""
        return not isinstance(self.value, complex) and not hasattr(self.value, "_mpc_")


class Evaluator:
    """Evaluates trees at one point, in one arithmetic."""

    def __init__(self, arithmetic: Arithmetic, point: Mapping[str, Fraction], complex_roots: bool) -> None:
        self.arithmetic = arithmetic
        self.point = point
        self.complex_roots = complex_roots
        self.f = arithmetic.functions

    def value(self, tree: Tree) -> Ball:
        """Evaluate a tree; raises NoValue."""
        try:
            return self._value(tree)
        except (OverflowError, ZeroDivisionError, ValueError, RecursionError) as error:
            raise NoValue from error

    def _value(self, tree: Tree) -> Ball:
        kind = tree[0]
        if kind == "num":
            return self.exact(tree[1])
        if kind == "var":
            return self.exact(self.point[tree[1]])
        if kind == "const":
            return Ball(self.arithmetic.complex(0, 1), 0) if tree[1] == "i" else self.rounded(getattr(self.f, tree[1]), 0)
        if kind == "add":
            total = self._value(tree[1])
            for part in tree[2:]:
                total = self.sum(total, self._value(part))
            return total
        if kind == "mul":
            total = self._value(tree[1])
            for part in tree[2:]:
                total = self.product(total, self._value(part))
            return total
        if kind == "div":
            return self.product(self._value(tree[1]), self.inverse(self._value(tree[2])))
        if kind == "pow":
            return self.power(tree[1], tree[2])
        if kind == "fn":
            return self.function(tree[1], [self._value(argument) for argument in tree[2:]])
        raise NoValue

    def exact(self, number: Fraction) -> Ball:
        """Enclose a rational number; small integers are exact."""
        if number.denominator == 1 and abs(number.numerator) < 1 << 52:
            return Ball(self.arithmetic.real(number), 0)
        return self.rounded(self.arithmetic.real(number), 0)

    def rounded(self, value: Any, radius: Any) -> Ball:
        """Add the rounding of a result to its radius."""
        return Ball(value, radius + abs(value) * self.arithmetic.eps + self.arithmetic.tiny)

    def sum(self, left: Ball, right: Ball) -> Ball:
        """Add two balls."""
        if self.arithmetic.eps < 1e-30 and left.value and right.value:  # 1 + 2^-9999 must never be seen as 1
            small, large = sorted((left, right), key=lambda ball: abs(ball.value))
            self.need(abs(small.value) > abs(large.value) * self.arithmetic.eps * SWAMPED or abs(small.value) <= small.radius)
        return self.rounded(left.value + right.value, left.radius + right.radius)

    def product(self, left: Ball, right: Ball) -> Ball:
        """Multiply two balls."""
        radius = abs(left.value) * right.radius + abs(right.value) * left.radius + left.radius * right.radius
        if radius == 0 and left.is_real() and right.is_real() and abs(product := left.value * right.value) < 1 << 52:
            return Ball(left.value * right.value, 0 if product == self.f.floor(product) else product * self.arithmetic.eps)
        return self.rounded(left.value * right.value, radius)

    def inverse(self, ball: Ball) -> Ball:
        """Give one over a ball."""
        size = self.away(ball)
        value = 1 / ball.value
        return self.rounded(value, abs(value) * ball.radius / size)

    def away(self, ball: Ball) -> Any:
        """Give a lower bound of the size; no ball around zero has one."""
        size = abs(ball.value) - ball.radius
        if not size > 0:
            raise NoValue
        return size

    def power(self, base_tree: Tree, exponent_tree: Tree) -> Ball:
        """Evaluate a power, by the kind of its exponent."""
        exponent = rational(exponent_tree)
        if base_tree == ("const", "e") and exponent is None:
            return self.exp(self._value(exponent_tree))
        base = self._value(base_tree)
        if exponent is None:
            if base_tree[0] == "num" and base_tree[1] == 0:
                raise NoValue
            return self.exp(self.product(self._value(exponent_tree), self.log(base)))
        if exponent.denominator == 1:
            power = self.whole(base, abs(exponent.numerator))
            return self.inverse(power) if exponent < 0 else power
        if base.value == 0 and base.radius == 0 and exponent > 0:
            return base
        if not base.is_real():
            return self.exp(self.product(self.exact(exponent), self.log(base)))
        return self.real_root(base, exponent)

    def real_root(self, base: Ball, exponent: Fraction) -> Ball:
        """Raise a real ball to a fraction."""
        size = self.away(base)
        relative = base.radius / size * abs(self.arithmetic.real(exponent))
        if relative > 0.1:
            raise NoValue
        self.bounded(abs(base.value), exponent)
        value = self.f.power(abs(base.value), self.arithmetic.real(exponent))
        root = self.rounded(value, 2 * abs(value) * (relative + self.arithmetic.eps * (1 + abs(self.f.magnitude(abs(base.value))))))
        if base.value > 0:
            return root
        if exponent.denominator % 2:
            return Ball(-root.value, root.radius) if exponent.numerator % 2 else root
        if not self.complex_roots:
            raise NoValue
        return self.product(root, self.exp(self._value(("mul", ("num", exponent), ("const", "pi"), ("const", "i")))))

    def bounded(self, size: Any, exponent: Fraction) -> None:
        """Refuse powers whose exponent would not fit."""
        if size and (abs(self.f.magnitude(size)) + 1) * abs(exponent) > MAX_MAGNITUDE:
            raise NoValue

    def whole(self, base: Ball, power: int) -> Ball:
        """Raise a ball to a natural number."""
        if power == 0:
            if base.value == 0:
                raise NoValue
            return Ball(self.arithmetic.real(Fraction(1)), 0)
        size = abs(base.value) + base.radius
        self.bounded(size, Fraction(power))
        if power == 1:
            return base
        value = base.value**power
        spread = power * base.radius * size ** (power - 1) if base.radius else 0
        if spread == 0 and base.is_real() and abs(value) < 1 << 52 and base.value == self.f.floor(base.value):
            return Ball(value, 0)
        return self.rounded(value, spread + abs(value) * self.arithmetic.eps * power.bit_length())

    def exp(self, ball: Ball) -> Ball:
        """Give e to a ball."""
        if ball.radius > 0.1 or abs(ball.value) > MAX_MAGNITUDE:
            raise NoValue
        value = (self.f.exp if ball.is_real() else self.f.cexp)(ball.value)
        return self.rounded(value, abs(value) * (ball.radius * 2 + self.arithmetic.eps * abs(ball.value)))

    def log(self, ball: Ball) -> Ball:
        """Give the principal logarithm."""
        size = self.away(ball)
        if ball.is_real():
            value = self.f.log(abs(ball.value))
            logarithm = self.rounded(value, ball.radius / size + self.arithmetic.eps)
            return (
                logarithm if ball.value > 0 else Ball(self.arithmetic.complex(value, self.f.pi), logarithm.radius + 4 * self.arithmetic.eps)
            )
        if ball.value.real < 0 and abs(ball.value.imag) <= ball.radius:
            raise NoValue
        return self.rounded(self.f.clog(ball.value), 2 * ball.radius / size + self.arithmetic.eps)

    def function(self, name: str, balls: list[Ball]) -> Ball:
        """Evaluate a named function."""
        if name in ("sin", "cos"):
            return self.wave(name, balls[0])
        method = getattr(self, "_" + name, None)
        if method is None:
            raise NoValue
        return method(*balls)

    def wave(self, name: str, ball: Ball) -> Ball:
        """Evaluate the sine or the cosine."""
        if ball.is_real():
            return self.rounded(getattr(self.f, name)(ball.value), ball.radius + self.arithmetic.eps)
        steepness = self.f.cosh(abs(ball.value.imag) + ball.radius)
        return self.rounded(getattr(self.f, "c" + name)(ball.value), (ball.radius + self.arithmetic.eps) * steepness)

    def _ln(self, ball: Ball) -> Ball:
        return self.log(ball)

    def _tan(self, ball: Ball) -> Ball:
        return self.product(self.wave("sin", ball), self.inverse(self.wave("cos", ball)))

    def _cot(self, ball: Ball) -> Ball:
        return self.product(self.wave("cos", ball), self.inverse(self.wave("sin", ball)))

    def _sec(self, ball: Ball) -> Ball:
        return self.inverse(self.wave("cos", ball))

    def _csc(self, ball: Ball) -> Ball:
        return self.inverse(self.wave("sin", ball))

    def _arctan(self, ball: Ball) -> Ball:
        self.need(ball.is_real())
        return self.rounded(self.f.atan(ball.value), ball.radius)

    def _arccot(self, ball: Ball) -> Ball:
        self.need(ball.is_real() and ball.value > 0)  # of negative numbers there are two conventions
        return self._arctan(self.inverse(ball))

    def _arcsin(self, ball: Ball) -> Ball:
        return self.rounded(self.f.asin(ball.value), self.slope(ball))

    def _arccos(self, ball: Ball) -> Ball:
        return self.rounded(self.f.acos(ball.value), self.slope(ball) + self.arithmetic.eps)

    def slope(self, ball: Ball) -> Any:
        """Bound the error that the inverse sine and cosine pass on."""
        self.need(ball.is_real())
        edge = abs(ball.value) + ball.radius
        if ball.radius == 0 and edge <= 1:
            return 0
        self.need(edge < 1)
        return ball.radius / self.f.power(1 - edge * edge, self.arithmetic.real(Fraction(1, 2)))

    def _arcsec(self, ball: Ball) -> Ball:
        return self._arccos(self.inverse(ball))

    def _arccsc(self, ball: Ball) -> Ball:
        return self._arcsin(self.inverse(ball))

    def _sinh(self, ball: Ball) -> Ball:
        up, down = self.exp(ball), self.exp(Ball(-ball.value, ball.radius))
        return self.product(self.sum(up, Ball(-down.value, down.radius)), self.exact(Fraction(1, 2)))

    def _cosh(self, ball: Ball) -> Ball:
        return self.product(self.sum(self.exp(ball), self.exp(Ball(-ball.value, ball.radius))), self.exact(Fraction(1, 2)))

    def _tanh(self, ball: Ball) -> Ball:
        return self.product(self._sinh(ball), self.inverse(self._cosh(ball)))

    def _coth(self, ball: Ball) -> Ball:
        return self.product(self._cosh(ball), self.inverse(self._sinh(ball)))

    def _abs(self, ball: Ball) -> Ball:
        return self.rounded(abs(ball.value), ball.radius) if ball.radius or not ball.is_real() else Ball(abs(ball.value), 0)

    def _floor(self, ball: Ball) -> Ball:
        self.need(ball.is_real())
        below, above = self.f.floor(ball.value - ball.radius), self.f.floor(ball.value + ball.radius)
        self.need(below == above)
        return Ball(below, 0)

    def _ceil(self, ball: Ball) -> Ball:
        floor = self._floor(Ball(-ball.value, ball.radius))
        return Ball(-floor.value, 0)

    def _factorial(self, ball: Ball) -> Ball:
        self.need(ball.is_real() and ball.value >= ball.radius and ball.value < 1e12 and ball.radius < 1e-3)
        value = self.f.gamma(ball.value + 1)
        return self.rounded(value, value * ((ball.radius + self.arithmetic.eps * ball.value) * (2 + abs(self.f.magnitude(ball.value + 1)))))

    def _binom(self, above: Ball, below: Ball) -> Ball:
        if below.radius == 0 and below.is_real() and below.value == self.f.floor(below.value) and 0 <= below.value <= 50:
            result = self.exact(Fraction(1))
            for step in range(int(below.value)):
                factor = self.product(self.sum(above, self.exact(Fraction(-step))), self.exact(Fraction(1, step + 1)))
                result = self.product(result, factor)
            return result
        rest = self.sum(above, Ball(-below.value, below.radius))
        bottom = self.product(self._factorial(below), self._factorial(rest))
        return self.product(self._factorial(above), self.inverse(bottom))

    def need(self, condition: bool) -> None:
        """Raise NoValue where a condition of a rule does not hold."""
        if not condition:
            raise NoValue


def rational(tree: Tree) -> Fraction | None:
    """Give the value of a tree that is a number or a quotient of numbers."""
    if tree[0] == "num":
        return tree[1]
    if tree[0] == "div" and tree[1][0] == tree[2][0] == "num" and tree[2][1]:
        return tree[1][1] / tree[2][1]
    if tree[0] == "mul" and len(tree) == 3 and tree[1][0] == "num":
        inner = rational(tree[2])
        return None if inner is None else tree[1][1] * inner
    return None
