"""Named functions of balls: trigonometric and hyperbolic ones and their inverses, rounding, factorials, binomials."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from .balls import Ball, BallArithmetic, NoValue


class BallFunctions(BallArithmetic):
    """The functions that formulas name; one that is not here has no value."""

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

    def _double_factorial(self, ball: Ball) -> Ball:
        """Multiply every second number: n!! is 2^k k! for n = 2k, and (2k)! / (2^k k!) for n = 2k - 1."""
        self.need(ball.is_real() and ball.radius == 0 and 0 <= ball.value < 1e12 and ball.value == self.f.floor(ball.value))
        number = int(ball.value)
        half = (number + 1) // 2
        evens = self.product(self.whole(self.exact(Fraction(2)), half), self._factorial(self.exact(Fraction(half))))
        return self.product(self._factorial(self.exact(Fraction(2 * half))), self.inverse(evens)) if number % 2 else evens

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
