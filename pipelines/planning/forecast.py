"""The forecast: tokens, time, disk and kept samples of one way to sample, as expectations with 90 % intervals.

A way to sample is summed up per problem as `Yields`: mean and variance of each quantity, for every pilot problem and every pass
rate on the grid, as if that were its rate. Replicates of the population then weigh the rates and add up the problems; what
chance still does to single samples is added as a normal deviate, its variance summed over the problems.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from .population import Population

if TYPE_CHECKING:
    import numpy as np

COLUMNS = ("other_tokens", "correct_tokens", "samples", "correct", "kept", "solved")
"""What a way to sample yields, per problem; tokens apart by class, so that each class's length can be scaled."""
TOGETHER = [COLUMNS.index(name) for name in ("correct_tokens", "correct", "kept", "solved")]
"""Columns that chance moves together: a sample more that is correct is also one more kept."""
LEVELS = (0.05, 0.95)
ROUNDING = 1e-9
SECONDS_PER_HOUR = 3600.0


class Estimate(NamedTuple):
    """An expectation and its 90 % interval."""

    expected: float
    low: float
    high: float


class Yields(NamedTuple):
    """What a problem yields, if its pass rate is a cell's: two arrays, columns × pilot problems × cells."""

    mean: np.ndarray
    variance: np.ndarray


class Forecast(NamedTuple):
    """One row of the plan."""

    mode: str
    """How it samples: `n = 32`, or `until 4 correct of at most 64`."""
    samples: Estimate
    tokens: Estimate
    """Generated tokens, those of aborted requests included."""
    correct: Estimate
    kept: Estimate
    solved: Estimate
    """Problems with a correct sample."""
    tokens_per_kept: Estimate
    disk_bytes: Estimate
    seconds: Estimate | None = None
    gpu_hours: Estimate | None = None
    cost: Estimate | None = None
    """In the currency of the price."""


class Engine(NamedTuple):
    """How fast and at what cost tokens come; None where nobody knows."""

    tokens_per_second: float | None = None
    error: float = 0.0
    """Standard error of that."""
    slots: int = 1
    """Requests at once."""
    gpus: int | None = None
    price_per_gpu_hour: float | None = None


class DiskUse(NamedTuple):
    """What a run takes on disk."""

    bytes_per_token: float
    bytes_per_sample: float
    """Verdict, tags, decision and keys."""
    exports: int
    """Copies of every kept sample in exported datasets."""


def forecast(mode: str, yields: Yields, population: Population, engine: Engine, disk: DiskUse, rng: np.random.Generator) -> Forecast:
    """Add up what a way to sample yields over the run's problems."""
    import numpy as np

    total = dict(zip(COLUMNS, _totals(yields, population, rng), strict=True))
    total["solved"] = np.minimum(total["solved"], population.problems)
    tokens, kept = total["other_tokens"] + total["correct_tokens"], total["kept"]
    kept_tokens = kept * total["correct_tokens"] / np.maximum(total["correct"], 1)
    on_disk = tokens * disk.bytes_per_token + total["samples"] * disk.bytes_per_sample + disk.exports * kept_tokens * disk.bytes_per_token
    seconds = _seconds(tokens, population, engine, rng)
    hours = seconds * engine.gpus / SECONDS_PER_HOUR if seconds is not None and engine.gpus else None
    cost = hours * engine.price_per_gpu_hour if hours is not None and engine.price_per_gpu_hour is not None else None
    return Forecast(
        mode=mode,
        samples=estimate(total["samples"]),
        tokens=estimate(tokens),
        correct=estimate(total["correct"]),
        kept=estimate(kept),
        solved=estimate(total["solved"]),
        tokens_per_kept=estimate(tokens / np.maximum(kept, 1)),
        disk_bytes=estimate(on_disk),
        seconds=None if seconds is None else estimate(seconds),
        gpu_hours=None if hours is None else estimate(hours),
        cost=None if cost is None else estimate(cost),
    )


def estimate(values: np.ndarray) -> Estimate:
    """Give mean and 90 % interval of the replicates."""
    import numpy as np

    low, high = np.quantile(values, LEVELS)
    return Estimate(float(values.mean()), float(low), float(high))


def _totals(yields: Yields, population: Population, rng: np.random.Generator) -> np.ndarray:
    """Give the run's total of each column: columns × replicates."""
    import numpy as np

    mean, second = yields.mean, yields.variance + yields.mean**2
    expected = np.zeros((len(COLUMNS), *population.counts.shape))
    squares = np.zeros_like(expected)
    for number in range(population.rates.shape[1]):
        mine = population.pattern == number
        rates = population.rates[:, number].T
        expected[:, :, mine] = np.swapaxes(mean[:, mine] @ rates, 1, 2)
        squares[:, :, mine] = np.swapaxes(second[:, mine] @ rates, 1, 2)
    noise = (population.counts * (squares - expected**2)).sum(axis=2)
    noise[noise < ROUNDING * (population.counts * squares).sum(axis=2)] = 0.0  # what is certain stays certain
    deviates = rng.standard_normal(noise.shape)
    deviates[TOGETHER] = deviates[TOGETHER[0]]
    totals = (population.counts * expected).sum(axis=2) + np.sqrt(noise) * deviates
    scale = np.ones_like(totals)
    scale[:2] = population.token_scale.T
    scale[COLUMNS.index("kept")] = population.passed_scale
    return np.maximum(totals * scale, 0)


def _seconds(tokens: np.ndarray, population: Population, engine: Engine, rng: np.random.Generator) -> np.ndarray | None:
    """Give the wall-clock time: all tokens at full speed, and the longest response on its own slot, which may come last."""
    import numpy as np

    if engine.tokens_per_second is None:
        return None
    speed = engine.tokens_per_second + engine.error * rng.standard_normal(tokens.shape)
    speed = np.maximum(speed, engine.tokens_per_second / 4)
    return (tokens + population.lengths.longest() * engine.slots) / speed
