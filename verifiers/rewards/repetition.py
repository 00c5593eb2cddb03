"""The repetition penalty: per token over token ids, as the paper trains with, and the sparse form over words.

An n-gram is repeated when the same one began earlier in the same completion; overlaps count. Repeated n-grams are found by a rolling
hash of every window and one sort per completion; where two windows have one hash, they are compared token by token.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...schemas.reward import RepetitionConfig

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

ROWS_AT_ONCE = 32
"""Completions hashed together: a few megabytes each."""
BASE = np.uint64(0x9E3779B97F4A7C15)
"""Odd, so that it has an inverse modulo 2**64."""
INVERSE = np.uint64(pow(int(BASE), -1, 2**64))
NONE = np.uint64(2**64 - 1)
"""Stands for a window that reaches past its completion."""


def pad(token_ids: Sequence[ArrayLike]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Give token ids (B, T), with -1 where a completion has ended, and lengths (B,)."""
    rows = [np.asarray(ids, np.int64).ravel() for ids in token_ids]
    lengths = np.array([len(row) for row in rows], np.int64)
    padded = np.full((len(rows), int(lengths.max(initial=0))), -1, np.int64)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return padded, lengths


def repetition_penalty(token_ids: Sequence[ArrayLike], config: RepetitionConfig) -> NDArray[np.float64]:
    """Give (B, T), T the longest length: `penalty` at every token of a repeated n-gram, 0 elsewhere and past a completion's end.

    It is assigned, not added: a token in many repeated n-grams is penalised once. Source: arXiv 2502.03373, Algorithm 1; the published
    variant that penalises only the start of a run misses a run that begins where another ended, and is not offered.
    """
    ids, lengths = pad(token_ids)
    penalties = np.zeros(ids.shape)
    for first in range(0, len(ids), ROWS_AT_ONCE):
        block = slice(first, first + ROWS_AT_ONCE)
        for row, starts in _repeated(ids[block], lengths[block], config.ngram):
            edges = np.bincount(starts, minlength=ids.shape[1] + 1) - np.bincount(starts + config.ngram, minlength=ids.shape[1] + 1)
            penalties[first + row, np.cumsum(edges[:-1]) > 0] = config.penalty
    return penalties


def sparse_repetition_penalty(texts: Sequence[str], config: RepetitionConfig) -> NDArray[np.float64]:
    """Give (B,): (1 - distinct n-grams / n-grams) * penalty over the lower-cased words of each text; 0 where it has fewer than n words.

    Source: the published trainer's form for wrong completions, which divides by zero on short texts.
    """
    return np.array([_repeated_share(text.lower().split(), config.ngram) * config.penalty for text in texts])


def _repeated_share(words: list[str], ngram: int) -> float:
    ngrams = [tuple(words[start : start + ngram]) for start in range(len(words) - ngram + 1)]
    return 1 - len(set(ngrams)) / len(ngrams) if ngrams else 0.0


def _repeated(ids: NDArray[np.int64], lengths: NDArray[np.int64], ngram: int) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Give, for each row that has any, where its repeated n-grams start."""
    hashes = _window_hashes(ids, lengths, ngram)
    if hashes.size == 0:
        return
    ordered = np.sort(hashes, axis=1)
    suspects = ((ordered[:, 1:] == ordered[:, :-1]) & (ordered[:, 1:] != NONE)).any(axis=1)
    for row in np.flatnonzero(suspects):
        of_row = hashes[row, : lengths[row] - ngram + 1]
        yield int(row), _confirmed(ids[row], of_row, ngram)


def _window_hashes(ids: NDArray[np.int64], lengths: NDArray[np.int64], ngram: int) -> NDArray[np.uint64]:
    """Give a polynomial hash modulo 2**64 of each window (B, T - n + 1), and NONE for those past a row's end."""
    count = ids.shape[1] - ngram + 1
    if count < 1:
        return np.empty((len(ids), 0), np.uint64)
    with np.errstate(over="ignore"):
        mixed = ids.astype(np.uint64) * BASE
        mixed ^= mixed >> np.uint64(29)
        sums = np.zeros((len(ids), ids.shape[1] + 1), np.uint64)
        np.cumsum(mixed * _powers(BASE, ids.shape[1]), axis=1, out=sums[:, 1:])
        hashes = (sums[:, ngram:] - sums[:, :-ngram]) * _powers(INVERSE, count)
    hashes[np.arange(count) > (lengths - ngram)[:, None]] = NONE
    return hashes


def _powers(base: np.uint64, count: int) -> NDArray[np.uint64]:
    factors = np.full(count, base)
    factors[:1] = 1
    return np.cumprod(factors, dtype=np.uint64)


def _confirmed(ids: NDArray[np.int64], hashes: NDArray[np.uint64], ngram: int) -> NDArray[np.intp]:
    """Give the starts of windows that equal an earlier one, token by token and not only by their hash."""
    order = np.argsort(hashes, kind="stable")
    new = np.ones(len(order), bool)
    new[1:] = hashes[order[1:]] != hashes[order[:-1]]
    earliest = np.empty_like(order)
    earliest[order] = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
    starts = np.flatnonzero(earliest != np.arange(len(earliest)))
    # a window that goes on where the one before it was compared with its earlier one differs in its last token at most
    follows = np.zeros(len(starts), bool)
    follows[1:] = (np.diff(starts) == 1) & (np.diff(earliest[starts]) == 1)
    last = ids[starts + ngram - 1] == ids[earliest[starts] + ngram - 1]
    windows = np.lib.stride_tricks.sliding_window_view(ids, ngram)
    heads = starts[~follows]
    whole = (windows[heads] == windows[earliest[heads]]).all(axis=1)
    if whole.all() and last.all():
        return starts
    return _one_by_one(ids[: len(hashes) + ngram - 1], ngram)


def _one_by_one(ids: NDArray[np.int64], ngram: int) -> NDArray[np.intp]:
    """Give the same by a set of n-grams: for a row in which two different windows have one hash."""
    seen: set[bytes] = set()
    starts = []
    for start in range(len(ids) - ngram + 1):
        window = ids[start : start + ngram].tobytes()
        if window in seen:
            starts.append(start)
        seen.add(window)
    return np.array(starts, np.intp)
