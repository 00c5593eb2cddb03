"""Numbers that expressions are evaluated in: Python floats, and mpmath at any precision.

Elementary functions are trusted to 2^-46 in floats and to all but 16 bits in mpmath.
"""

from __future__ import annotations

import cmath
import math
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple


class Arithmetic(NamedTuple):
    """A set of functions on numbers of one precision."""

    real: Any
    """Makes a number from a Fraction."""
    complex: Any
    eps: Any
    """Bound of the relative error of one operation."""
    tiny: Any
    """Bound of the absolute error where results underflow."""
    functions: Any
    """exp, log, sin, cos, atan, asin, acos, floor, gamma, sqrt, pi, e on real numbers and, as `c` + name, on complex ones."""


class _Floats:
    pi, e = math.pi, math.e
    exp, log, sin, cos, atan, asin, acos = math.exp, math.log, math.sin, math.cos, math.atan, math.asin, math.acos
    cexp, clog, csin, ccos = cmath.exp, cmath.log, cmath.sin, cmath.cos
    floor, gamma, cosh, power = math.floor, math.gamma, math.cosh, math.pow

    @staticmethod
    def magnitude(value: float) -> int:
        """Give the exponent of a positive number."""
        return math.frexp(value)[1]


@lru_cache(maxsize=1)
def floats() -> Arithmetic:
    """Give the arithmetic of Python floats."""
    return Arithmetic(float, complex, 2.0**-46, 1e-290, _Floats)


@lru_cache(maxsize=4)
def precise(bits: int) -> Arithmetic:
    """Give the arithmetic of mpmath at a precision; a context of its own, so that no global state is touched."""
    from mpmath.ctx_mp import MPContext

    context = MPContext()
    context.prec = bits

    class Functions:
        pi, e = +context.pi, +context.e
        exp, log, sin, cos, atan, asin, acos = context.exp, context.log, context.sin, context.cos, context.atan, context.asin, context.acos
        cexp, clog, csin, ccos = context.exp, context.log, context.sin, context.cos
        floor, gamma, cosh, power = context.floor, context.gamma, context.cosh, context.power
        magnitude = context.mag

    def real(value: Fraction) -> Any:
        return context.mpf(value.numerator) / value.denominator

    return Arithmetic(real, context.mpc, context.ldexp(1, 16 - bits), 0, Functions)
