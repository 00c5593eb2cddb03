"""How often a problem is solved: the distribution of pass rates over problems, and each pilot problem's posterior.

Four samples say little of one problem: of those solved 4 times in 4, some are solved always and some half the time. So a Beta
distribution of pass rates is fitted to all counts together (Beta-binomial, empirical Bayes), and a problem solved k times in n
has the posterior Beta(a + k, b + n - k), with an (a, b) that the counts allow. The prior is flat in the mean a / (a + b)
and in (a + b)^(-1/2) (Gelman et al., Bayesian Data Analysis, section 5.3).

Distributions of a pass rate are masses of the cells of one grid, finer towards 0 and 1.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

CELLS = 96
"""Cells of the grid of pass rates."""
MEANS, CONCENTRATIONS = 48, 18
"""Points of the grid of (a, b)."""


def cell_edges() -> np.ndarray:
    """Give the edges of the cells: squared sines, equally spaced in the angle."""
    import numpy as np

    return np.sin(np.linspace(0, np.pi / 2, CELLS + 1)) ** 2


def cell_rates() -> np.ndarray:
    """Give the pass rate that stands for each cell."""
    import numpy as np

    return np.sin((np.arange(CELLS) + 0.5) * np.pi / 2 / CELLS) ** 2


def cell_masses(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Give the mass of Beta(a, b) in each cell: shape of `a` × cells.

    The factor of the density with the pole (p^(a-1) in the lower half) is integrated, the other one is taken at the cell's rate.
    """
    import numpy as np

    edges, rates = cell_edges(), cell_rates()
    a, b = np.asarray(a, float)[..., None], np.asarray(b, float)[..., None]
    low = np.diff(edges**a, axis=-1) / a * (1 - rates) ** (b - 1)
    high = -np.diff((1 - edges) ** b, axis=-1) / b * rates ** (a - 1)
    masses = np.where(rates < 0.5, low, high)
    return masses / masses.sum(axis=-1, keepdims=True)


def posteriors(solved: np.ndarray, judged: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give the pass rate's distribution after each pattern of `solved` of `judged`: replicates × patterns × cells.

    `counts[r, i]` says how many problems of replicate r have pattern i; (a, b) is drawn for each replicate from what they allow.
    """
    import numpy as np

    a, b = hyperparameters()
    # the grid is even in log(a + b) and in the mean's log-odds: the prior takes the factors that these bring
    fit = counts @ _log_likelihood(solved, judged, a, b) - 0.5 * np.log(a + b) + np.log(a / (a + b) * b / (a + b))
    drawn = (fit + rng.gumbel(size=fit.shape)).argmax(axis=1)
    return np.stack([masses_after(int(k), int(n))[drawn] for k, n in zip(solved, judged, strict=True)], axis=1)


@cache
def masses_after(solved: int, judged: int) -> np.ndarray:
    """Give the mass of Beta(a + solved, b + judged - solved) in each cell, for every point of the grid of (a, b)."""
    a, b = hyperparameters()
    return cell_masses(a + solved, b + judged - solved)


def hyperparameters() -> tuple[np.ndarray, np.ndarray]:
    """Give a and b of every point of their grid."""
    import numpy as np

    mean = 1 / (1 + np.exp(-np.linspace(-6, 6, MEANS)))
    concentration = np.geomspace(0.1, 60, CONCENTRATIONS)
    mean, concentration = (grid.ravel() for grid in np.meshgrid(mean, concentration))
    return mean * concentration, (1 - mean) * concentration


def _log_likelihood(solved: np.ndarray, judged: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Give log B(a + k, b + n - k) - log B(a, b), patterns × grid, as sums of logarithms: n is small."""
    import numpy as np

    def rising(base: np.ndarray, steps: int) -> np.ndarray:
        return np.log(base[None, :] + np.arange(steps)[:, None]).sum(axis=0)

    return np.stack([rising(a, k) + rising(b, n - k) - rising(a + b, n) for k, n in zip(solved, judged, strict=True)])
