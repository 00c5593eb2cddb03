"""The solver against brute force that shares nothing with it: pairs of cards joined, as exact fractions, until one number is left."""

import ast
from fractions import Fraction
from functools import cache
from itertools import combinations, combinations_with_replacement
from math import gcd

import pytest
from cotkit.verifiers.game24.solver import distinct_formulas, solutions, solved_hands


def joined(a, b):
    """Give all that two numbers, as numerators and denominators, can make."""
    (n, d), (m, e) = a, b
    made = [(n * e + m * d, d * e), (n * e - m * d, d * e), (m * d - n * e, d * e), (n * m, d * e)]
    return made + ([(n * e, d * m)] if m else []) + ([(m * d, e * n)] if n else [])


@cache
def makes_24(hand):
    """Say whether a hand, a sorted tuple of reduced fractions, makes 24."""
    if len(hand) == 2:
        return any(n == 24 * d for n, d in joined(*hand))
    for left, right in combinations(range(len(hand)), 2):
        rest = [number for place, number in enumerate(hand) if place not in (left, right)]
        for n, d in joined(hand[left], hand[right]):
            shared = gcd(n, d) if d > 0 else -gcd(n, d)
            if makes_24(tuple(sorted([*rest, (n // shared, d // shared)]))):
                return True
    return False


def value_of(formula):
    """Evaluate a formula with Python's own parser, in Fractions; and give its numbers."""
    numbers = []

    def walk(node):
        if isinstance(node, ast.Constant):
            numbers.append(node.value)
            return Fraction(node.value)
        assert isinstance(node, ast.BinOp), formula
        a, b = walk(node.left), walk(node.right)
        return {ast.Add: a.__add__, ast.Sub: a.__sub__, ast.Mult: a.__mul__, ast.Div: a.__truediv__}[type(node.op)](b)

    return walk(ast.parse(formula, mode="eval").body), sorted(numbers)


@pytest.mark.parametrize(("highest", "hands", "solvable"), [(10, 715, 566), (13, 1820, 1362)])
def test_the_solver_solves_the_hands_that_brute_force_solves_and_no_other(highest, hands, solvable):
    every = list(combinations_with_replacement(range(1, highest + 1), 4))
    forced = {hand for hand in every if makes_24(tuple((number, 1) for number in hand))}
    assert (len(every), len(forced)) == (hands, solvable)
    assert set(solved_hands(highest)) == forced


def test_of_the_hands_with_a_face_card_of_11_to_13_as_many_are_solvable_as_are_known():
    every = [hand for hand in combinations_with_replacement(range(1, 14), 4) if hand[-1] > 10]
    assert (len(every), sum(hand in solved_hands(13) for hand in every)) == (1105, 796)


@pytest.mark.parametrize("target", [10, 24, 36])
def test_every_solution_is_one_and_none_stands_there_twice(target):
    for hand, found in solved_hands(13, 4, target).items():
        assert len(set(found)) == len(found) > 0
        assert all(value_of(formula) == (target, list(hand)) for formula in found)


def test_there_are_as_many_formulas_of_distinct_cards_as_the_encyclopedia_of_integer_sequences_says():
    assert [len(distinct_formulas(tuple(range(cards)))) for cards in (1, 2, 3, 4)] == [1, 6, 68, 1170]


@pytest.mark.parametrize(
    ("hand", "found"),
    [
        ((3, 3, 8, 8), ("8/(3-8/3)",)),
        ((6, 4, 3, 1), ("6/(1-3/4)",)),
        ((5, 5, 5, 1), ("(5-1/5)*5",)),
        ((1, 1, 1, 1), ()),
        ((12, 12, 12, 12), ("12+12+12-12", "(12+12)*12/12", "12*12/12+12")),
        ((4, 6), ("4*6",)),
    ],
)
def test_solutions_of_known_hands(hand, found):
    assert set(solutions(hand)) == set(found)
