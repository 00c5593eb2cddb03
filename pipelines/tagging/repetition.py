"""Loops: the share of a text's tokens inside a 40-gram that was there before, exactly; and how far zlib shrinks the text.

The rule is that of arXiv 2502.03373v1 (App C.2, Algorithm 1, N = 40): slide a window of 40 tokens over the text; when its
tokens were seen before, all 40 positions count as repeated; an overlap counts once. 200 tokens of a 10-token cycle: 190 repeated.

The paper's tokens are the student's, and a run holds no token ids. Here a token is the white space before it and then

    a run of letters (A-Z, a-z, and U+0080 to U+07FF: Latin, Greek, Cyrillic, Hebrew, Arabic),
    a run of other ASCII characters that are neither digits nor white space,
    one digit, or one character from U+0800 on (Chinese, Thai, Bengali, most symbols);

white space at the end is a token too. That is the first cut of the GPT-2, Llama 3 and Qwen tokenisers, with Qwen's single digits.
Tokens fill the text without gaps, and where one ends depends only on the two characters there; so two windows hold the same
tokens if and only if they hold the same bytes, and bytes are what is compared in the end: hashes only choose the candidates.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from ..lexicon import is_for_compiled_code, utf8_of

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

WINDOW = 40
"""Tokens of a window, the paper's N."""

_CHUNK_BYTES = 512 * 2**10
"""Text that is looked at in one go: its arrays stay in the processor's cache, and their memory is used again."""

_HASHED = WINDOW - 3
"""Tokens of a window whose first 4 bytes are hashed: behind the last of them 3 more follow, so no byte outside the window is read."""

_BASE = 0x9E3779B1
_MODULUS = 2**32

SPACE, LETTER, OTHER, SINGLE, REST = range(5)


def _class_of(byte: int) -> int:
    if byte >= 0x80:
        return REST if byte < 0xC0 else LETTER if byte < 0xE0 else SINGLE
    character = chr(byte)
    return LETTER if character.isalpha() else SINGLE if character.isdigit() else SPACE if character in " \t\n\r\v\f" else OTHER


CLASSES = bytes(_class_of(byte) for byte in range(256))


def compression_ratios(texts: pl.Series) -> list[float]:
    """Give the size of each of some binary cells after zlib level 1 over its size; 1 for an empty one."""
    return [len(zlib.compress(data, 1)) / len(data) if data else 1.0 for data in texts]


def repeated_shares(texts: pl.Series) -> list[float]:
    """Give, per text, the share of its tokens inside a window that was there before; 0 for an empty text."""
    import polars as pl

    data = utf8_of(texts)
    if is_for_compiled_code(len(data.data)):
        from . import windows

        return windows.shares_of(data)
    return shares_of(texts.cast(pl.Binary).to_list())


def shares_of(texts: list[bytes]) -> list[float]:
    """Give what `repeated_shares` gives, by numpy alone."""
    return [share for chunk in _chunks(texts) for share in _shares(chunk)]


def _chunks(texts: list[bytes]) -> Iterator[list[bytes]]:
    chunk, size = [], 0
    for data in texts:
        chunk.append(data)
        size += len(data)
        if size >= _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _shares(texts: list[bytes]) -> list[float]:
    import numpy as np

    buffer = b"\n".join([*texts, b""])
    sizes = np.array([len(data) for data in texts], dtype=np.int64)
    begins = np.concatenate([[0], np.cumsum(sizes + 1)[:-1]])
    starts = _token_starts(buffer, begins, sizes)
    first, after = np.searchsorted(starts, begins), np.searchsorted(starts, begins + sizes)
    hashes = _window_hashes(buffer, starts)
    shares = [0.0] * len(texts)
    for text in np.flatnonzero(after - first > WINDOW).tolist():
        low, high = int(first[text]), int(after[text])
        own = hashes[low : high - WINDOW + 1]
        ordered = np.sort(own)
        if (ordered[1:] == ordered[:-1]).any():
            edges = np.append(starts[low:high], begins[text] + sizes[text])
            shares[text] = _repeated(buffer, edges, own) / (high - low)
    return shares


def _token_starts(buffer: bytes, begins: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    import numpy as np

    kinds = np.frombuffer(bytearray(buffer.translate(CLASSES)), np.uint8)
    start = np.empty(len(kinds), bool)
    rest = np.zeros(0, np.int64)
    if not buffer.isascii():
        rest = np.flatnonzero(kinds == REST)
        # a character's bytes are of one kind; it has at most four of them
        for _ in range(3):
            kinds[rest] = kinds[rest - 1]
    start[0] = False
    np.not_equal(kinds[1:], kinds[:-1], out=start[1:])
    start[1:] |= kinds[1:] == SINGLE
    start[1:] &= kinds[:-1] != SPACE
    start[rest] = False
    start[begins + sizes] = False
    start[begins[sizes > 0]] = True
    return np.flatnonzero(start)


def _window_hashes(buffer: bytes, starts: np.ndarray) -> np.ndarray:
    """Give a hash for the window that begins at each token, where there are enough tokens; equal windows have equal hashes.

    The polynomial in an odd base, modulo 2**32, of the first 4 bytes of the window's tokens, but for the last 3.
    """
    import numpy as np

    if len(starts) < WINDOW:
        return np.zeros(0, np.uint32)
    padded = buffer + bytes(8 - len(buffer) % 4)
    words = np.empty((len(padded) // 4 - 1, 4), np.uint32)
    for place in range(4):
        words[:, place] = np.frombuffer(padded, "<u4", len(words), place)
    powers, inverse = _powers(1 << len(starts).bit_length())
    sums = np.zeros(len(starts) + 1, np.uint32)
    np.cumsum(words.ravel()[starts] * powers[: len(starts)], dtype=np.uint32, out=sums[1:])
    hashes = sums[_HASHED:] - sums[:-_HASHED]
    hashes *= inverse[: len(hashes)]
    return hashes


@lru_cache(maxsize=4)
def _powers(count: int) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    bases = (_BASE, pow(_BASE, -1, _MODULUS))
    # powers from 0 up to count, modulo 2**32
    powers = [np.cumprod(np.full(count, base, np.uint32), dtype=np.uint32) for base in bases]
    return powers[0], powers[1]


def _repeated(buffer: bytes, edges: np.ndarray, hashes: np.ndarray) -> int:
    """Count the tokens of one text inside repeated windows.

    `edges` are the bytes where its tokens start and where the last one ends; `hashes` are those of its windows.
    """
    import numpy as np

    # a window's number behind its hash: one sort brings equal hashes together, each lot in the order of the text
    ordered = np.sort((hashes.astype(np.uint64) << np.uint64(32)) | np.arange(len(hashes), dtype=np.uint64))
    same = (ordered[1:] ^ ordered[:-1]) >> np.uint64(32) == 0
    number = (ordered & np.uint64(_MODULUS - 1)).astype(np.int64)
    before = np.full(len(hashes), -1)
    before[number[1:][same]] = number[:-1][same]
    later = np.flatnonzero(before >= 0)
    ends = np.zeros(len(edges), np.int64)
    for windows in _confirmed(buffer, edges, hashes, later, before[later]):
        ends[windows] += 1
        ends[windows + WINDOW] -= 1
    return int(np.count_nonzero(np.cumsum(ends)))


def _confirmed(buffer: bytes, edges: np.ndarray, hashes: np.ndarray, later: np.ndarray, earlier: np.ndarray) -> list[np.ndarray]:
    """Give, in two lots, those of the windows `later` whose bytes stand earlier; `earlier` are the windows before with their hashes."""
    import numpy as np

    # windows that follow one another, like those they repeat, are compared as one stretch of bytes
    breaks = np.flatnonzero((np.diff(later) != 1) | (np.diff(earlier) != 1)) + 1
    lows, afters = np.concatenate([[0], breaks]), np.concatenate([breaks, [len(later)]])
    stretches = (edges[later[lows]], edges[later[afters - 1] + WINDOW], edges[earlier[lows]], edges[earlier[afters - 1] + WINDOW])
    equal = [buffer[a:b] == buffer[c:d] for a, b, c, d in zip(*(edge.tolist() for edge in stretches), strict=True)]
    sure = np.repeat(equal, afters - lows)
    for number in np.flatnonzero(np.logical_not(equal)).tolist():
        a, b, c, d = (int(edge[number]) for edge in stretches)
        alike = _common_length(buffer[a:b], buffer[c:d])
        own = slice(lows[number], afters[number])
        ends = edges[later[own] + WINDOW] - a
        sure[own] = (ends <= alike) & (ends == edges[earlier[own] + WINDOW] - c)
    doubtful = later[~sure]
    # a sure window has the bytes of the one before it, which stands for it here
    stand_in = np.isin(hashes, hashes[doubtful]) if len(doubtful) else np.zeros(len(hashes), bool)
    stand_in[later[sure]] = False
    candidates = np.flatnonzero(stand_in)
    seen: set[bytes] = set()
    repeated = []
    for window, low, high in zip(candidates.tolist(), edges[candidates].tolist(), edges[candidates + WINDOW].tolist(), strict=True):
        data = buffer[low:high]
        if data in seen:
            repeated.append(window)
        seen.add(data)
    return [later[sure], np.intersect1d(doubtful, np.array(repeated, dtype=np.int64))]


def _common_length(data: bytes, other: bytes) -> int:
    """Give the length of the longest common beginning."""
    import numpy as np

    size = min(len(data), len(other))
    different = np.frombuffer(data, np.uint8, size) != np.frombuffer(other, np.uint8, size)
    return int(different.argmax()) if different.any() else size
