"""Assumptions: what a plan rests on when there is no pilot, each with where it comes from.

- Mean length 3,100 tokens: QwQ-32B-Preview on MATH train, 3.5 billion tokens of kept responses for N = 256 (arXiv 2502.03373,
  section 3.1; 1.14 million rows of its released set).
- Heavy tail: lognormal, standard deviation 0.6 of the natural logarithm; that of the text lengths of QwQ-32B (0.59), DeepSeek-R1
  (0.53) and s1.1-32B (0.55) on 582 GSM8K problems (MiP-Overthinking) and of R1-Distill-Qwen-32B on LIMO (0.56). Half of the
  variance lies between problems, as in 12 students' responses to MATH-500 (0.28² and 0.26², longCOT-Example).
- Responses that are not correct are 1.3 times as long (the same students: 1.2 to 3 times).
- Pass rates: mean 0.594, the kept share of QwQ-32B-Preview on MATH train at N = 256 (the same paper's released set); distributed
  as Beta(0.594, 0.406), a + b = 1, which is what fits the counts of those 12 students (Beta(0.83, 0.21): 251 of 500 problems solved
  by all, 16 by none).
- On disk: 4 bytes of text per token, which zstd makes 3.2 to 4.4 times smaller on these traces: 1.2 bytes per token.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...schemas.errors import CotkitError
from ...schemas.recipe import Recipe
from .lengths import Lengths
from .population import REPLICATES, Population
from .rates import cell_masses

if TYPE_CHECKING:
    import numpy as np

TOKENS_MEAN = 3100.0
LOG_SPREAD = 0.6
OTHERS_LONGER = 1.3
RATE = (0.594, 0.406)
BYTES_PER_TOKEN = 1.2
QUANTILES = 41
"""Problems and remainders of the assumed population: quantiles of the normal distribution."""


@dataclass(frozen=True)
class Assumptions:
    """What is taken for granted in place of a pilot."""

    tokens_mean: float | None = None
    """Mean tokens of a response; None takes the mean of `lengths`, or `TOKENS_MEAN`."""
    lengths: tuple[float, ...] = ()
    """Token lengths of responses of the teacher, whose spread is taken over; none: lognormal."""
    rate: tuple[float, float] = RATE
    """The Beta distribution of pass rates."""
    tokens_per_second: float | None = None

    def said(self, config_tokens: int) -> list[str]:
        """Say what is assumed, a line each."""
        a, b = self.rate
        spread = f"the spread of {len(self.lengths)} given lengths" if self.lengths else f"lognormal with log-deviation {LOG_SPREAD:g}"
        source = "" if self.tokens_mean or self.lengths else ", as QwQ-32B-Preview on MATH train"
        rate_source = ", as QwQ-32B-Preview on MATH train" if self.rate == RATE else ""
        speed = f"{self.tokens_per_second:,.0f} tokens/s, as given" if self.tokens_per_second else "not given, so no times"
        return [
            f"lengths: mean {self.mean():,.0f} tokens{source}, {spread}, at most {config_tokens:,}; "
            f"responses that are not correct {OTHERS_LONGER:g} times as long",
            f"pass rates: mean {a / (a + b):.3g}, distributed as Beta({a:.3g}, {b:.3g}){rate_source}",
            f"throughput: {speed}",
            "intervals: the chance of the problems and samples alone, not of the assumptions being wrong; a pilot tells that",
        ]

    def mean(self) -> float:
        """Give the mean tokens of a response."""
        return self.tokens_mean or (sum(self.lengths) / len(self.lengths) if self.lengths else TOKENS_MEAN)


def assumed_population(given: Assumptions, recipe: Recipe, problems: int, rng: np.random.Generator) -> Population:
    """Make the population that assumptions speak of; raises CotkitError when the mean length cannot be had within max_tokens."""
    import numpy as np

    lengths = _lengths(given, recipe.sample.max_tokens)
    like = len(lengths.log_level)
    rates = cell_masses(*(np.array([value]) for value in given.rate))
    keeps_others = any(outcome != "correct" for outcome in recipe.curate.outcomes)
    return Population(
        problems=problems,
        lengths=lengths,
        counts=rng.multinomial(problems, np.full(like, 1 / like), size=REPLICATES),
        pattern=np.zeros(like, int),
        rates=np.broadcast_to(rates, (REPLICATES, 1, rates.shape[1])),
        token_scale=np.ones((REPLICATES, 2)),
        passed=np.array([float(keeps_others), 1.0]),
        passed_scale=np.ones(REPLICATES),
        judged=1.0,
    )


def read_rate(text: str) -> tuple[float, float]:
    """Read a mean pass rate, or `A,B` of a Beta distribution.

    >>> read_rate("0.25"), read_rate("2,6")
    ((0.25, 0.75), (2.0, 6.0))
    """
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 1 and 0 < numbers[0] < 1:
        return numbers[0], 1 - numbers[0]
    if len(numbers) == 2 and min(numbers) >= 0.05 and max(numbers) <= 1000:
        return numbers[0], numbers[1]
    raise CotkitError(f"--pass-rate {text}: no pass rate", "give a mean between 0 and 1, or A,B of a Beta distribution, such as 0.8,0.2")


def read_lengths(path: Path) -> tuple[float, ...]:
    """Read token lengths, one number a line; raises CotkitError naming the line that is none."""
    try:
        lines = path.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise CotkitError(f"{path}: cannot be read: {error}", "give a text file of token lengths, one a line") from None
    wrong = next((number for number, line in enumerate(lines, 1) if not line.isdigit() or int(line) == 0), None)
    if wrong is not None or not lines:
        where = f"{path}:{wrong}: not a number of tokens" if wrong else f"{path}: no lengths"
        raise CotkitError(where, "give a text file of token lengths, one a line")
    return tuple(map(float, lines))


def _lengths(given: Assumptions, most: int) -> Lengths:
    import numpy as np

    if given.lengths:
        remainders = np.log(given.lengths)
        levels = np.zeros(1)
    else:
        remainders = levels = _normal_quantiles() * LOG_SPREAD / np.sqrt(2)
    wanted, rate = given.mean(), given.rate[0] / sum(given.rate)
    if wanted >= most:
        said = f"a mean of {wanted:,.0f} tokens is not below max_tokens, {most:,}"
        raise CotkitError(said, "raise max_tokens in [sample], or give another --tokens-mean")
    log_level = levels[:, None] + np.log([OTHERS_LONGER, 1.0]) + np.log(wanted) - remainders.mean()
    lengths = Lengths(log_level, (remainders, remainders), most)
    for _ in range(60):
        mean = lengths.moments()[0].mean(axis=0)
        lengths.log_level[:] += np.log(wanted / (rate * mean[1] + (1 - rate) * mean[0]))
    return lengths


def _normal_quantiles() -> np.ndarray:
    from statistics import NormalDist

    import numpy as np

    return np.array([NormalDist().inv_cdf((place + 0.5) / QUANTILES) for place in range(QUANTILES)])
