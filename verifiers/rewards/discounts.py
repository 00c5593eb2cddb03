"""Multi-discount returns and advantages: every reward channel has a discount of its own, λ is 1.

Source: arXiv 2502.03373, section 4.6: A_t = Σ_l Σ_m γ_m^l r_{m,t+l} - V(s_t). A KL penalty per token is split equally over the channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


def multi_discount_returns(rewards: ArrayLike, discounts: Sequence[float], mask: ArrayLike | None = None) -> NDArray[np.float64]:
    """Give returns (B, T) = Σ_m G_m of rewards (B, T, M), with G_{m,t} = r_{m,t} + γ_m G_{m,t+1} from the last token backwards.

    Tokens outside `mask` (B, T) pay nothing and have a return of 0; those inside must be one run per row, or the discount would count the
    gap. Raises ValueError when there is not one discount for every channel, or one is not within (0, 1].
    """
    paid = np.array(rewards, np.float64)
    if paid.ndim != 3 or paid.shape[2] != len(discounts):
        raise ValueError(f"rewards of shape {paid.shape} need {paid.shape[-1]} discounts, {len(discounts)} are given")
    if not all(0 < discount <= 1 for discount in discounts):
        raise ValueError(f"discounts are within (0, 1], not {list(discounts)}")
    inside = np.ones(paid.shape[:2], bool) if mask is None else np.asarray(mask, bool)
    paid[~inside] = 0.0
    gammas = np.asarray(discounts, np.float64)
    for step in range(paid.shape[1] - 2, -1, -1):
        paid[:, step] += gammas * paid[:, step + 1]
    returns = paid.sum(axis=2)
    returns[~inside] = 0.0
    return returns


def multi_discount_advantages(
    rewards: ArrayLike, discounts: Sequence[float], values: ArrayLike, mask: ArrayLike | None = None
) -> NDArray[np.float64]:
    """Give advantages (B, T): returns, as `multi_discount_returns` has them, less values (B, T); 0 outside `mask`."""
    advantages = multi_discount_returns(rewards, discounts, mask) - np.asarray(values, np.float64)
    return advantages if mask is None else np.where(np.asarray(mask, bool), advantages, 0.0)
