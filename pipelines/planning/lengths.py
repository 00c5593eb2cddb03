"""How long responses are: log tokens = what is usual for right (or other) responses + the problem's effect + a remainder.

Long problems stay long, problems that are rarely solved are longer, and wrong responses are longer than right ones. The problem's
effect is a line in the share solved, and what its few samples say beyond that, shrunk as far as they call for (a random effect);
remainders are drawn from the pilot's own, so the tail is as heavy as seen. What was cut off counts with the token budget, and
nothing is longer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

ROUNDS = 50
"""Rounds of fitting class means and problem effects in turn; they settle within some dozen."""
FEW = 8
"""With fewer responses of a class than this, the remainders of both classes are pooled."""


@dataclass(frozen=True)
class Lengths:
    """Token lengths by problem and class; class 1 are the correct responses, class 0 all others."""

    log_level: np.ndarray
    """Logarithm of the level, problems × 2."""
    remainders: tuple[np.ndarray, np.ndarray]
    """Remainders of the logarithm, per class."""
    most: int
    """The token budget."""

    def pool(self, which: int) -> np.ndarray:
        """Give the equally likely lengths of a class: problems × remainders."""
        import numpy as np

        return np.clip(np.exp(self.log_level[:, which, None] + self.remainders[which]), 1, self.most)

    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Give mean and variance of a response's tokens, each problems × 2."""
        import numpy as np

        pools = [self.pool(which) for which in (0, 1)]
        return np.stack([pool.mean(axis=1) for pool in pools], axis=1), np.stack([pool.var(axis=1) for pool in pools], axis=1)

    def share_within(self, bands: list[tuple[int, int]]) -> np.ndarray:
        """Give the share of responses whose length lies in one of the bands (both ends included): problems × 2."""
        import numpy as np

        def share(pool: np.ndarray) -> np.ndarray:
            return np.any([(pool >= low) & (pool <= high) for low, high in bands], axis=0).mean(axis=1)

        return np.stack([share(self.pool(which)) for which in (0, 1)], axis=1)

    def longest(self) -> float:
        """Give the longest length there can be."""
        return float(max(self.pool(which).max() for which in (0, 1)))


def fit_lengths(problem: np.ndarray, correct: np.ndarray, tokens: np.ndarray, most: int) -> Lengths:
    """Fit the model to a pilot's responses; `problem` numbers the problems from 0, every one has a response."""
    import numpy as np

    log_tokens, which = np.log(np.maximum(tokens, 1)), correct.astype(int)
    count, present = np.bincount(problem), np.bincount(which, minlength=2) > 0
    usual, effect = np.full(2, log_tokens.mean()), np.zeros(len(count))
    solved = np.bincount(problem, which) / count
    for _ in range(ROUNDS):
        left = log_tokens - effect[problem]
        usual = np.array([left[which == c].mean() if present[c] else left.mean() for c in (0, 1)])
        effect = _effects(problem, log_tokens - usual[which], count, solved - solved.mean())
    remainder = log_tokens - usual[which] - effect[problem]
    pools = tuple(remainder[which == c] if (which == c).sum() >= FEW else remainder for c in (0, 1))
    lengths = Lengths(usual[None, :] + effect[:, None], (pools[0], pools[1]), most)
    for c in (0, 1):
        if present[c]:
            _match_mean(lengths, c, problem[which == c], tokens[which == c].mean())
    return lengths


def _effects(problem: np.ndarray, values: np.ndarray, count: np.ndarray, solved: np.ndarray) -> np.ndarray:
    """Give each problem's effect: the line in the (centred) share solved, and its distance from that, shrunk by its share of noise."""
    import numpy as np

    means = np.bincount(problem, values) / count
    within = float(((values - means[problem]) ** 2).sum() / max(len(values) - len(count), 1))
    line = solved * (solved @ means) / max(float(solved @ solved), 1e-12)
    left = means - line
    between = max(float(np.var(left)) - within * float(np.mean(1 / count)), 0.0)
    return line + left * between / (between + within / count + 1e-12)


def _match_mean(lengths: Lengths, which: int, problem: np.ndarray, wanted: float) -> None:
    """Move a class's level until its mean over the pilot's responses is the one that was seen."""
    import numpy as np

    for _ in range(10):
        mean = lengths.pool(which).mean(axis=1)[problem].mean()
        lengths.log_level[:, which] += np.log(wanted / mean)
