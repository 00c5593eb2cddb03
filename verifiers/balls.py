"""Arithmetic on balls, a value and a radius of its error each, in floats or at any precision.

After J. van der Hoeven, "Ball arithmetic" (2009): each rule adds the error that its arguments pass on, by a Lipschitz bound, and the
rounding of its result. Elementary functions are trusted to 2^-46 in floats and to all but 16 bits in mpmath. `NoValue` is raised
where a function is undefined, a ball meets a pole or a branch cut, or a value is too large: nothing here builds large integers.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

from .arithmetic import Arithmetic

MAX_MAGNITUDE = 1 << 45
"""Bits of the exponent of the largest value; a float of mpmath holds such numbers in a few words."""


SWAMPED = 1 << 40
"""A summand must stand out of the rounding of the other by so much, or two such sums must not be found equal."""


class NoValue(Exception):
    """There is no value, or none that can be bounded."""


class Ball(NamedTuple):
    """All numbers within a radius of a value; the value is complex only when it is not known to be real."""

    value: Any
    radius: Any

    def is_real(self) -> bool:
        """Say whether the ball holds real numbers only."""
        return not isinstance(self.value, complex) and not hasattr(self.value, "_mpc_")


class BallArithmetic:
    """Sums, products, powers, e to a ball and logarithms, in one arithmetic."""

    def __init__(self, arithmetic: Arithmetic, complex_roots: bool) -> None:
        self.arithmetic = arithmetic
        self.complex_roots = complex_roots
        self.f = arithmetic.functions
        self.swamped = False
        """True once a sum had a term too small to be seen: such values may be told apart, never found equal."""

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
            self.swamped |= not (abs(small.value) > abs(large.value) * self.arithmetic.eps * SWAMPED or abs(small.value) <= small.radius)
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
        return self.product(root, self.exp(self.product(self.exact(exponent), self.rounded(self.arithmetic.complex(0, self.f.pi), 0))))

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

    def need(self, condition: bool) -> None:
        """Raise NoValue where a condition of a rule does not hold."""
        if not condition:
            raise NoValue
