"""Signatures by compiled code (numba, the extra `fast`): the words of `words.py` and the sketch of `signatures.py`, bit for bit.

A text is read three times, each time as a whole, so that no loop has branches that are guessed wrong at every word: kinds and
folded bytes, hashes of words, shingles. What a character beyond ASCII is, is asked of `words.py` when it is first seen.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..lexicon import Utf8, compiled
from .words import ALONE, FOLDED, KINDS, SEPARATOR, character_table, learn_characters

_KINDS, _FOLDED = np.frombuffer(KINDS, np.uint8), np.frombuffer(FOLDED, np.uint8)
_MIX1, _MIX2, _WEYL = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB), np.uint64(0x9E3779B97F4A7C15)
_SHINGLE = np.uint64(0xD6E8FEB86659FD93)
_SEPARATOR, _ALONE = np.uint8(SEPARATOR), np.uint8(ALONE)
_ONE, _EIGHT = np.uint64(1), np.uint64(8)
_EMPTY = np.uint32(0xFFFFFFFF)
SLOTS = 128


def sketched(texts: Utf8, shingle_words: int) -> npt.NDArray[np.uint32]:
    """Give the signatures of texts, shape (texts, 128)."""
    kinds, folded, known = character_table()
    unknown = np.zeros(0x110000, bool)
    if _unknown(texts.data, known, unknown):
        learn_characters(np.flatnonzero(unknown))
    table = np.full((len(texts.bounds) - 1, SLOTS), _EMPTY, np.uint32)
    longest = int(np.diff(texts.bounds).max(initial=0))
    _sketch_all(texts.data, texts.bounds, kinds, folded, shingle_words, longest, table)
    return table


@compiled
def _mix(value):
    value = (value ^ (value >> np.uint64(30))) * _MIX1
    value = (value ^ (value >> np.uint64(27))) * _MIX2
    return value ^ (value >> np.uint64(31))


@compiled
def _unknown(data, known, unknown):
    """Mark the characters that are not in the table; give how often they stand in the bytes."""
    count, place, high = 0, np.uint64(0), np.uint64(len(data))
    while place < high:
        if data[place] < np.uint8(0x80):
            place += _ONE
            continue
        code, size = _decoded(data, place)
        if not known[code]:
            unknown[code] = True
            count += 1
        place += size
    return count


@compiled
def _decoded(data, place):
    """Read the character of several bytes at a place; give its code point and its bytes."""
    lead = np.uint32(data[place])
    size = np.uint64(2) + np.uint64(lead >= np.uint32(0xE0)) + np.uint64(lead >= np.uint32(0xF0))
    code = np.uint32(lead & np.uint32(0x7F) >> np.uint32(size))
    for step in range(_ONE, size):
        code = np.uint32(code << np.uint32(6) | np.uint32(data[place + step] & np.uint8(0x3F)))
    return code, size


@compiled
def _sketch_all(data, bounds, kinds, folded, shingle_words, longest, table):
    characters = np.empty(longest + 8, np.uint8)
    edges, kind_of = np.empty(longest + 2, np.uint64), np.empty(longest + 2, np.uint8)
    hashes = np.empty(longest + 1, np.uint64)
    for text in range(len(bounds) - 1):
        size = np.uint64(bounds[text + 1] - bounds[text])
        runs = _runs(data, np.uint64(bounds[text]), size, kinds, folded, characters, edges, kind_of)
        words = _hash_words(characters, edges, kind_of, runs, hashes)
        shingles = _shingles(hashes, words, shingle_words)
        _sketch(hashes, shingles, table[text])


@compiled
def _runs(data, low, size, kinds, folded, characters, edges, kind_of):
    """Fold a text and cut it where the kind changes; write where each run begins and its kind, and give their number."""
    runs, before, place = np.uint64(0), np.uint8(255), np.uint64(0)
    while place < size:
        byte = data[low + place]
        if byte < np.uint8(0x80):
            kind = _KINDS[byte]
            characters[place] = _FOLDED[byte]
            step = _ONE
        else:
            code, step = _decoded(data, low + place)
            kind = kinds[code]
            number = np.uint64(folded[code])
            for at in range(step):
                characters[place + at] = np.uint8(number >> _EIGHT * at & np.uint64(0xFF))
        edges[runs], kind_of[runs] = place, kind
        runs += np.uint64((kind != before) | (kind == _ALONE))
        before = kind
        place += step
    edges[runs] = size
    characters[size : size + _EIGHT] = 0
    return runs


@compiled
def _hash_words(characters, edges, kind_of, runs, hashes):
    """Hash the runs that are words, eight bytes at a time; give their number."""
    words = np.uint64(0)
    for run in range(runs):
        first, size = edges[run], edges[run + _ONE] - edges[run]
        value = _mix((_eight(characters, first) & _mask(size)) + _WEYL)
        done = _EIGHT
        while done < size:
            value = _mix(value ^ (_eight(characters, first + done) & _mask(size - done)))
            done += _EIGHT
        hashes[words] = value
        words += np.uint64(kind_of[run] != _SEPARATOR)
    return words


@compiled
def _eight(characters, place):
    eight = np.uint64(0)
    for step in range(8):
        eight |= np.uint64(characters[place + np.uint64(step)]) << np.uint64(8 * step)
    return eight


@compiled
def _mask(size):
    return np.uint64(0xFFFFFFFFFFFFFFFF) >> np.uint64(64) - _EIGHT * min(size, _EIGHT)


@compiled
def _shingles(hashes, words, size):
    """Put the hashes of shingles in the place of those of words; give their number, at least 1."""
    rolled, leaves = np.uint64(0), np.uint64(1)
    if words < size:
        for word in range(words):
            rolled = rolled * _SHINGLE + hashes[word]
        hashes[0] = _mix(rolled)
        return np.uint64(1)
    for word in range(np.uint64(size)):
        rolled = rolled * _SHINGLE + hashes[word]
        leaves *= _SHINGLE
    shingles = words - np.uint64(size) + _ONE
    for shingle in range(shingles):
        gone = hashes[shingle]
        hashes[shingle] = _mix(rolled)
        if shingle + _ONE < shingles:
            rolled = rolled * _SHINGLE + hashes[shingle + np.uint64(size)] - gone * leaves
    return shingles


@compiled
def _sketch(hashes, shingles, slots):
    """Fill the slots of one text: the upper eight bits of a slot are the round that filled it, the others the least hash."""
    for turn in range(2 * SLOTS):
        shift, of_round = np.uint64(turn + 1) * _WEYL, np.uint32(turn << 24)
        for shingle in range(shingles):
            drawn = _mix(hashes[shingle] + shift)
            place = drawn & np.uint64(SLOTS - 1) if turn < SLOTS else np.uint64(turn - SLOTS)
            slots[place] = min(slots[place], np.uint32(drawn >> np.uint64(40)) | of_round)
        if slots.max() != _EMPTY:
            return
