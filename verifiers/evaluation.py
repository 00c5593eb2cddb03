r"""Evaluate an expression with a proven bound of its error: a value and a radius, in floats or at any precision.

    Evaluator(floats(), {}, complex_roots=True).value(("pow", ("num", 2), HALF)) is about (1.4142135623730951, 6e-14)

Real values stay real numbers; the even root of a negative number is complex only where that is allowed, an odd one is real,
logarithms are principal. `NoValue` is raised where there is no value, or none that can be bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from .arithmetic import Arithmetic
from .ball_functions import BallFunctions
from .balls import Ball, NoValue
from .trees import Tree, rational


class Evaluator(BallFunctions):
    """Evaluates trees at one point, in one arithmetic."""

    def __init__(self, arithmetic: Arithmetic, point: Mapping[str, Fraction], complex_roots: bool) -> None:
        super().__init__(arithmetic, complex_roots)
        self.point = point

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
