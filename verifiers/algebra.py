r"""Exact normal forms: quotients of polynomials over the rationals in variables, pi, e, i, roots of primes and opaque functions.

    same_algebra(tree_of(r"\sqrt{8}"), tree_of(r"2\sqrt{2}")) is True

A polynomial maps monomials to coefficients; a monomial is a sorted tuple of (atom, exponent), exponents being fractions: the root
of 12 is 2 times `p3` to the 1/2. i squared is -1. Two quotients are equal when their cross products are the same polynomial.
They are proven different when, besides, all atoms are independent over the rationals: variables, i, roots of primes, and one of
pi and e. Anything else (sines, logarithms, symbolic powers) is an opaque atom: same argument, same atom, nothing more is known.

Every cap ends in "don't know": nothing here builds large numbers or expands large powers.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import gcd
from typing import NamedTuple

from .latex import Tree

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
_OPAQUE = "?"
"""First character of the atoms of which nothing but their identity is known."""


class Quotient(NamedTuple):
    """A normal form: one polynomial over another."""

    above: Polynomial
    below: Polynomial


class TooLarge(Exception):
    """A cap was met, or a value is undefined."""


def same_algebra(left: Tree, right: Tree) -> bool | None:
    """Say whether two trees are equal as rational functions; None when that is not known."""
    first, second = normal_form(left), normal_form(right)
    if first is None or second is None:
        return None
    try:
        same = _times(first.above, second.below) == _times(second.above, first.below)
    except TooLarge:
        return None
    return True if same else False if is_independent(first, second) else None


def is_independent(*forms: Quotient) -> bool:
    """Say whether the atoms of some normal forms satisfy no relation, so that different forms are different values."""
    atoms = {atom for form in forms for side in form for monomial in side for atom, _ in monomial}
    return not any(atom.startswith(_OPAQUE) for atom in atoms) and not {"pi", "e"} <= atoms


def proportional(left: Tree, right: Tree) -> Fraction | bool | None:
    """Give the rational c with left = c·right; False when there surely is none, None when it is not known."""
    first, second = normal_form(left), normal_form(right)
    if first is None or second is None:
        return None
    try:
        one, other = _times(first.above, second.below), _times(second.above, first.below)
    except TooLarge:
        return None
    if not one or not other:
        return False
    if one.keys() == other.keys():
        ratios = {value / other[monomial] for monomial, value in one.items()}
        if len(ratios) == 1:
            return ratios.pop()
    return False if is_independent(first, second) else None


@lru_cache(maxsize=4_096)
def normal_form(tree: Tree) -> Quotient | None:
    """Bring a tree to a quotient of polynomials; None when a cap is met or something is undefined, such as 1/0."""
    try:
        return _form(tree)
    except (TooLarge, RecursionError):
        return None


def _form(tree: Tree) -> Quotient:
    kind = tree[0]
    if kind == "num":
        return _reduced({(): tree[1]} if tree[1] else {}, ONE)
    if kind == "var":
        return Quotient({(("v" + tree[1], 1),): Fraction(1)}, ONE)
    if kind == "const":
        return Quotient({((tree[1], 1),): Fraction(1)}, ONE)
    if kind == "add":
        return _summed([_form(part) for part in tree[1:]])
    if kind == "mul":
        total = Quotient(ONE, ONE)
        for part in tree[1:]:
            total = _multiplied(total, _form(part))
        return total
    if kind == "div":
        return _multiplied(_form(tree[1]), _inverse(_form(tree[2])))
    if kind == "pow":
        return _power(_form(tree[1]), _form(tree[2]))
    return _function(tree)


def _function(tree: Tree) -> Quotient:
    name, *arguments = tree[1:]
    forms = [_form(argument) for argument in arguments]
    if tree[0] == "fn" and name == "abs" and (value := _rational(forms[0])) is not None:
        return _reduced({(): abs(value)} if value else {}, ONE)
    if tree[0] == "fn" and name in ("factorial", "binom"):
        exact = _counted(name, [_rational(form) for form in forms])
        if exact is not None:
            return Quotient({(): Fraction(exact)}, ONE)
    return _atom(f"{tree[0]}:{name}", *forms)


def _counted(name: str, values: list[Fraction | None]) -> int | None:
    from math import comb, factorial

    if any(value is None or value.denominator != 1 or not 0 <= value <= 1_000 for value in values):
        return None
    numbers = [int(value) for value in values if value is not None]
    return factorial(numbers[0]) if name == "factorial" else comb(*numbers) or None


def _atom(name: str, *forms: Quotient) -> Quotient:
    key = ",".join(_key(form) for form in forms)
    if len(key) > 2_000:
        raise TooLarge
    return Quotient({((f"{_OPAQUE}{name}({key})", 1),): Fraction(1)}, ONE)


def _key(form: Quotient) -> str:
    sides = (sorted(side.items(), key=lambda term: str(term[0])) for side in form)
    return "/".join("+".join(f"{value}*{'.'.join(f'{atom}^{power}' for atom, power in term)}" for term, value in side) for side in sides)


def _summed(forms: list[Quotient]) -> Quotient:
    above: Polynomial = {}
    below = ONE
    for form in forms:
        if form.below != below:
            above, scaled, below = _times(above, form.below), _times(form.above, below), _times(below, form.below)
        else:
            scaled = form.above
        above = above.copy()
        for monomial, value in scaled.items():
            _put(above, monomial, value)
        if len(above) > MAX_TERMS:
            raise TooLarge
    return _reduced(above, below)


def _put(polynomial: Polynomial, monomial: Monomial, value: Fraction) -> None:
    total = polynomial.get(monomial, 0) + value
    if total:
        polynomial[monomial] = Fraction(total)
    else:
        polynomial.pop(monomial, None)


def _multiplied(left: Quotient, right: Quotient) -> Quotient:
    return _reduced(_times(left.above, right.above), _times(left.below, right.below))


def _inverse(form: Quotient) -> Quotient:
    if not form.above:
        raise TooLarge
    return _reduced(form.below, form.above)


def _times(left: Polynomial, right: Polynomial) -> Polynomial:
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


def _reduced(above: Polynomial, below: Polynomial) -> Quotient:
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
    return Quotient(_times(above, {inverse: factor / value}), ONE)


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


def _rational(form: Quotient) -> Fraction | None:
    if form.below != ONE or any(form.above):
        return None
    return form.above.get((), Fraction(0))


def _power(base: Quotient, exponent: Quotient) -> Quotient:
    power = _rational(exponent)
    if power is None or power.denominator > 100:
        return _atom("pow", base, exponent)
    if power < 0:
        return _inverse(_power(base, _summed([Quotient({(): -power}, ONE)])))
    if power == 0 and not base.above:
        raise TooLarge
    if power.denominator == 1:
        return _whole_power(base, int(power))
    if not base.above:
        return base
    value = _rational(base)
    if value is not None:
        return _root(value, power)
    if base.below == ONE and len(base.above) == 1:  # the root of c·x^n; that of a product of variables need not be one of roots
        ((monomial, scale),) = base.above.items()
        if len(monomial) == 1 and monomial[0][0][0] in ("v", "e") and scale > 0:
            atom, inner = monomial[0]
            if inner > 0 and gcd(Fraction(inner).numerator, power.denominator) == 1:
                return _multiplied(_root(scale, power), Quotient({((atom, inner * power),): Fraction(1)}, ONE))
    return _atom("pow", base, exponent)


def _whole_power(base: Quotient, power: int) -> Quotient:
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
            result = _multiplied(result, base)
        power >>= 1
        base = _multiplied(base, base) if power else base
    return result


def _root(value: Fraction, power: Fraction) -> Quotient:
    """Take a rational power of a rational number apart into roots of primes; the odd root of a negative number is real."""
    result = Quotient({(): Fraction(1)}, ONE)
    if value < 0:
        if power.denominator == 2:
            result = _whole_power(Quotient({(("i", 1),): Fraction(1)}, ONE), power.numerator % 4)
        elif power.denominator % 2:
            result = Quotient({(): Fraction(-1 if power.numerator % 2 else 1)}, ONE)
        else:
            raise TooLarge
    for part, sign in ((abs(value.numerator), 1), (value.denominator, -1)):
        for prime, count in _factors(part).items():
            raised = count * sign * power
            monomial = _raised(f"p{prime}", raised)
            result = _multiplied(result, Quotient({monomial: _raised_factor(f"p{prime}", raised)}, ONE))
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
