"""The share of a text's tokens in repeated windows, compiled by numba (the extra `fast`): the rule of `repetition.py`, byte for byte.

Each window's hash is rolled on from the one before it and looked up in an open table of the text's windows; a window counts as
repeated when it has the bytes of an earlier one. Of a window that follows a repeated one, only the last token is compared.
"""

from __future__ import annotations

import numpy as np

from ..lexicon import Utf8, compiled
from .repetition import CLASSES, REST, SINGLE, SPACE, WINDOW

_KINDS = np.frombuffer(CLASSES, np.uint8)
_BASE = 0x9E3779B97F4A7C15
_LEAVES = np.uint64(pow(_BASE, WINDOW, 2**64))
_BASE64, _SPREAD = np.uint64(_BASE), np.uint64(0xD6E8FEB86659FD93)


def shares_of(texts: Utf8) -> list[float]:
    """Give, per text, the share of its tokens inside a window that was there before; 0 for an empty text."""
    longest = int(np.diff(texts.bounds).max(initial=0))
    return _shares(texts.data, texts.bounds, _KINDS, longest).tolist()


@compiled
def _shares(data, bounds, kinds, longest):
    shares = np.zeros(len(bounds) - 1, np.float64)
    edges, hashes = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.uint64)
    values, slots = np.empty(longest + 1, np.uint64), np.empty(1, np.int32)
    for text in range(len(bounds) - 1):
        low, high = bounds[text], bounds[text + 1]
        tokens = _tokens(data, low, high, kinds, edges)
        windows = tokens - WINDOW + 1
        if windows < 2:
            continue
        _values(data, edges, tokens, values)
        bits = 1
        while 1 << bits < 2 * windows:
            bits += 1
        if len(slots) < 1 << bits:
            slots = np.empty(1 << bits, np.int32)
        slots[: 1 << bits] = -1
        shares[text] = _repeated(data, edges, values, hashes, slots, windows, bits) / tokens
    return shares


@compiled
def _tokens(data, low, high, kinds, edges):
    """Write where each token starts, and where the last one ends, and give their number."""
    tokens = 0
    before = np.uint8(255)
    for place in range(low, high):
        kind = kinds[data[place]]
        goes_on = kind == REST
        kind = before if goes_on else kind
        edges[tokens] = place
        tokens += (not goes_on) & ((kind != before) | (kind == SINGLE)) & (before != SPACE)
        before = kind
    edges[tokens] = high
    return tokens


@compiled
def _values(data, edges, tokens, values):
    """Write a number for each token, made from its first four bytes and its length."""
    for token in range(tokens):
        start, size = edges[token], edges[token + 1] - edges[token]
        value = np.uint64(0)
        if start + 4 <= len(data):
            value |= np.uint64(data[start]) | np.uint64(data[start + 1]) << np.uint64(8)
            value |= np.uint64(data[start + 2]) << np.uint64(16) | np.uint64(data[start + 3]) << np.uint64(24)
            value &= (np.uint64(1) << np.uint64(8 * min(size, 4))) - np.uint64(1)
        else:
            for place in range(min(size, 4)):
                value |= np.uint64(data[start + place]) << np.uint64(8 * place)
        values[token] = (value | np.uint64(size) << np.uint64(32)) * _SPREAD


@compiled
def _repeated(data, edges, values, hashes, slots, windows, bits):
    """Count the tokens of one text inside repeated windows."""
    rolled = np.uint64(0)
    for token in range(WINDOW - 1):
        rolled = rolled * _BASE64 + values[token]
    repeated, covered, twin = 0, 0, -2
    for window in range(windows):
        rolled = rolled * _BASE64 + values[window + WINDOW - 1]
        if window:
            rolled -= values[window - 1] * _LEAVES
        hashes[window] = rolled
        slot = np.int64((rolled ^ rolled >> np.uint64(29)) * _SPREAD >> np.uint64(64 - bits))
        before, twin = twin + 1, -2
        while slots[slot] >= 0:
            other = np.int64(slots[slot])
            # behind a repeated window all but the last token are known to be the same
            first = WINDOW - 1 if other == before else 0
            if hashes[other] == rolled and _same(data, edges[window + first], edges[other + first], edges, window, other):
                twin = other
                break
            slot = (slot + 1) & ((1 << bits) - 1)
        if twin >= 0:
            repeated += window + WINDOW - max(window, covered)
            covered = window + WINDOW
        else:
            slots[slot] = window
    return repeated


@compiled
def _same(data, place, other_place, edges, window, other):
    """Say whether two windows have the same bytes from two places on."""
    size = edges[window + WINDOW] - place
    if edges[other + WINDOW] - other_place != size:
        return False
    byte = 0
    while byte < size and data[place + byte] == data[other_place + byte]:
        byte += 1
    return byte == size
