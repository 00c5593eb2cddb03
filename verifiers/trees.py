"""What formulas are parsed to: tuples, the kind first, then the parts; see `latex`."""

from __future__ import annotations

from fractions import Fraction

Tree = tuple
"""A node: its kind, then its parts."""
HALF = ("num", Fraction(1, 2))
MINUS_ONE = ("num", Fraction(-1))


def product_of(factors: list[Tree]) -> Tree:
    """Give the product of some factors; of one, itself."""
    return factors[0] if len(factors) == 1 else ("mul", *factors)


def negated(tree: Tree) -> Tree:
    """Give a tree with its sign changed."""
    return ("num", -tree[1]) if tree[0] == "num" else ("mul", MINUS_ONE, tree)


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


def size(tree: Tree) -> int:
    """Count the nodes of a tree."""
    count, left = 0, [tree]
    while left:
        node = left.pop()
        count += 1
        left.extend(part for part in node if isinstance(part, tuple))
    return count
