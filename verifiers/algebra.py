r"""Exact normal forms: quotients of polynomials over the rationals in variables, pi, e, i, roots of primes and opaque functions.

    same_algebra(tree_of(r"\sqrt{8}"), tree_of(r"2\sqrt{2}")) is True

Two quotients of `polynomials` are equal when their cross products are the same polynomial.
They are proven different when, besides, all atoms are independent over the rationals: variables, i, roots of primes, and one of
pi and e. Anything else (sines, logarithms, symbolic powers) is an opaque atom: same argument, same atom, nothing more is known.

Every cap ends in "don't know": nothing here builds large numbers or expands large powers.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import gcd

from .polynomials import ONE, Quotient, TooLarge, inverse, multiplied, rational_value, reduced, root, summed, times, whole_power
from .trees import Tree

_OPAQUE = "?"
"""First character of the atoms of which nothing but their identity is known."""


def same_algebra(left: Tree, right: Tree) -> bool | None:
    """Say whether two trees are equal as rational functions; None when that is not known."""
    first, second = normal_form(left), normal_form(right)
    if first is None or second is None:
        return None
    try:
        same = times(first.above, second.below) == times(second.above, first.below)
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
        one, other = times(first.above, second.below), times(second.above, first.below)
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
        return reduced({(): tree[1]} if tree[1] else {}, ONE)
    if kind == "var":
        return Quotient({(("v" + tree[1], 1),): Fraction(1)}, ONE)
    if kind == "const":
        return Quotient({((tree[1], 1),): Fraction(1)}, ONE)
    if kind == "add":
        return summed([_form(part) for part in tree[1:]])
    if kind == "mul":
        total = Quotient(ONE, ONE)
        for part in tree[1:]:
            total = multiplied(total, _form(part))
        return total
    if kind == "div":
        return multiplied(_form(tree[1]), inverse(_form(tree[2])))
    if kind == "pow":
        return _power(_form(tree[1]), _form(tree[2]))
    return _function(tree)


def _function(tree: Tree) -> Quotient:
    name, *arguments = tree[1:]
    forms = [_form(argument) for argument in arguments]
    if tree[0] == "fn" and name == "abs" and (value := rational_value(forms[0])) is not None:
        return reduced({(): abs(value)} if value else {}, ONE)
    if tree[0] == "fn" and name in ("factorial", "double_factorial", "binom"):
        exact = _counted(name, [rational_value(form) for form in forms])
        if exact is not None:
            return Quotient({(): Fraction(exact)}, ONE)
    return _atom(f"{tree[0]}:{name}", *forms)


def _counted(name: str, values: list[Fraction | None]) -> int | None:
    from math import comb, factorial, prod

    if any(value is None or value.denominator != 1 or not 0 <= value <= 1_000 for value in values):
        return None
    numbers = [int(value) for value in values if value is not None]
    if name == "binom":
        return comb(*numbers) or None
    return factorial(numbers[0]) if name == "factorial" else prod(range(numbers[0], 0, -2))


def _atom(name: str, *forms: Quotient) -> Quotient:
    key = ",".join(_key(form) for form in forms)
    if len(key) > 2_000:
        raise TooLarge
    return Quotient({((f"{_OPAQUE}{name}({key})", 1),): Fraction(1)}, ONE)


def _key(form: Quotient) -> str:
    sides = (sorted(side.items(), key=lambda term: str(term[0])) for side in form)
    return "/".join("+".join(f"{value}*{'.'.join(f'{atom}^{power}' for atom, power in term)}" for term, value in side) for side in sides)


def _power(base: Quotient, exponent: Quotient) -> Quotient:
    power = rational_value(exponent)
    if power is None or power.denominator > 100:
        return _atom("pow", base, exponent)
    if power < 0:
        return inverse(_power(base, summed([Quotient({(): -power}, ONE)])))
    if power == 0 and not base.above:
        raise TooLarge
    if power.denominator == 1:
        return whole_power(base, int(power))
    if not base.above:
        return base
    value = rational_value(base)
    if value is not None:
        return root(value, power)
    if base.below == ONE and len(base.above) == 1:  # the root of c·x^n; that of a product of variables need not be one of roots
        ((monomial, scale),) = base.above.items()
        if len(monomial) == 1 and monomial[0][0][0] in ("v", "e") and scale > 0:
            atom, inner = monomial[0]
            if inner > 0 and gcd(Fraction(inner).numerator, power.denominator) == 1:
                return multiplied(root(scale, power), Quotient({((atom, inner * power),): Fraction(1)}, ONE))
    return _atom("pow", base, exponent)
