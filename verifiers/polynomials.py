"""Polynomials over the rationals in variables, pi, e, i, roots of primes and opaque atoms, and quotients of them.

A polynomial maps monomials to coefficients; a monomial is a sorted tuple of (atom, exponent), exponents being fractions: the root
of 12 is 2 times `p3` to the 1/2. i squared is -1. Every cap raises TooLarge.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

MAX_TERMS = 3_000
"""Terms of the largest polynomial."""
MAX_PRODUCTS = 20_000
"""Products of terms in one multiplication."""
MAX_DEGREE = 5_000
"""Largest exponent of a variable."""
MAX_BITS = 20_000
"""Bits of the largest coefficient."""
MAX_EXPANSIONS = 64
"""Largest power of a sum that is expanded."""
PRIMES = [n for n in range(2, 1_000) if all(n % d for d in range(2, int(n**0.5) + 1))]

Monomial = tuple[tuple[str, Fraction | int], ...]
Polynomial = dict[Monomial, Fraction]
ONE: Polynomial = {(): Fraction(1)}


class Quotient(NamedTuple):
    """A normal form: one polynomial over another."""

    above: Polynomial
    below: Polynomial


class TooLarge(Exception):
    """A cap was met, or a value is undefined."""


def summed(forms: list[Quotient]) -> Quotient:
    """Add quotients."""
    above: Polynomial = {}
    below = ONE
    for form in forms:
        if form.below != below:
            above, scaled, below = times(above, form.below), times(form.above, below), times(below, form.below)
        else:
            scaled = form.above
        above = above.copy()
        for monomial, value in scaled.items():
            _put(above, monomial, value)
        if len(above) > MAX_TERMS:
            raise TooLarge
    return reduced(above, below)


def _put(polynomial: Polynomial, monomial: Monomial, value: Fraction) -> None:
    total = polynomial.get(monomial, 0) + value
    if total:
        polynomial[monomial] = Fraction(total)
    else:
        polynomial.pop(monomial, None)


def multiplied(left: Quotient, right: Quotient) -> Quotient:
    """Multiply two quotients."""
    return reduced(times(left.above, right.above), times(left.below, right.below))


def inverse(form: Quotient) -> Quotient:
    """Give one over a quotient; raises TooLarge for zero."""
    if not form.above:
        raise TooLarge
    return reduced(form.below, form.above)


def times(left: Polynomial, right: Polynomial) -> Polynomial:
    """Multiply two polynomials; raises TooLarge past a cap."""
    if left == ONE or right == ONE:
        return right if left == ONE else left
    if len(left) * len(right) > MAX_PRODUCTS:
        raise TooLarge
    product: Polynomial = {}
    for first, one in left.items():
        for second, other in right.items():
            monomial, factor = _joined(first, second)
            value = one * other * factor
            if value.numerator.bit_length() + value.denominator.bit_length() > MAX_BITS:
                raise TooLarge
            _put(product, monomial, value)
    return product


@lru_cache(maxsize=16_384)
def _joined(left: Monomial, right: Monomial) -> tuple[Monomial, Fraction | int]:
    """Multiply two monomials; whole powers of primes and even powers of i become the factor."""
    if not left or not right:
        return left or right, 1
    powers: dict[str, Fraction | int] = dict(left)
    for atom, power in right:
        powers[atom] = powers.get(atom, 0) + power
    factor: Fraction | int = 1
    for atom, power in list(powers.items()):
        if atom == "i":
            power %= 4
            factor, powers[atom] = (-factor if power >= 2 else factor), power % 2
        elif atom[0] == "p" and atom != "pi":
            whole = power.__floor__()
            factor, powers[atom] = factor * Fraction(int(atom[1:])) ** whole, power - whole
        elif abs(power) > MAX_DEGREE:
            raise TooLarge
    return tuple(sorted((atom, power) for atom, power in powers.items() if power)), factor


def reduced(above: Polynomial, below: Polynomial) -> Quotient:
    """Divide by a denominator of one term, so that numbers and monomials have one form only."""
    if not below:
        raise TooLarge
    if not above:
        return Quotient({}, ONE)
    if len(below) > 1 or below == ONE:
        return Quotient(above, below)
    ((monomial, value),) = below.items()
    inverse, factor = _joined((), ())[0], Fraction(1)
    for atom, power in monomial:
        inverse, extra = _joined(inverse, _raised(atom, -power))
        factor *= extra * _raised_factor(atom, -power)
    return Quotient(times(above, {inverse: factor / value}), ONE)


def _raised(atom: str, power: Fraction | int) -> Monomial:
    if atom == "i":
        return (("i", 1),) if power % 2 else ()
    if atom[0] == "p" and atom != "pi":
        power -= power.__floor__()
    return ((atom, power),) if power else ()


def _raised_factor(atom: str, power: Fraction | int) -> Fraction:
    if atom == "i":
        return Fraction(-1 if power % 4 >= 2 else 1)
    return Fraction(int(atom[1:])) ** power.__floor__() if atom[0] == "p" and atom != "pi" else Fraction(1)


def rational_value(form: Quotient) -> Fraction | None:
    """Give the value of a quotient that is a rational number, else None."""
    if form.below != ONE or any(form.above):
        return None
    return form.above.get((), Fraction(0))


def whole_power(base: Quotient, power: int) -> Quotient:
    """Raise a quotient to a natural number; raises TooLarge past a cap."""
    terms = max(len(base.above), len(base.below))
    bits = max((value.numerator.bit_length() + value.denominator.bit_length() for side in base for value in side.values()), default=1)
    if power * (bits - 1) > MAX_BITS or (terms > 1 and power > MAX_EXPANSIONS) or power > 10**9:
        raise TooLarge
    if base.below == ONE and base.above.keys() <= {()}:
        value = base.above.get((), Fraction(0)) ** power
        return Quotient({(): value} if value else {}, ONE)
    result = Quotient(ONE, ONE)
    while power:
        if power & 1:
            result = multiplied(result, base)
        power >>= 1
        base = multiplied(base, base) if power else base
    return result


def root(value: Fraction, power: Fraction) -> Quotient:
    """Take a rational power of a rational number apart into roots of primes; the odd root of a negative number is real."""
    result = Quotient({(): Fraction(1)}, ONE)
    if value < 0:
        if power.denominator == 2:
            result = whole_power(Quotient({(("i", 1),): Fraction(1)}, ONE), power.numerator % 4)
        elif power.denominator % 2:
            result = Quotient({(): Fraction(-1 if power.numerator % 2 else 1)}, ONE)
        else:
            raise TooLarge
    for part, sign in ((abs(value.numerator), 1), (value.denominator, -1)):
        for prime, count in _factors(part).items():
            raised = count * sign * power
            monomial = _raised(f"p{prime}", raised)
            result = multiplied(result, Quotient({monomial: _raised_factor(f"p{prime}", raised)}, ONE))
    return result


@lru_cache(maxsize=1_024)
def _factors(number: int) -> dict[int, int]:
    """Factor by the primes below 1,000; what is left must be below their square, and hence prime."""
    if number.bit_length() > MAX_BITS:
        raise TooLarge
    found: dict[int, int] = {}
    for prime in PRIMES:
        while number % prime == 0:
            number //= prime
            found[prime] = found.get(prime, 0) + 1
        if prime * prime > number:
            break
    if number > 1:
        if number > 994_009:
            raise TooLarge
        found[number] = found.get(number, 0) + 1
    return found
