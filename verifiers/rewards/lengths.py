"""Rewards by correctness and length: classic, cosine, and the soft overlong penalty.

Not judged (an unreadable gold answer, a time-out, a lack of memory, a crash) is NaN: it says nothing of the policy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...schemas.reward import BudgetConfig, CosineConfig, OverlongConfig
from ...schemas.verdict import Outcome

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

NOT_JUDGED: frozenset[Outcome] = frozenset({"unreadable_gold", "timeout", "out_of_memory", "crashed"})
"""Outcomes that say nothing of an answer."""


def correctness(outcomes: Sequence[Outcome]) -> NDArray[np.float64]:
    """Give (B,): 1 for correct, NaN for what could not be judged, 0 for every other outcome."""
    return np.array([np.nan if outcome in NOT_JUDGED else float(outcome == "correct") for outcome in outcomes])


def exceeded(lengths: ArrayLike, budget: BudgetConfig) -> NDArray[np.bool_]:
    """Say (B,) which completions of `lengths` tokens have exceeded the budget: length + margin >= max_tokens."""
    return np.asarray(lengths) + budget.margin >= budget.max_tokens


def classic_reward(outcomes: Sequence[Outcome], lengths: ArrayLike, budget: BudgetConfig) -> NDArray[np.float64]:
    """Give (B,): 1 for a correct completion, 0 for any other and for one that has exceeded the budget, NaN for not judged.

    Source: arXiv 2502.03373, section 4.1.
    """
    return np.where(exceeded(lengths, budget), 0.0, correctness(outcomes))


def cosine_reward(outcomes: Sequence[Outcome], lengths: ArrayLike, config: CosineConfig) -> NDArray[np.float64]:
    """Give (B,) R(L) = r_L + (r_0 - r_L) (1 + cos(pi L / L_max)) / 2, with r_0 and r_L by correctness; r_e past the budget.

    A completion past the budget is not looked at, so it earns r_e whatever its outcome is. NaN for not judged. Source: arXiv
    2502.03373, section 4.2, by its definitions of r_0 and r_L: equation 1 read literally, with CosFn(L, L_max, r_0, r_L), pays r_L at
    length 0. The value of the formula at L_max itself is never paid.
    """
    correct = correctness(outcomes)
    at_zero = np.where(correct == 1, config.correct_at_zero, config.wrong_at_zero)
    at_max = np.where(correct == 1, config.correct_at_max, config.wrong_at_max)
    scale = (1 + np.cos(np.pi * np.asarray(lengths, np.float64) / config.max_tokens)) / 2
    paid = np.where(np.isnan(correct), np.nan, at_max + (at_zero - at_max) * scale)
    return np.where(exceeded(lengths, config), config.exceeded, paid)


def overlong_penalty(lengths: ArrayLike, config: OverlongConfig) -> NDArray[np.float64]:
    """Give (B,): 0 up to `max_tokens - buffer_tokens`, then linearly down to `penalty` at `max_tokens`, and no lower.

    Source: arXiv 2503.14476, equation 13.
    """
    within = np.asarray(lengths, np.float64) - (config.max_tokens - config.buffer_tokens)
    return config.penalty * np.clip(within / config.buffer_tokens, 0.0, 1.0)
