"""Rewards for RL: pure functions over outcomes, token ids and texts, and their sum as a recipe names it.

    from cotkit.schemas.reward import RewardConfig
    from cotkit.verifiers.rewards import Rollouts, add_up

    total = add_up(Rollouts(outcomes, token_ids, texts), RewardConfig(parts=["cosine", "repetition"]))
    total.sequence      (B,)    paid at the end of a completion; NaN where its answer could not be judged: mask it, do not punish it
    total.tokens        (B, T)  paid at each token: the repetition penalty, with a discount of its own
    total.parts         what was added up, by name, for the log

Lengths are numbers of generated tokens, the end token included, the prompt not. Sources are named at each function.
"""

from .discounts import multi_discount_advantages, multi_discount_returns
from .lengths import classic_reward, cosine_reward, exceeded, overlong_penalty
from .repetition import pad, repetition_penalty, sparse_repetition_penalty
from .sums import Rollouts, Total, add_up
from .wellformed import format_reward

__all__ = [
    "Rollouts",
    "Total",
    "add_up",
    "classic_reward",
    "cosine_reward",
    "exceeded",
    "format_reward",
    "multi_discount_advantages",
    "multi_discount_returns",
    "overlong_penalty",
    "pad",
    "repetition_penalty",
    "sparse_repetition_penalty",
]
