"""The population: the problems of a whole run, as a pilot or assumptions let one see them, in many equally likely replicates.

A pilot's problems are clusters: their samples are alike, so it is problems that are drawn again (bootstrap), with all their
samples. Each replicate draws as many problems as the pilot had, with replacement; draws a distribution of pass rates that fits
them; and draws the problems that the pilot has not seen from them. The pilot's own problems are part of every replicate: a pilot
of half the problems knows half the answer. What no problem of a pilot shows stays unknown: where two problems in a hundred are
never solved, a third of all pilots of 50 see none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .lengths import Lengths, fit_lengths
from .rates import posteriors

if TYPE_CHECKING:
    import numpy as np

REPLICATES = 400


@dataclass(frozen=True)
class Observed:
    """A pilot's responses, one element each."""

    problem: np.ndarray
    """Number of the pilot's problem, from 0; every problem has a response."""
    correct: np.ndarray
    judged: np.ndarray
    """Whether the verdict says something of the answer."""
    passed: np.ndarray
    """Whether it passes curation's filters, lengths and caps apart."""
    tokens: np.ndarray


@dataclass(frozen=True)
class Population:
    """Replicates of a run's problems; classes as in `Lengths`."""

    problems: int
    """Problems of the whole run."""
    lengths: Lengths
    counts: np.ndarray
    """How many of the run's problems are like each problem of the pilot: replicates × pilot problems."""
    pattern: np.ndarray
    """Which pattern of solved of judged each pilot problem has."""
    rates: np.ndarray
    """Distribution of the pass rate: replicates × patterns × cells."""
    token_scale: np.ndarray
    """Each replicate's mean length over the model's: replicates × 2."""
    passed: np.ndarray
    """Share of responses that pass curation's filters, per class."""
    passed_scale: np.ndarray
    """Each replicate's share of passed responses over that: replicates."""
    judged: float
    """Share of responses that can be judged."""


def population_from(observed: Observed, problems: int, most_tokens: int, rng: np.random.Generator) -> Population:
    """Make the population that a pilot's responses speak of."""
    import numpy as np

    size = int(observed.problem.max()) + 1
    lengths = fit_lengths(observed.problem, observed.correct, observed.tokens, most_tokens)
    again = rng.multinomial(size, np.full(size, 1 / size), size=REPLICATES)
    judged = np.bincount(observed.problem, observed.judged, size).astype(int)
    solved = np.bincount(observed.problem, observed.correct, size).astype(int)
    patterns, pattern = np.unique(np.stack([solved, judged]), axis=1, return_inverse=True)
    of_pattern = np.eye(patterns.shape[1])[pattern.ravel()]
    unseen = np.stack([rng.multinomial(max(problems - size, 0), row / size) for row in again])
    passed, passed_scale = _passed(observed, again)
    return Population(
        problems=problems,
        lengths=lengths,
        counts=unseen + 1,
        pattern=pattern.ravel(),
        rates=posteriors(patterns[0], patterns[1], again @ of_pattern, rng),
        token_scale=_token_scale(observed, again, lengths),
        passed=passed,
        passed_scale=passed_scale,
        judged=float(observed.judged.mean()),
    )


def _token_scale(observed: Observed, again: np.ndarray, lengths: Lengths) -> np.ndarray:
    """Give each replicate's mean tokens of a class over the model's: the model shrinks problems together, the data do not."""
    import numpy as np

    size, expected = again.shape[1], lengths.moments()[0]
    scales = []
    for which in (0, 1):
        mine = observed.correct == bool(which)
        seen = again @ np.bincount(observed.problem[mine], observed.tokens[mine], size)
        modelled = again @ (np.bincount(observed.problem[mine], minlength=size) * expected[:, which])
        scales.append(np.divide(seen, modelled, out=np.ones(len(again)), where=modelled > 0))
    return np.stack(scales, axis=1)


def _passed(observed: Observed, again: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    size = again.shape[1]
    share = np.array([observed.passed[observed.correct == bool(c)].mean() if (observed.correct == bool(c)).any() else c for c in (0, 1)])
    seen = again @ np.bincount(observed.problem, observed.passed, size)
    modelled = again @ np.bincount(observed.problem, share[observed.correct.astype(int)], size)
    return share, np.divide(seen, modelled, out=np.ones(len(again)), where=modelled > 0)
