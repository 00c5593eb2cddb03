"""The search of several lexicons in one pass over the bytes of many texts, compiled by numba (the extra `fast`).

A match starts where no ASCII word is cut. At each such place a hash of the next four bytes tells which lexicons may match there;
the automaton of each goes on from it until nothing more can match. Of a lexicon's matches, the leftmost that does not overlap the
one before it counts. It finds what the engine finds (`matching.py`), pattern by pattern; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .automaton import WORD, Automaton
from .matching import Matches
from .utf8 import Utf8, compiled

Places = npt.NDArray[np.int64]

BEHIND = 0xFF
"""The byte behind a text: no word's, and no pattern's, as it is no UTF-8."""
MOST_AT_ONCE = 8
"""Automata that are run together: each has a bit of a byte."""
HEAD_BITS = 16
_ODD = 0x9E3779B1
STEPS = 8
"""Bytes that are read from each place before the next one: most places have come to nothing by then."""
BLOCK = 2048
"""Bytes in which places are looked for at once: their numbers stay in the first-level cache."""


class _Tables(NamedTuple):
    """Several automata, one behind the other."""

    states: npt.NDArray[np.int32]
    """What follows a state and a class, at their sum: a state is the place where its row begins."""
    patterns: npt.NDArray[np.int32]
    """The pattern that has ended, by the number of the state."""
    classes: npt.NDArray[np.uint8]
    """The class of a byte, shape (automata, 256)."""
    numbers: npt.NDArray[np.int64]
    """Start state, first state that says match, number of the first state, the state in which all is over, width of a row."""
    heads: npt.NDArray[np.uint8]
    """By the hash of the next four bytes: the bits of the automata that may match there."""
    kinds: npt.NDArray[np.uint8]
    """Of each byte: 1 where it is one of an ASCII word, plus 2 where a match may begin with it."""


def scan(texts: Utf8, automata: Sequence[Automaton]) -> list[Matches]:
    """Find the matches of each automaton in texts."""
    parts = [automata[first : first + MOST_AT_ONCE] for first in range(0, len(automata), MOST_AT_ONCE)]
    return [matches for part in parts for matches in _scan_together(texts, part)]


def _scan_together(texts: Utf8, automata: Sequence[Automaton]) -> list[Matches]:
    tables = _tables(tuple(map(_Same, automata)))
    room = 1024 + len(texts.data) // 64
    while True:
        found = np.empty((room, 5), np.int64)
        count = _scan(texts.data, texts.bounds, *tables, found)
        if count <= room:
            break
        room = count
    found = found[:count]
    return [Matches(*found[found[:, 0] == number, 1:].T) for number in range(len(automata))]


class _Same:
    """An automaton as a key: it is the same when it is the same object."""

    def __init__(self, automaton: Automaton) -> None:
        self.automaton = automaton

    def __hash__(self) -> int:
        return id(self.automaton)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.automaton is self.automaton


@lru_cache(maxsize=8)
def _tables(keys: tuple[_Same, ...]) -> _Tables:
    automata = [key.automaton for key in keys]
    heads, firsts = np.zeros(1 << HEAD_BITS, np.uint8), np.zeros(256, bool)
    states, numbers, offset, first = [], np.zeros((len(automata), 5), np.int64), 0, 0
    for number, one in enumerate(automata):
        width = one.table.shape[1]
        numbers[number] = offset + one.start * width, offset + one.first_match * width, first, offset, width
        states.append((offset + one.table.astype(np.int64) * width).ravel())
        offset, first = offset + one.table.size, first + len(one.table)
        heads[_heads_of(one)] |= 1 << number
        firsts |= one.table[one.start][one.classes] != 0
    return _Tables(
        np.concatenate(states).astype(np.int32),
        np.concatenate([one.pattern for one in automata]).astype(np.int32),
        np.stack([one.classes for one in automata]),
        numbers,
        heads,
        np.array([byte in WORD for byte in range(256)], np.uint8) + 2 * firsts.astype(np.uint8),
    )


def _heads_of(of: Automaton) -> npt.NDArray[np.uint32]:
    """Give the hashes of the first four bytes of all matches, and of what stands behind shorter ones."""
    symbols = [sorted({byte & 31 for byte in range(256) if of.classes[byte] == one}) for one in range(of.table.shape[1])]
    anything = -1
    begun = {(0, of.start)}
    for place in range(4):
        longer = set()
        for code, state in begun:
            for own, following in zip(symbols, of.table[max(state, 0)].tolist(), strict=True):
                after = anything if state == anything or following >= of.first_match else following
                if after:
                    longer |= {(code | symbol << 5 * place, after) for symbol in own}
        begun = longer
    codes = np.array(sorted({code for code, _ in begun}), np.uint32)
    return codes * np.uint32(_ODD) >> np.uint32(32 - HEAD_BITS)


@compiled
def _head(data, place, high):
    """Hash the lower five bits of the next four bytes, which are the same for a and A."""
    code = np.uint32(0)
    for step in range(4):
        byte = data[place + step] if place + step < high else np.uint8(BEHIND)
        code |= np.uint32(byte & np.uint8(31)) << np.uint32(5 * step)
    return np.int64((code * np.uint32(_ODD) & np.uint32(0xFFFFFFFF)) >> np.uint32(32 - HEAD_BITS))


@compiled
def _scan(data, bounds, states, patterns, classes, numbers, heads, kinds, found):
    """Write lexicon, text, start, end and pattern of each match into `found` and give their number, which may be above its room."""
    count = 0
    after = np.empty(len(numbers), np.int64)
    places, bits, own = np.empty(BLOCK, np.int64), np.empty(BLOCK, np.uint8), np.empty((BLOCK, 4), np.int64)
    for text in range(len(bounds) - 1):
        low, high = bounds[text], bounds[text + 1]
        after[:] = low
        before = np.uint8(0)
        for begin in range(low, high, BLOCK):
            some, before = _places(data, begin, min(begin + BLOCK, high), high, kinds, before, heads, places, bits)
            for number in range(len(numbers)):
                _, first_match, first_pattern, over, width = numbers[number]
                alive = _alive(data, high, states, classes[number], numbers[number], places[:some], bits, number, own)
                for one in range(alive):
                    place, state, end, matched = own[one]
                    if place < after[number]:
                        continue
                    at = place + STEPS
                    while state != over:
                        state = np.int64(states[state + classes[number, data[at] if at < high else np.uint8(BEHIND)]])
                        if state >= first_match:
                            end, matched = at, state
                        at += 1
                    if end < 0:
                        continue
                    after[number] = end
                    if count < len(found):
                        found[count, 0], found[count, 1], found[count, 2], found[count, 3] = number, text, place - low, end - low
                        found[count, 4] = patterns[first_pattern + (matched - over) // width]
                    count += 1
    return count


# The loops of the next two have no branches: one would be guessed wrong at every second word.


@compiled
def _places(data, begin, end, high, kinds, before, heads, places, bits):
    """Write the places at which a match may start, and the bits of the automata; give their number, and the kind of the last byte."""
    some = 0
    for place in range(begin, end):
        kind = kinds[data[place]]
        places[some] = place
        some += (kind & ~(kind & before) << 1) >> 1 & 1
        before = kind
    hopeful = 0
    for one in range(some):
        bits[hopeful] = heads[_head(data, places[one], high)]
        places[hopeful] = places[one]
        hopeful += bits[hopeful] != 0
    return hopeful, before


@compiled
def _alive(data, high, states, classes, numbers, places, bits, number, own):
    """Take the first steps of one automaton; write place, state, end of a match and its state for the places that are not done."""
    start, first_match, _, over, _ = numbers
    few = 0
    for one in range(len(places)):
        own[few, 0] = places[one]
        few += bits[one] >> number & 1
    alive = 0
    for one in range(few):
        place, state, end, matched = own[one, 0], start, -1, 0
        for at in range(place, place + STEPS):
            state = np.int64(states[state + classes[data[at] if at < high else np.uint8(BEHIND)]])
            end = at if state >= first_match else end
            matched = state if state >= first_match else matched
        own[alive, 0], own[alive, 1], own[alive, 2], own[alive, 3] = place, state, end, matched
        alive += state != over or end >= 0
    return alive
