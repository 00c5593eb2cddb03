"""The search of several lexicons in one pass over the bytes of many texts, compiled by numba (the extra `fast`).

A match starts where no ASCII word is cut. Hashes of the next bytes of such a place tell which lexicons may match there
(`beginnings.py`); the automaton of each goes on from it until nothing more can match. Of a lexicon's matches, the leftmost that does
not overlap the one before it counts. It finds what the engine finds (`matching.py`), pattern by pattern; tests hold the two together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .automaton import WORD, Automaton
from .beginnings import BITS, BYTES, HEAD_BITS, ODD, beginnings
from .matching import Matches
from .utf8 import Utf8, compiled

BEHIND = 0xFF
"""The byte behind a text: no word's, and no pattern's, as it is no UTF-8."""
MOST_AT_ONCE = 8
"""Automata that are run together: each has a bit of a byte."""
BLOCK = 4096
"""Bytes in which places are looked for at once: their numbers stay in the first-level cache."""
STARTS, IN_WORD = 3, 4
"""Of the kind of a byte, what it says of a match that begins with it: 0 none does, 1 not inside a word, 2 everywhere."""
_ODD, _SYMBOLS, _HEAD_SYMBOLS = np.uint64(ODD), np.uint64(0x1F1F1F1F1F1F1F1F >> 64 - 8 * BYTES), np.uint64(0x1F1F1F1F)
_HEAD_SHIFT, _SHIFT, _LAST = np.uint64(64 - HEAD_BITS), np.uint64(64 - BITS), BYTES - 1
_ONE = np.uint64(1)

# Numbers of places and states are unsigned wherever they are looked up: a signed one is checked for being below zero each time.


class _Tables(NamedTuple):
    """Several automata, one behind the other."""

    states: npt.NDArray[np.uint16]
    """The state that follows a state and a class: rows of a power of two, those of one automaton behind those of another."""
    patterns: npt.NDArray[np.int32]
    """The pattern that has ended, by state."""
    classes: npt.NDArray[np.uint8]
    """The class of a byte, shape (automata, 256)."""
    numbers: npt.NDArray[np.uint64]
    """Of each automaton: where its rows begin, bits of a row's width, start state, first state that says match, first of `patterns`."""
    heads: npt.NDArray[np.uint16]
    longer: npt.NDArray[np.uint8]
    """See `Beginnings`."""
    kinds: npt.NDArray[np.uint8]
    """Of each byte: `STARTS` and `IN_WORD`."""


def scan(texts: Utf8, automata: Sequence[Automaton]) -> list[Matches]:
    """Find the matches of each automaton in texts."""
    parts = [automata[first : first + MOST_AT_ONCE] for first in range(0, len(automata), MOST_AT_ONCE)]
    return [matches for part in parts for matches in _scan_together(texts, part)]


def _scan_together(texts: Utf8, automata: Sequence[Automaton]) -> list[Matches]:
    tables = _tables(tuple(map(_Same, automata)))
    room = 1024 + len(texts.data) // 64
    while True:
        found = np.empty((len(automata), 4, room), np.int64)
        counts = _scan(texts.data, texts.bounds, *tables, found)
        if counts.max() <= room:
            return [Matches(*own[:, :count]) for own, count in zip(found, counts.tolist(), strict=True)]
        room = int(counts.max())


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
    rows, classes, numbers, offset, first = [], [], np.zeros((len(automata), 5), np.uint64), 0, 0
    firsts = np.zeros(256, bool)
    for number, one in enumerate(automata):
        width = int(one.table.shape[1] - 1).bit_length()
        numbers[number] = offset, width, one.start, one.first_match, first
        # the classes of letters stand together: most look-ups of a state then are in one line of the cache
        order = np.argsort([not _in_prose(one.classes, own) for own in range(one.table.shape[1])], kind="stable")
        rows.append(np.zeros((len(one.table), 1 << width), np.uint16))
        rows[-1][:, : len(order)] = one.table[:, order]
        classes.append(np.argsort(order).astype(np.uint8)[one.classes])
        offset, first = offset + rows[-1].size, first + len(one.table)
        firsts |= one.table[one.start][one.classes] != 0
    words = np.array([byte in WORD for byte in range(256)])
    return _Tables(
        np.concatenate([one.ravel() for one in rows]),
        np.concatenate([one.pattern for one in automata]).astype(np.int32),
        np.stack(classes),
        numbers,
        *beginnings(automata),
        (np.where(words, 1, 2) * firsts + IN_WORD * words).astype(np.uint8),
    )


def _in_prose(classes: npt.NDArray[np.uint8], own: int) -> bool:
    return any(classes[byte] == own for byte in b" etaoinshrdlucmfwypvbgkqjxz")


@compiled
def _scan(data, bounds, states, patterns, classes, numbers, heads, longer, kinds, found):
    """Write text, start, end and pattern of each match of each automaton into `found`; give their numbers, which may be above its room."""
    counts = np.zeros(len(numbers), np.int64)
    after = np.empty(len(numbers), np.uint64)
    places, bits = np.empty(BLOCK + 1, np.uint64), np.empty(BLOCK + 1, np.uint16)
    runs, alive = np.empty((4, BLOCK + 1), np.uint64), np.empty(BLOCK + 1, np.uint64)
    for text in range(len(bounds) - 1):
        low, high = np.uint64(bounds[text]), np.uint64(bounds[text + 1])
        # behind `whole` there are too few bytes to tell by a hash
        whole = high - np.uint64(_LAST) if high > low + np.uint64(_LAST) else low
        after[:] = low
        begin, before = low, np.uint8(0)
        while begin < high:
            end = min(begin + np.uint64(BLOCK), whole if begin < whole else high)
            some, before = _places(data, begin, end, kinds, before, places)
            if begin < whole:
                some = _hopeful(data, places, some, heads, longer, bits)
            else:
                bits[:some] = 0xFF
            begin = end
            for number in range(len(numbers)):
                own = _run(data, high, states, classes[number], numbers[number], places[:some], bits[:some], number, runs, alive)
                _, _, _, _, first_pattern = numbers[number]
                for one in range(own):
                    place, stop, matched = runs[0, one], runs[2, one], runs[3, one]
                    if matched and place >= after[number]:
                        after[number] = stop
                        _write(found[number], counts[number], text, place - low, stop - low, patterns[first_pattern + matched])
                        counts[number] += 1
    return counts


@compiled
def _write(found, count, text, start, end, pattern):
    if count < found.shape[1]:
        found[0, count], found[1, count], found[2, count], found[3, count] = text, start, end, pattern


# The inner loops below have no branches: one would be guessed wrong at every second word.


@compiled
def _places(data, begin, end, kinds, before, places):
    """Write the places at which a match may start; give their number, and 1 where the last byte is one of a word."""
    some = np.uint64(0)
    for place in range(begin, end):
        kind = kinds[data[place]]
        places[some] = place
        some += np.uint64((kind & np.uint8(STARTS)) > before)
        before = np.uint8(kind >> np.uint8(2))
    return some, before


@compiled
def _hopeful(data, places, some, heads, longer, bits):
    """Leave only the places at which an automaton may match, and write which; give their number."""
    few = np.uint64(0)
    for one in range(some):
        place = places[one]
        code = np.uint64(data[place]) | np.uint64(data[place + _ONE]) << np.uint64(8)
        code |= np.uint64(data[place + np.uint64(2)]) << np.uint64(16) | np.uint64(data[place + np.uint64(3)]) << np.uint64(24)
        own = heads[(code & _HEAD_SYMBOLS) * _ODD >> _HEAD_SHIFT]
        places[few], bits[few] = place, own
        few += np.uint64(own != 0)
    hopeful = np.uint64(0)
    for one in range(few):
        place, may = places[one], bits[one]
        code = np.uint64(0)
        for step in range(BYTES):
            code |= np.uint64(data[place + np.uint64(step)]) << np.uint64(8 * step)
        own = may >> np.uint16(8) | may & np.uint16(longer[(code & _SYMBOLS) * _ODD >> _SHIFT])
        places[hopeful], bits[hopeful] = place, own
        hopeful += np.uint64(own != 0)
    return hopeful


@compiled
def _run(data, high, states, classes, numbers, places, bits, number, runs, alive):
    """Follow one automaton from all of its places at once, four bytes at a time, until it is over everywhere; give their number.

    Of each place, `runs` has, each in a row of its own, the place, the last state, the end of the match and its state, 0 for none.
    """
    base, width, start, first_match = numbers[0], numbers[1], numbers[2], numbers[3]
    begun, state_of, end_of, match_of = runs[0], runs[1], runs[2], runs[3]
    count, done = np.uint64(0), np.uint64(0)
    for one in range(np.uint64(len(places))):
        begun[count], state_of[count], end_of[count], match_of[count], alive[count] = places[one], start, 0, 0, count
        count += np.uint64(bits[one] >> np.uint16(number) & np.uint16(1))
    left = count
    while left:
        still = np.uint64(0)
        for one in range(left):
            own = alive[one]
            at, state, end, matched = begun[own] + done, state_of[own], end_of[own], match_of[own]
            near_the_end = at + np.uint64(4) > high
            for step in range(4):
                place = at + np.uint64(step)
                byte = data[place] if not near_the_end or place < high else np.uint8(BEHIND)
                state = np.uint64(states[base + (state << width) + np.uint64(classes[byte])])
                end = place if state >= first_match else end
                matched = state if state >= first_match else matched
            state_of[own], end_of[own], match_of[own] = state, end, matched
            alive[still] = own
            still += np.uint64(state != 0)
        left = still
        done += np.uint64(4)
    return count
