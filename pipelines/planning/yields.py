"""Yields: what a problem gives under a way to sample, if its pass rate is p. Fixed n by formula, adaptive by replay.

With n samples: n tokens of mean length, Binomial(n, p) correct ones, of which splits keep at most their `per_problem`. The
adaptive mode has no formula: problems of every pass rate are replayed with the real allocation, and their requests and tokens,
counted in mean responses of the problem, are carried over to all of the pilot's problems.

Of curation are known: all filters, as often as they dropped samples of the pilot; of splits the length bands, `first_n` and
`per_problem`; bounds on the pass rate. Not known: doubles that only appear with more samples, how many samples lie in two splits
(bands that overlap), `problems_per_tenth` and `token_budget` of splits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...schemas.recipe import CurateConfig, SampleConfig, SplitConfig
from ..sampling.allocation import Draw
from .forecast import COLUMNS, Yields
from .population import Population
from .rates import CELLS, cell_rates
from .replay import Response, Spent, replay

if TYPE_CHECKING:
    import numpy as np

REPLAYED_RATES = 24
"""Pass rates that the adaptive mode is replayed at; those between are interpolated."""
REPLAYED_DRAWS = 40_000
"""At most about so many draws are replayed: some two seconds."""
POINTS = 257
"""Points of the table of capped binomials."""


def fixed_yields(n: int, population: Population, curate: CurateConfig) -> Yields:
    """Give what n samples of a problem yield."""
    import numpy as np

    share = cell_rates()[None, :] * population.judged
    mean, variance = (moment[:, :, None] for moment in population.lengths.moments())
    shape = (mean.shape[0], CELLS)
    kept, kept_variance = _kept(n, share, population, curate)
    solved = 1 - (1 - share) ** n
    class_share = np.stack([1 - share, share])
    class_mean, class_variance = np.moveaxis(mean, 1, 0), np.moveaxis(variance, 1, 0)
    token_mean = n * class_share * class_mean
    token_variance = n * (class_share * (class_variance + class_mean**2) - (class_share * class_mean) ** 2)
    rows = [*token_mean, np.float64(n), n * share, kept, solved]
    variances = [*token_variance, np.float64(0), n * share * (1 - share), kept_variance, solved * (1 - solved)]
    return Yields(*(np.stack([np.broadcast_to(row, shape) for row in table]) for table in (rows, variances)))


def adaptive_yields(config: SampleConfig, population: Population, curate: CurateConfig, rng: np.random.Generator) -> Yields:
    """Give what an adaptive mode yields, by replay."""
    import numpy as np

    rates = np.sin((np.arange(REPLAYED_RATES) + 0.5) * np.pi / 2 / REPLAYED_RATES) ** 2
    each = int(np.clip(REPLAYED_DRAWS / config.most_samples() / REPLAYED_RATES, 8, 64))
    replayed = _Replay(np.repeat(rates, each), config, population, rng)
    table = np.array([replayed.yields_of(place, curate) for place in replayed.order])
    table = table.reshape(REPLAYED_RATES, each, len(COLUMNS))
    angle, angles = np.arcsin(np.sqrt(cell_rates())), np.arcsin(np.sqrt(rates))
    mean, variance = (
        np.stack([np.interp(angle, angles, row) for row in moment.T])[:, None, :] for moment in (table.mean(axis=1), table.var(axis=1))
    )
    length = np.ones((len(COLUMNS), len(population.pattern), 1))
    length[:2, :, 0] = population.lengths.moments()[0].T
    return Yields(mean * length, variance * length**2)


class _Replay:
    """A replay of problems of given pass rates, each as long as some problem of the population."""

    def __init__(self, rates: np.ndarray, config: SampleConfig, population: Population, rng: np.random.Generator) -> None:
        import numpy as np

        self.order = range(len(rates))
        self.rng = rng
        shape, lengths = (len(rates), config.most_samples()), population.lengths
        like = rng.integers(len(population.pattern), size=len(rates))
        self.judged = rng.random(shape) < population.judged
        self.correct = (rng.random(shape) < rates[:, None]) & self.judged
        drawn = [rng.choice(lengths.remainders[c], shape) + lengths.log_level[like, c, None] for c in (0, 1)]
        self.tokens = np.clip(np.exp(np.where(self.correct, drawn[1], drawn[0])), 1, lengths.most)
        self.passed = rng.random(shape) < population.passed[self.correct.astype(int)]
        self.mean_tokens = lengths.moments()[0][like]
        # places in any order, as the pass rates of a real problem set are
        places = rng.permutation(len(rates))
        slots = config.model_copy(update={"concurrency": min(config.at_once(), len(rates))})
        done = replay(slots, len(rates), lambda draw: self._response(Draw(int(places[draw.place]), draw.index)))
        self.spent: dict[int, list[Spent]] = {place: [] for place in self.order}
        for spent in done.spent:
            self.spent[int(places[spent.draw.place])].append(spent)

    def yields_of(self, place: int, curate: CurateConfig) -> tuple[float, ...]:
        """Give a replayed problem's row of `COLUMNS`, tokens in mean responses of its own."""
        mine = self.spent[place]
        tokens = [0.0, 0.0]
        for spent in mine:
            tokens[spent.response.correct] += spent.tokens
        other, right = tokens / self.mean_tokens[place]
        ended = [spent for spent in mine if not spent.aborted]
        correct = sum(spent.response.correct for spent in ended)
        judged = sum(spent.response.judged for spent in ended)
        kept = 0
        if judged and curate.min_pass_rate <= correct / judged <= curate.max_pass_rate:
            passed = [(spent.draw.index, spent.response.tokens) for spent in ended if self.passed[place, spent.draw.index]]
            kept = _kept_of(passed, curate.splits)
        return other, right, float(len(ended)), float(correct), float(kept), float(correct > 0)

    def _response(self, draw: Draw) -> Response:
        tokens, correct, judged = self.tokens[draw], self.correct[draw], self.judged[draw]
        return Response(int(tokens), bool(correct), bool(judged))


def _kept_of(passed: list[tuple[int, int]], splits: list[SplitConfig]) -> int:
    """Count the samples of one problem that splits keep, given index and length of those that pass the filters."""
    bands = [(*band(split), split.first_n or 2**31) for split in splits]
    fitting = [[low <= length <= high and index < first for index, length in passed] for low, high, first in bands]
    most = sum(min(sum(fits), split.per_problem or len(passed)) for split, fits in zip(splits, fitting, strict=True))
    return min(most, sum(map(any, zip(*fitting, strict=True))))


def band(split: SplitConfig) -> tuple[int, int]:
    """Give the lengths that a split takes, both ends included."""
    return split.min_tokens or 0, split.max_tokens or 2**31


def _kept(n: int, share: np.ndarray, population: Population, curate: CurateConfig) -> tuple[np.ndarray, np.ndarray]:
    """Give mean and variance of a problem's kept samples: pilot problems × cells."""
    import numpy as np

    def passing(splits: list[SplitConfig]) -> np.ndarray:
        fits = population.lengths.share_within([band(split) for split in splits]) * population.passed
        return share * fits[:, 1, None] + (1 - share) * fits[:, 0, None]

    moments = [_capped_binomial(min(n, split.first_n or n), split.per_problem, passing([split])) for split in curate.splits]
    mean, variance = np.sum(moments, axis=0)
    mean = np.minimum(mean, n * passing(curate.splits))
    rated = _chance_of_pass_rate(n, share, curate)
    return mean * rated, rated * (variance + mean**2) - (rated * mean) ** 2


def _capped_binomial(n: int, cap: int | None, chance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give mean and variance of min(cap, Binomial(n, chance)), interpolated from a table."""
    import numpy as np

    if cap is None or cap >= n:
        return n * chance, n * chance * (1 - chance)
    points = np.linspace(0, 1, POINTS)
    capped = np.minimum(np.arange(n + 1), cap)
    masses = binomial_masses(n, points)
    first, second = (np.interp(chance, points, masses @ capped**power) for power in (1, 2))
    return first, np.maximum(second - first**2, 0)


def _chance_of_pass_rate(n: int, share: np.ndarray, curate: CurateConfig) -> np.ndarray:
    """Give the chance that a problem's observed pass rate lies within curation's bounds."""
    import numpy as np

    if curate.min_pass_rate <= 0 and curate.max_pass_rate >= 1:
        return np.ones_like(share)
    observed = np.arange(n + 1) / n
    within = (observed >= curate.min_pass_rate) & (observed <= curate.max_pass_rate)
    return (binomial_masses(n, share.ravel()) @ within).reshape(share.shape)


def binomial_masses(n: int, chance: np.ndarray) -> np.ndarray:
    """Give P(X = 0 … n) of Binomial(n, chance): chances × (n + 1)."""
    import numpy as np

    k = np.arange(n + 1)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    ways = log_factorial[n] - log_factorial[k] - log_factorial[n - k]
    p = np.clip(chance, 1e-12, 1 - 1e-12)[:, None]
    return np.exp(ways + k * np.log(p) + (n - k) * np.log1p(-p))
