"""How often 95 % intervals of avg@k hold the truth, in simulated evaluations whose problems' pass rates are drawn from a Beta.

    python tests/bench/interval_coverage.py [EVALUATIONS]

Columns: mean ± t s, percentile bootstrap over problems (on a tenth of the evaluations), Wilson at the effective sample size without
the added spread, and what `cotkit eval` gives; each with the share of intervals that hold the truth.
"""

import sys

import numpy as np
from cotkit.pipelines.behaviors import share_interval
from cotkit.pipelines.evaluation.statistics import mean_estimate

# problems, samples, Beta a and b
MODELS = [
    (30, 16, 0.15, 2.85),
    (30, 16, 0.5, 0.5),
    (30, 16, 2.0, 3.0),
    (30, 16, 2.85, 0.3),
    (30, 1, 0.5, 0.5),
    (100, 4, 0.1, 1.9),
    (500, 4, 1.5, 0.4),
    (500, 1, 1.5, 0.4),
    (747, 4, 0.5, 1.5),
    (1000, 4, 0.5, 0.8),
]


def plain_wilson(values: np.ndarray, samples: int) -> tuple[float, float]:
    mean = float(values.mean())
    low, high = share_interval(mean, float(values.var(ddof=1)) / values.size, values.size * samples, values.size)
    assert low is not None
    assert high is not None
    return low, high


def main(evaluations: int) -> None:
    print("| problems | samples | mean | mean ± t s | bootstrap | Wilson | `cotkit eval` |\n|--:|--:|--:|--:|--:|--:|--:|")
    for problems, samples, a, b in MODELS:
        dice, truth = np.random.default_rng(1), a / (a + b)
        drawn = dice.binomial(samples, dice.beta(a, b, size=(evaluations, problems))) / samples
        held = {}
        for name, some in (("t", drawn), ("bootstrap", drawn[: evaluations // 10]), ("wilson", drawn)):
            found = [mean_estimate(values, problems * samples, name) for values in some]
            held[name] = np.mean([estimate.low <= truth <= estimate.high for estimate in found])
        ends = [plain_wilson(values, samples) for values in drawn]
        plain = np.mean([low <= truth <= high for low, high in ends])
        shares = (held["t"], held["bootstrap"], plain, held["wilson"])
        print(f"| {problems} | {samples} | {truth:.3f} | " + " | ".join(f"{share:.3f}" for share in shares) + " |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)
