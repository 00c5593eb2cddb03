"""The numbers of an evaluation, each with a 95 % interval in which a problem is one draw, however many samples it has.

    avg_at_k(correct=[4, 0, 3], samples=[4, 4, 4])        mean over problems of the share of correct samples
    pass_at_k(correct=[1, 0], samples=[4, 4], k=2)        per problem: probability that one of 2 samples is correct
    compare_pairs([0.5, 1.0], [0.75, 1.0])                 second minus first, problem by problem

Arrays have one entry per problem. `majority.py` has maj@k.

**Which interval.** The samples of a problem resemble one another, so the scores v_c of the C problems are the draws. The interval of a
mean is Wilson's at the effective sample size m (1 - m) / s² (Korn and Graubard, Survey Methodology 24:193, 1998), with
Student's t for C - 1 degrees of freedom and

    s² = (Σ (v_c - m)² + m (1 - m)) / (C (C - 1)),           effective size between C and the number of samples

The added m (1 - m) is one problem at its largest spread: the problems that would have moved the mean are easily not among thirty.
Of the candidates (mean ± t s, percentile bootstrap over problems, Wilson without it, this) only this one covers the truth in 93 to
97 % of simulated evaluations of 30 to 1,000 problems at rates of 5 to 90 % (docs/evaluation.md); at 30 problems the others miss it up
to 13 % of the time.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ...schemas.evaluation import Estimate
from ..behaviors import CONFIDENCE, share_interval, student_t

Method = Literal["wilson", "t", "bootstrap"]
Floats = NDArray[np.float64]
RESAMPLES = 2_000
FLIPS = 20_000
ALL_FLIPS = 12
"""Up to so many problems that differ, all signs are tried."""


class Paired(NamedTuple):
    """What two models' scores on the same problems say."""

    difference: Estimate
    p_value: float | None
    gained: NDArray[np.bool_]
    """Problems that the first solves in less than half of its samples, and the second in more than half."""
    lost: NDArray[np.bool_]
    """Problems that the first solves in more than half of its samples, and the second in less than half."""


def avg_at_k(correct: ArrayLike, samples: ArrayLike, method: Method = "wilson") -> Estimate:
    """Estimate the mean over problems of correct / samples; problems without samples do not count.

    >>> avg_at_k([4, 0, 3, 2], [4, 4, 4, 4]).value
    0.5625
    """
    rates = solve_rates(correct, samples)
    return mean_estimate(rates[~np.isnan(rates)], int(np.asarray(samples).sum()), method)


def solve_rates(correct: ArrayLike, samples: ArrayLike) -> Floats:
    """Give each problem's share of correct samples; NaN where it has none."""
    drawn = np.asarray(samples, float)
    return np.divide(np.asarray(correct, float), drawn, out=np.full(drawn.shape, np.nan), where=drawn > 0)


def mean_estimate(values: ArrayLike, samples: int | None = None, method: Method = "wilson", seed: int = 0) -> Estimate:
    """Estimate the mean of scores between 0 and 1, one per problem; `samples` is the number of draws they rest on.

    `method`: `wilson` is the one of the module's head, `t` is mean ± t s, `bootstrap` resamples problems (percentiles, by seed).
    """
    scores = np.asarray(values, float)
    count = scores.size
    if not count:
        return Estimate(value=None)
    mean = float(scores.mean())
    if count < 2:
        return Estimate(value=mean)
    if method == "bootstrap":
        low, high = _bootstrap(scores, seed)
    elif method == "t":
        half = student_t(count - 1) * float(scores.std(ddof=1)) / math.sqrt(count)
        low, high = mean - half, mean + half
    else:
        size = effective_size(scores, max(count, samples or count))
        low, high = share_interval(mean, mean * (1 - mean) / size, max(count, samples or count), count)
    return Estimate(value=mean, low=low, high=high)


def effective_size(scores: Floats, samples: int) -> float:
    """Give how many independent draws of 0 or 1 would give a mean as sure as that of these scores; see the module's head."""
    mean, count = float(scores.mean()), scores.size
    largest = mean * (1 - mean)
    if largest <= 0:
        return count
    variance = (float(((scores - mean) ** 2).sum()) + largest) / (count * (count - 1))
    return min(max(largest / variance, count), samples)


def _bootstrap(scores: Floats, seed: int) -> tuple[float, float]:
    weights = np.random.default_rng(seed).multinomial(scores.size, np.full(scores.size, 1 / scores.size), size=RESAMPLES)
    low, high = np.quantile(weights @ scores / scores.size, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def pass_at_k(correct: ArrayLike, samples: ArrayLike, k: int) -> Floats:
    """Give per problem the probability that at least one of k of its samples, drawn without return, is correct; NaN for fewer than k.

    1 - C(n - c, k) / C(n, k) (Chen et al., arXiv 2107.03374, equation 1), as a product of k factors, so that nothing overflows.

    >>> pass_at_k([1, 0, 3], [4, 4, 4], 2).tolist()
    [0.5, 0.0, 1.0]
    """
    if k < 1:
        raise ValueError("k must be at least 1")
    right, drawn = np.asarray(correct, float), np.asarray(samples, float)
    missed = np.ones(np.broadcast(right, drawn).shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        for taken in range(k):
            missed *= np.clip(drawn - right - taken, 0, None) / (drawn - taken)
    return np.where(drawn >= k, 1 - missed, np.nan)


def share_estimate(hits: ArrayLike, samples: ArrayLike) -> Estimate:
    """Estimate the share of samples that something holds for, from counts per problem: Σ hits / Σ samples, problems as clusters."""
    shown, drawn = _with_samples(hits, samples)
    if not drawn.size:
        return Estimate(value=None)
    share, variance = _ratio(shown, drawn)
    low, high = share_interval(share, variance, int(drawn.sum()), drawn.size)
    return Estimate(value=share, low=low, high=high)


def amount_estimate(amounts: ArrayLike, samples: ArrayLike) -> Estimate:
    """Estimate an amount per sample, such as tokens, from sums per problem: Σ amounts / Σ samples ± t s, problems as clusters."""
    sums, drawn = _with_samples(amounts, samples)
    if not drawn.size:
        return Estimate(value=None)
    ratio, variance = _ratio(sums, drawn)
    if drawn.size < 2:
        return Estimate(value=ratio)
    half = student_t(drawn.size - 1) * math.sqrt(variance)
    return Estimate(value=ratio, low=max(0.0, ratio - half), high=ratio + half)


def _with_samples(amounts: ArrayLike, samples: ArrayLike) -> tuple[Floats, Floats]:
    sums, drawn = np.asarray(amounts, float), np.asarray(samples, float)
    return sums[drawn > 0], drawn[drawn > 0]


def _ratio(sums: Floats, sizes: Floats) -> tuple[float, float]:
    """Give Σy / Σx and its variance over clusters (Cochran, Sampling Techniques, 3rd ed., chapter 9A)."""
    ratio, count = float(sums.sum() / sizes.sum()), sizes.size
    if count < 2:
        return ratio, math.nan
    return ratio, float(((sums - ratio * sizes) ** 2).sum()) * count / (count - 1) / float(sizes.sum()) ** 2


def compare_pairs(first: ArrayLike, second: ArrayLike, seed: int = 0) -> Paired:
    """Compare two models' scores on the same problems: second minus first, mean ± t s of the differences, and a sign-flip test.

    Where no problem differs, the interval holds the largest mean that C problems would miss 1 time in 40 on either side.
    Raises ValueError when the arrays differ in length.
    """
    before, after = np.asarray(first, float), np.asarray(second, float)
    if before.shape != after.shape:
        raise ValueError(f"{before.size} and {after.size} problems are not the same problems")
    changes = after - before
    gained, lost = (before < 0.5) & (after > 0.5), (before > 0.5) & (after < 0.5)
    return Paired(difference_estimate(changes), sign_flip_test(changes, seed), gained, lost)


def difference_estimate(changes: Floats) -> Estimate:
    """Estimate the mean of the problems' differences, mean ± t s; where all are 0, see `compare_pairs`."""
    count = changes.size
    if not count:
        return Estimate(value=None)
    mean = float(changes.mean())
    if count < 2:
        return Estimate(value=mean)
    half = student_t(count - 1) * float(changes.std(ddof=1)) / math.sqrt(count)
    if not changes.any():
        half = 1 - ((1 - CONFIDENCE) / 2) ** (1 / count)
    return Estimate(value=mean, low=max(-1.0, mean - half), high=min(1.0, mean + half))


def sign_flip_test(changes: ArrayLike, seed: int = 0) -> float | None:
    """Give the two-sided probability of a mean at least so far from 0 if every problem's difference had either sign.

    All signs are tried for up to 12 problems that differ; beyond, 20,000 random ones by seed, the observed among them. None for no problem.
    """
    values = np.asarray(changes, float)
    if not values.size:
        return None
    sizes = np.abs(values[values != 0])
    if not sizes.size:
        return 1.0
    observed = abs(float(values.sum())) - 1e-9
    if sizes.size <= ALL_FLIPS:
        signs = 1 - 2 * ((np.arange(2**sizes.size)[:, None] >> np.arange(sizes.size)) & 1)
        return float(np.mean(np.abs(signs @ sizes) >= observed))
    extreme, dice = 1, np.random.default_rng(seed)
    for _ in range(FLIPS // 2000):  # in parts: a benchmark of 12,000 problems fits into memory
        flipped = np.abs((dice.integers(0, 2, (2000, sizes.size), dtype=np.int8) * 2 - 1) @ sizes)
        extreme += int(np.sum(flipped >= observed))
    return extreme / (FLIPS + 1)
