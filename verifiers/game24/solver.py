"""All solutions of a hand, exactly: formulas of four unknowns are made once, and tried on every hand at once in whole numbers.

    solutions((3, 3, 8, 8)) == ("8/(3-8/3)",)
    len(solved_hands(10)) == 566          hands of values from 1 to 10 that make 24, of 715

Two solutions are the same when they are equal as formulas of four unknowns, up to an exchange of equal cards: `3*8*1*1` and
`1*8*(1*3)` are one, `3*8*1*1` and `3*8*1/1` are two. There are 1, 6, 68 and 1,170 formulas of 1 to 4 unknowns (OEIS A140606).
Formulas are told apart by their values at one fixed point modulo a prime of 61 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations_with_replacement, permutations, product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from numpy.typing import NDArray

TARGET = 24
MOST_CARDS = 4

Tree = Any
"""A card's place in the hand, or (sign, left tree, right tree)."""

_PRIME = 2**61 - 1
_POINT = (1234567890123456789, 987654321098765432, 1122334455667788990, 2025113000777222111)
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}


def solutions(values: tuple[int, ...], target: int = TARGET) -> tuple[str, ...]:
    """Give all distinct solutions of a hand, the shortest first; values from 1 to 13, in any order.

    >>> solutions((8, 3, 8, 3))
    ('8/(3-8/3)',)
    """
    hand = tuple(sorted(values))
    return solved_hands(max(hand[-1], 10), len(hand), target).get(hand, ())


@lru_cache(maxsize=16)
def solved_hands(highest: int, cards: int = MOST_CARDS, target: int = TARGET) -> dict[tuple[int, ...], tuple[str, ...]]:
    """Give the solutions of every solvable hand of values from 1 to `highest`, by its values in rising order.

    Raises ValueError for more than four cards or values above 13, for which whole numbers of 64 bits are not proven to be enough.
    """
    import numpy as np

    if not (1 <= cards <= MOST_CARDS and 1 <= highest <= 13):
        raise ValueError(f"{cards} cards up to {highest}: at most {MOST_CARDS} cards up to 13")
    found: dict[tuple[int, ...], tuple[str, ...]] = {}
    by_pattern: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
    for hand in combinations_with_replacement(range(1, highest + 1), cards):
        by_pattern.setdefault(tuple(hand.index(value) for value in hand), []).append(hand)
    for pattern, hands in by_pattern.items():
        columns = np.array(hands, np.int64).T
        known: dict[int, tuple[Any, Any]] = {}
        texts: dict[int, list[str]] = {}
        for tree in distinct_formulas(pattern):
            num, den = _values(tree, columns, known)
            for place in np.flatnonzero((den != 0) & (num == target * den)):
                texts.setdefault(int(place), []).append(render(tree, hands[place]))
        found |= {hands[place]: tuple(sorted(written, key=lambda text: (len(text), text))) for place, written in texts.items()}
    return dict(sorted(found.items()))


@lru_cache(maxsize=16)
def distinct_formulas(pattern: tuple[int, ...]) -> tuple[Tree, ...]:
    """Give the formulas of a hand in which cards of the same number in `pattern` are equal, such as (0, 1, 1, 3)."""
    every = _formulas(len(pattern))
    swaps = [order for order in permutations(range(len(pattern))) if all(pattern[place] == pattern[order[place]] for place in order)]
    if len(swaps) == 1:
        return tuple(every)
    chosen: dict[int, Tree] = {}
    for tree in every:
        chosen.setdefault(min(_at_point(tree, tuple(_POINT[place] for place in order)) for order in swaps), tree)
    return tuple(chosen.values())


def render(tree: Tree, hand: tuple[int, ...]) -> str:
    """Write a formula with the values of a hand, with no bracket that is not needed."""
    return _written(tree, hand)[0]


def _written(tree: Tree, hand: tuple[int, ...]) -> tuple[str, int]:
    """Give the text of a formula and the precedence of its sign."""
    if isinstance(tree, int):
        return str(hand[tree]), 3
    sign, left, right = tree
    mine = _PRECEDENCE[sign]
    before, its = _written(left, hand)
    after, other = _written(right, hand)
    before = f"({before})" if its < mine else before
    after = f"({after})" if other < mine or (other == mine and sign in "-/") else after
    return f"{before}{sign}{after}", mine


@lru_cache(maxsize=4)
def _formulas(cards: int) -> list[Tree]:
    """Give one tree for each formula of so many unknowns, that with the shortest text."""
    letters = tuple(range(1, cards + 1))
    known: dict[int, dict[int, Tree]] = {1 << place: {_POINT[place]: place} for place in range(cards)}
    for mask in sorted(range(1, 1 << cards), key=lambda mask: (mask.bit_count(), mask)):
        chosen = known.setdefault(mask, {})
        for part, rest in _halves(mask):
            for (left, a), (right, b) in product(known[part].items(), known[rest].items()):
                for key, tree in _joined(left, a, right, b):
                    best = chosen.get(key)
                    if best is None or _is_simpler(tree, best, letters):
                        chosen[key] = tree
    return sorted(known[(1 << cards) - 1].values(), key=lambda tree: (len(render(tree, letters)), render(tree, letters)))


def _is_simpler(tree: Tree, other: Tree, letters: tuple[int, ...]) -> bool:
    mine, its = render(tree, letters), render(other, letters)
    return (len(mine), mine) < (len(its), its)


def _halves(mask: int) -> Iterator[tuple[int, int]]:
    """Give the ways of parting a set of cards in two."""
    part = (mask - 1) & mask
    while part:
        if part > mask ^ part:
            yield part, mask ^ part
        part = (part - 1) & mask


def _joined(left: int, a: Tree, right: int, b: Tree) -> Iterator[tuple[int, Tree]]:
    yield (left + right) % _PRIME, ("+", a, b)
    yield (left + right) % _PRIME, ("+", b, a)
    yield left * right % _PRIME, ("*", a, b)
    yield left * right % _PRIME, ("*", b, a)
    yield (left - right) % _PRIME, ("-", a, b)
    yield (right - left) % _PRIME, ("-", b, a)
    yield left * pow(right, -1, _PRIME) % _PRIME, ("/", a, b)
    yield right * pow(left, -1, _PRIME) % _PRIME, ("/", b, a)


def _at_point(tree: Tree, point: tuple[int, ...]) -> int:
    if isinstance(tree, int):
        return point[tree]
    sign, left, right = tree
    a, b = _at_point(left, point), _at_point(right, point)
    if sign == "+":
        return (a + b) % _PRIME
    if sign == "-":
        return (a - b) % _PRIME
    return a * (b if sign == "*" else pow(b, -1, _PRIME)) % _PRIME


def _values(tree: Tree, columns: NDArray[Any], known: dict[int, tuple[Any, Any]]) -> tuple[Any, Any]:
    """Give numerators and denominators of a formula on all hands; the denominator is 0 where it has no value.

    Of four values up to 13 no numerator or denominator reaches 13**8, far below 2**63.
    """
    if isinstance(tree, int):
        return columns[tree], columns[tree] * 0 + 1
    if id(tree) in known:
        return known[id(tree)]
    sign, left, right = tree
    (a, b), (c, d) = _values(left, columns, known), _values(right, columns, known)
    if sign == "*":
        result = a * c, b * d
    elif sign == "/":
        result = a * d, b * c * (d != 0)
    else:
        result = (a * d + c * b if sign == "+" else a * d - c * b), b * d
    known[id(tree)] = result
    return result
