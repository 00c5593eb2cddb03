"""With what the matches of several automata begin: two tables of hashes that rule out nearly every place of a text.

The first is asked for the next four bytes of a place. `the pro` has the head of `the problem` and of `the person`, so what passes
is looked up by its next seven bytes in the second, unless a match may be shorter than that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from .automaton import Automaton

HEAD_BYTES, BYTES = 4, 7
HEAD_BITS, BITS = 16, 18
ODD = 0x9E3779B97F4A7C15
SYMBOL_BITS = 5
"""What is looked at of a byte: its lower bits, the same for a and A."""
MOST = 1 << 15
"""Beginnings of an automaton that are worth telling apart."""
OVER = -1
"""Stands for any state in which a match has ended: whatever follows fits."""

Begun = set[tuple[int, int]]
"""What has been read, as a number, and the state that it leads to."""
Codes = npt.NDArray[np.uint64]
"""What has been read: the symbols of some bytes, the first in the lowest bits."""


class Beginnings(NamedTuple):
    """Bits of automata, by hashes of what stands at a place."""

    heads: npt.NDArray[np.uint16]
    """By the next four bytes: the automata that may match there, and eight bits higher those for which four bytes are enough."""
    longer: npt.NDArray[np.uint8]
    """By the next seven bytes: the automata that may match there."""


def beginnings(automata: Sequence[Automaton]) -> Beginnings:
    """Make the tables of up to eight automata."""
    found = Beginnings(np.zeros(1 << HEAD_BITS, np.uint16), np.zeros(1 << BITS, np.uint8))
    for number, one in enumerate(automata):
        heads, enough, longer = _begun(one)
        found.heads[_hashed(heads, HEAD_BITS)] |= np.uint16(1 << number)
        found.heads[_hashed(enough, HEAD_BITS)] |= np.uint16(1 << number + 8)
        found.longer[_hashed(longer, BITS)] |= np.uint8(1 << number)
    return found


def _begun(of: Automaton) -> tuple[Codes, Codes, Codes]:
    """Give the first four bytes of all matches, those that are enough, and the first seven bytes of the others."""
    moves, size = _moves_of(of), SYMBOL_BITS * HEAD_BYTES
    begun: Begun = {(0, of.start)}
    over = []
    for place in range(HEAD_BYTES):
        begun, ended = _next(begun, place, moves)
        left = size - SYMBOL_BITS * (place + 1)
        over += [code | np.arange(1 << left, dtype=np.uint64) << np.uint64(size - left) for code in ended]
        if len(begun) > MOST:
            everything = np.arange(1 << size, dtype=np.uint64)
            return everything, everything, everything[:0]
    heads = np.concatenate([_codes(code for code, _ in begun), *over])
    for place in range(HEAD_BYTES, BYTES):
        begun, ended = _next(begun, place, moves)
        over.append(_codes(code & (1 << size) - 1 for code in ended))
        if len(begun) > MOST:
            return heads, heads, heads[:0]
    return heads, np.concatenate(over), _codes(code for code, _ in begun)


def _next(begun: Begun, place: int, moves: Callable[[int], list[tuple[int, int]]]) -> tuple[Begun, set[int]]:
    """Read one byte more; give what is begun, and what may be over."""
    longer = {(code | symbol << SYMBOL_BITS * place, after) for code, state in begun for symbol, after in moves(state)}
    return {one for one in longer if one[1] != OVER}, {code for code, after in longer if after == OVER}


def _moves_of(of: Automaton) -> Callable[[int], list[tuple[int, int]]]:
    """Give the function from a state to the symbols that lead on from it, each with the state behind it."""
    mask = (1 << SYMBOL_BITS) - 1
    symbols = [sorted({byte & mask for byte in range(256) if of.classes[byte] == one}) for one in range(of.table.shape[1])]

    @cache
    def moves(state: int) -> list[tuple[int, int]]:
        after = [OVER if following >= of.first_match else following for following in of.table[state].tolist()]
        return [(symbol, following) for own, following in zip(symbols, after, strict=True) if following for symbol in own]

    return moves


def _codes(codes: Iterable[int]) -> Codes:
    return np.array(sorted(codes), np.uint64)


def _hashed(codes: Codes, bits: int) -> Codes:
    """Hash what stands at a place, spread to eight bits per byte as it is read."""
    spread = np.zeros(len(codes), np.uint64)
    for place in range(BYTES):
        own = codes >> np.uint64(SYMBOL_BITS * place) & np.uint64((1 << SYMBOL_BITS) - 1)
        spread |= own << np.uint64(8 * place)
    return spread * np.uint64(ODD) >> np.uint64(64 - bits)
