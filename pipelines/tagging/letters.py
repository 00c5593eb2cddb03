"""Letters per script and the longest foreign passage, compiled by numba (the extra `fast`): the rules of `scripts.py`, text by text.

What a character is, is asked of polars' regular expressions when it is first seen, and kept in a table of all code points.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ..lexicon import Utf8, compiled
from .scripts import NAMES, OWN_OF_OTHER, SCRIPTS, is_letter, is_of

LETTER = 32
"""Of a kind: the character counts as a letter. Below it stands the number of the script, of marks too, or NO_SCRIPT."""
NO_SCRIPT = 31
UNKNOWN, ASKED = 255, 254
LATIN = NAMES.index("Latin")
_NON_ASCII = np.uint64(0x8080808080808080)

Numbers = npt.NDArray[np.int64]


def letters_of(texts: Utf8) -> tuple[Numbers, Numbers]:
    """Give the letters of each text by script, shape (texts, NAMES), and those of its longest passage in another than its main one."""
    counts = np.zeros((len(texts.bounds) - 1, len(NAMES)), np.int64)
    kinds = _kinds()
    while _count(texts.data, texts.bounds, kinds, counts):
        _learn(kinds)
        counts[:] = 0
    return counts, _longest(texts.data, texts.bounds, kinds, counts, counts.argmax(axis=1), counts.sum(axis=1))


@lru_cache(maxsize=1)
def _kinds() -> npt.NDArray[np.uint8]:
    kinds = np.full(0x110000, UNKNOWN, np.uint8)
    kinds[:128] = ASKED
    _learn(kinds)
    return kinds


def _learn(kinds: npt.NDArray[np.uint8]) -> None:
    """Find out the kinds of the characters that were asked for."""
    import polars as pl

    codes = np.flatnonzero(kinds == ASKED)
    characters = pl.Series([chr(code) for code in codes.tolist()], dtype=pl.String)
    number = np.full(len(codes), NO_SCRIPT, np.uint8)
    number[characters.str.contains(OWN_OF_OTHER).to_numpy()] = NAMES.index("Other")
    for script in SCRIPTS:
        number[characters.str.contains(is_of(script)).to_numpy()] = NAMES.index(script)
    kinds[codes] = number + LETTER * characters.str.contains(is_letter()).to_numpy().astype(np.uint8)


@compiled
def _count(data, bounds, kinds, counts):
    """Count the letters of each text; give how many characters are unknown, which are then asked for."""
    unknown = 0
    for text in range(len(bounds) - 1):
        place, high = np.uint64(bounds[text]), np.uint64(bounds[text + 1])
        ascii_letters = 0
        for at in range(place, high):
            ascii_letters += np.uint8(np.uint8(data[at] | np.uint8(32)) - np.uint8(97)) < np.uint8(26)
        counts[text, LATIN] += ascii_letters
        while place < high:
            place = _not_ascii(data, place, high)
            while place < high and data[place] >= np.uint8(128):
                code, place = _decoded(data, place)
                kind = kinds[code]
                if kind >= ASKED:
                    kinds[code] = ASKED
                    unknown += 1
                elif kind & LETTER:
                    counts[text, kind & NO_SCRIPT] += 1
    return unknown


@compiled
def _longest(data, bounds, kinds, counts, mains, letters):
    longest = np.zeros(len(bounds) - 1, np.int64)
    for text in range(len(bounds) - 1):
        main = mains[text]
        if letters[text] == counts[text, main]:
            continue
        place, high = np.uint64(bounds[text]), np.uint64(bounds[text + 1])
        passage, after_own = 0, False
        while place < high:
            if passage == 0 and main == LATIN:
                # no passage to end: ASCII, which is Latin, makes no difference
                place = _not_ascii(data, place, high)
                if place >= high:
                    break
            code, place = _decoded(data, place)
            kind = kinds[code]
            own = kind & NO_SCRIPT == main
            if own and after_own:
                passage = 0
            elif not own and kind & LETTER:
                passage += 1
                longest[text] = max(longest[text], passage)
            after_own = own
    return longest


@compiled
def _not_ascii(data, place, high):
    """Give the first byte from a place on that is not ASCII; `high` where there is none."""
    while place + np.uint64(8) <= high:
        eight = np.uint64(0)
        for step in range(8):
            eight |= np.uint64(data[place + np.uint64(step)]) << np.uint64(8 * step)
        if eight & _NON_ASCII:
            break
        place += np.uint64(8)
    while place < high and data[place] < np.uint8(128):
        place += np.uint64(1)
    return place


@compiled
def _decoded(data, place):
    """Read the character at a place; give its code point and the place behind it."""
    lead = np.uint32(data[place])
    if lead < 0x80:
        return lead, place + np.uint64(1)
    size = 2 + (lead >= 0xE0) + (lead >= 0xF0)
    code = np.uint32(lead & np.uint32(0x7F >> size))
    for step in range(1, size):
        code = np.uint32(code << np.uint32(6) | np.uint32(data[place + np.uint64(step)] & np.uint8(0x3F)))
    return code, place + np.uint64(size)
