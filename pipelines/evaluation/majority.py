"""maj@k: how often the answer that most of k samples give is correct, exactly, for every k up to the samples drawn.

Samples vote for classes of equivalent answers (`equivalence.py`); a sample without an answer does not vote. Of k samples drawn
without return, the correct class wins when no other class has more votes; of t classes that tie, each wins 1 time in t. Nothing is
drawn at random: the probability is a sum over the votes m of the correct class,

    Σ_m C(g, m) · Σ_t [x^(k-m) y^t] Π_j (Σ_{a<m} C(c_j, a) x^a + C(c_j, m) x^m y) · (1 + x)^z / (1 + t)        over C(n, k)

for g correct samples, other classes of c_j samples and z samples that do not vote: x counts samples, y classes that tie.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def majority_at_k(correct: int, others: Sequence[int], silent: int, k: int) -> float:
    """Give the probability that a vote of k of a problem's samples is won by the correct class; NaN for fewer than k samples.

    `correct`: samples with a correct answer; `others`: sizes of the classes of other answers; `silent`: samples that do not vote.

    >>> [round(majority_at_k(2, others, 0, 4), 9) for others in ([2], [1, 1])]
    [0.5, 1.0]
    """
    if k < 1:
        raise ValueError("k must be at least 1")
    if correct + sum(others) + silent < k:
        return math.nan
    return _probability(correct, tuple(sorted(others)), silent, k)


@lru_cache(maxsize=65_536)
def _probability(correct: int, others: tuple[int, ...], silent: int, k: int) -> float:
    drawn = correct + sum(others) + silent
    total = 0.0
    for votes in range(max(1, k - drawn + correct), min(correct, k) + 1):
        ways, log_scale = _others(others, silent, votes, k - votes)
        shared = float((ways / np.arange(1, ways.size + 1)).sum())
        if shared > 0:
            total += math.exp(math.log(shared) + log_scale + _log_choose(correct, votes) - _log_choose(drawn, k))
    return min(1.0, total)


def _others(others: tuple[int, ...], silent: int, votes: int, left: int) -> tuple[NDArray[np.float64], float]:
    """Give the ways to take `left` samples that are not correct, by how many classes tie at `votes`, and the log of their scale."""
    most_ties = left // votes
    ways = np.zeros((most_ties + 1, left + 1))
    ways[0, 0], log_scale = 1.0, 0.0
    for size in others:
        row, scale = _row(size, min(size, votes, left))
        after = np.zeros_like(ways)
        for taken, count in enumerate(row):
            if taken < votes:
                after[:, taken:] += count * ways[:, : left + 1 - taken]
            else:
                after[1:, taken:] += count * ways[:-1, : left + 1 - taken]
        ways, log_scale = after, log_scale + scale
    row, scale = _row(silent, min(silent, left))
    # the last factor is only needed where the exponents add up to `left`
    return ways[:, left - len(row) + 1 :][:, ::-1] @ row, log_scale + scale


def _row(size: int, up_to: int) -> tuple[NDArray[np.float64], float]:
    """Give C(size, 0) … C(size, up_to), divided by the largest of them, and its logarithm."""
    logs = np.array([_log_choose(size, taken) for taken in range(up_to + 1)])
    return np.exp(logs - logs.max()), float(logs.max())


def _log_choose(size: int, taken: int) -> float:
    return math.lgamma(size + 1) - math.lgamma(taken + 1) - math.lgamma(size - taken + 1)
