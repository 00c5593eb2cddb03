"""The cosine reward with the dense repetition penalty against the obvious Python loop, on one batch; both equal to the last value.

    python tests/bench/rewards.py [--completions 512] [--tokens 14336] [--looping 0.1]

Completions are random token ids of a 150,000-token vocabulary; a share of them ends in a loop of 10 to 200 tokens. CPU seconds, the two in
turn, three rounds each; token ids come as lists of Python integers, as trainers hand them over.
"""

import argparse
import math
import time
from collections.abc import Callable

import numpy as np
from cotkit.schemas.reward import RewardConfig
from cotkit.verifiers.rewards import Rollouts, add_up

Batch = tuple[list[float], list[list[float]]]


def obvious(rollouts: Rollouts, config: RewardConfig) -> Batch:
    sequence, tokens = [], []
    cosine, repetition = config.cosine, config.repetition
    for outcome, ids in zip(rollouts.outcomes, rollouts.token_ids, strict=True):
        length = len(ids)
        zero, most = (
            (cosine.correct_at_zero, cosine.correct_at_max) if outcome == "correct" else (cosine.wrong_at_zero, cosine.wrong_at_max)
        )
        paid = most + 0.5 * (zero - most) * (1 + math.cos(math.pi * length / cosine.max_tokens))
        sequence.append(cosine.exceeded if length + cosine.margin >= cosine.max_tokens else paid)
        seen, penalties = set(), [0.0] * length
        for start in range(length - repetition.ngram + 1):
            window = tuple(ids[start : start + repetition.ngram])
            if window in seen:
                for place in range(start, start + repetition.ngram):
                    penalties[place] = repetition.penalty
            seen.add(window)
        tokens.append(penalties)
    return sequence, tokens


def ours(rollouts: Rollouts, config: RewardConfig) -> Batch:
    total = add_up(rollouts, config)
    return total.sequence, total.tokens


def drawn(completions: int, tokens: int, looping: float) -> Rollouts:
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(completions):
        ids = rng.integers(0, 150_000, tokens)
        if rng.random() < looping:
            cycle, start = int(rng.integers(10, 200)), int(rng.integers(0, tokens // 2))
            ids[start:] = np.resize(ids[start : start + cycle], tokens - start)
        rows.append(ids.tolist())
    return Rollouts([str(outcome) for outcome in rng.choice(["correct", "wrong"], completions)], rows)


def timed(work: Callable[[Rollouts, RewardConfig], Batch], rollouts: Rollouts, config: RewardConfig) -> tuple[float, Batch]:
    started = time.process_time()
    result = work(rollouts, config)
    return time.process_time() - started, result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--completions", type=int, default=512)
    parser.add_argument("--tokens", type=int, default=14_336)
    parser.add_argument("--looping", type=float, default=0.1)
    given = parser.parse_args()
    config = RewardConfig()
    rollouts = drawn(given.completions, given.tokens, given.looping)
    seconds: dict[str, list[float]] = {"cotkit": [], "python loop": []}
    for _ in range(3):
        took, (sequence, tokens) = timed(ours, rollouts, config)
        seconds["cotkit"].append(took)
        took, expected = timed(obvious, rollouts, config)
        seconds["python loop"].append(took)
        np.testing.assert_allclose(sequence, expected[0])
        np.testing.assert_array_equal(tokens, np.array(expected[1]))
    for name, took in seconds.items():
        print(f"{name:12} {min(took):.2f} CPU-s ({', '.join(f'{one:.2f}' for one in took)})")
    print(f"ratio {min(seconds['python loop']) / min(seconds['cotkit']):.1f}")


if __name__ == "__main__":
    main()
