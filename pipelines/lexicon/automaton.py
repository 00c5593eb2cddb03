r"""The patterns of lexicons as one table of states: what a search looks up, byte by byte, to know which pattern matches where.

A pattern becomes a nondeterministic automaton (Thompson 1968), whose sets of places become the states of a deterministic one.
A set is kept in the order of preference and cut where a match is certain, as RE2 and the Rust `regex` crate do for "leftmost
first": what is matched is what a backtracking engine would match, the first pattern that fits and its own way of fitting.

    wait ?[,.]     state after `wait`, class of `,`   ->   a state in which the match has ended once the next byte is read

Whether a match may end (never inside an ASCII word) is known only at the byte behind it, so it is told one byte late.
Not covered, and left to the engine: Unicode classes, flags inside a pattern, nested classes, a repeat of what may be empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from .parsing import WORD, All, Any, Node, Unsupported, parsed

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MOST_STATES = 20_000


class Automaton(NamedTuple):
    """States of a search for several patterns from one place on; state 0 is the one in which nothing matches any more."""

    classes: npt.NDArray[np.uint8]
    """The class of each byte, shape (256,): bytes of one class lead to the same states; A-Z are of the classes of a-z."""
    table: npt.NDArray[np.uint16]
    """The state that follows a state and a class, shape (states, classes)."""
    start: int
    """The state before the first byte."""
    first_match: int
    """States from here on say that a match has ended in front of the byte just read."""
    pattern: npt.NDArray[np.int64]
    """Per state, the pattern that has ended; -1 for none."""


@lru_cache(maxsize=32)
def automaton(patterns: tuple[str, ...]) -> Automaton | None:
    """Build the automaton of patterns as they are spelled for folded text; None where one is not covered or there are too many states."""
    try:
        return _determined(*_Graph.of(patterns))
    except Unsupported:
        return None


class _Graph:
    """Places of patterns: a set of bytes and the place behind it, a choice of places in the order of preference, or an end."""

    def __init__(self) -> None:
        self.bytes: list[frozenset[int]] = []
        self.behind: list[list[int]] = []
        self.ends: dict[int, int] = {}

    @classmethod
    def of(cls, patterns: Sequence[str]) -> tuple[_Graph, int]:
        """Give the graph of patterns, in their order, and the place at which all begin."""
        graph, begins = cls(), []
        for number, pattern in enumerate(patterns):
            end = graph.add(frozenset(), [])
            graph.ends[end] = number
            begins.append(graph.before(parsed(pattern), end))
        return graph, graph.add(frozenset(), begins)

    def add(self, accepted: frozenset[int], behind: list[int]) -> int:
        self.bytes.append(accepted)
        self.behind.append(behind)
        return len(self.bytes) - 1

    def before(self, node: Node, behind: int) -> int:
        """Add a part of a pattern in front of the place `behind` and give the place where it begins."""
        if isinstance(node, frozenset):
            return self.add(node, [behind])
        if isinstance(node, All):
            for part in reversed(node.parts):
                behind = self.before(part, behind)
            return behind
        if isinstance(node, Any):
            return self.add(frozenset(), [self.before(part, behind) for part in node.parts])
        if node.most is None:
            again = self.add(frozenset(), [])
            ways = [self.before(node.part, again), behind]
            self.behind[again] = ways if node.greedy else ways[::-1]
            behind = again
        for _ in range((node.most or node.least) - node.least):
            ways = [self.before(node.part, behind), behind]
            behind = self.add(frozenset(), ways if node.greedy else ways[::-1])
        for _ in range(node.least):
            behind = self.before(node.part, behind)
        return behind

    def reached(self, place: int) -> list[int]:
        """Give the sets of bytes and the ends that are reached from a place without reading, preferred ones first."""
        found: dict[int, None] = {}
        seen, waiting = set(), [place]
        while waiting:
            place = waiting.pop()
            if place in seen:
                continue
            seen.add(place)
            if self.bytes[place] or place in self.ends:
                found[place] = None
            else:
                waiting += reversed(self.behind[place])
        return list(found)


def _determined(graph: _Graph, begin: int) -> Automaton:
    """Make the states: each the places that may come next, preferred ones first, and the pattern that has just ended."""
    import numpy as np

    classes, members = _byte_classes(graph)
    accepts = [[number for number, one in enumerate(members) if one[0] in accepted] for accepted in graph.bytes]
    in_word = [one[0] in WORD for one in members]
    reached: dict[int, list[int]] = {}

    def step(items: tuple[int, ...]) -> dict[int, tuple[tuple[int, ...], int]]:
        """Give by class the items and the ended pattern; an end is -1 - (2 * pattern + whether the byte before is of a word)."""
        following: dict[int, dict[int, None]] = {}
        ended: dict[int, int] = {}
        for item in items:
            if item < 0:
                pattern, after_word = divmod(-1 - item, 2)
                ended = {one: pattern for one, inside in enumerate(in_word) if not (after_word and inside)} | ended
                continue
            for one in accepts[item]:
                if one not in ended:
                    own = following.setdefault(one, {})
                    for place in _reached(graph, reached, graph.behind[item][0]):
                        own[-1 - (2 * graph.ends[place] + in_word[one]) if place in graph.ends else place] = None
        return {one: (_cut(tuple(following.get(one, ()))), ended.get(one, -1)) for one in following.keys() | ended.keys()}

    numbers: dict[tuple[tuple[int, ...], int], int] = {((), -1): 0, (tuple(_reached(graph, reached, begin)), -1): 1}
    rows: list[list[int]] = [[0] * len(members)]
    waiting = list(numbers)[1:]
    for state in waiting:
        row = [0] * len(members)
        for one, target in sorted(step(state[0]).items()):
            if target not in numbers:
                numbers[target] = len(numbers)
                waiting.append(target)
            row[one] = numbers[target]
        rows.append(row)
        if len(numbers) > MOST_STATES:
            raise Unsupported("too many states")
    return _in_order(classes, np.array(rows), np.array([-1, *(ended for _, ended in waiting)]))


def _in_order(classes: npt.NDArray[np.uint8], rows: npt.NDArray[np.int64], ended: npt.NDArray[np.int64]) -> Automaton:
    """Renumber the states so that those that say match come last; the states begin with the dead one and the start."""
    import numpy as np

    order = np.argsort(ended >= 0, kind="stable")
    place = np.empty(len(rows), np.int64)
    place[order] = np.arange(len(rows))
    return Automaton(classes, place[rows][order].astype(np.uint16), int(place[1]), int(np.count_nonzero(ended < 0)), ended[order])


def _reached(graph: _Graph, known: dict[int, list[int]], place: int) -> list[int]:
    if place not in known:
        known[place] = graph.reached(place)
    return known[place]


def _cut(items: tuple[int, ...]) -> tuple[int, ...]:
    """Leave out what stands behind an end that needs nothing of the next byte: it is never preferred."""
    sure = next((number for number, item in enumerate(items) if item < 0 and (-1 - item) % 2 == 0), len(items))
    return items[: sure + 1]


def _byte_classes(graph: _Graph) -> tuple[npt.NDArray[np.uint8], list[list[int]]]:
    """Give the class of each byte, and the folded bytes of each class."""
    import numpy as np

    sets = [*dict.fromkeys(accepted for accepted in graph.bytes if accepted), WORD]
    numbers: dict[tuple[bool, ...], int] = {}
    members: list[list[int]] = []
    classes = np.zeros(256, np.uint8)
    for byte in range(256):
        if 65 <= byte <= 90:
            continue
        kind = tuple(byte in one for one in sets)
        if kind not in numbers:
            numbers[kind] = len(members)
            members.append([])
        members[numbers[kind]].append(byte)
        classes[byte] = numbers[kind]
    classes[65:91] = classes[97:123]
    return classes, members
