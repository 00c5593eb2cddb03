"""The sum of the parts that a recipe names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...schemas.reward import RewardConfig, RewardPart
from ...schemas.verdict import Outcome
from .lengths import classic_reward, correctness, cosine_reward, overlong_penalty
from .repetition import repetition_penalty, sparse_repetition_penalty
from .wellformed import format_reward

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class Rollouts(NamedTuple):
    """A batch of completions, in one order."""

    outcomes: Sequence[Outcome]
    """What the verifier said of each."""
    token_ids: Sequence[ArrayLike]
    """The generated tokens of each, the end token included, the prompt not."""
    texts: Sequence[str] = ()
    """The text of each; needed for `format` and `sparse_repetition` alone."""

    def lengths(self) -> NDArray[np.int64]:
        """Give (B,) numbers of generated tokens."""
        return np.array([len(ids) for ids in self.token_ids], np.int64)  # type: ignore[arg-type]


class Total(NamedTuple):
    """The reward of a batch."""

    sequence: NDArray[np.float64]
    """(B,) paid at the end; NaN where the answer could not be judged."""
    tokens: NDArray[np.float64]
    """(B, T) paid at each token, T the longest length; zeros when there is no such part."""
    parts: dict[RewardPart, NDArray[np.float64]]
    """(B,) each part, weighted; of `repetition` the sum over its tokens."""

    def sparse(self) -> NDArray[np.float64]:
        """Give (B,) everything in one number per completion, for trainers that take no rewards per token."""
        return self.sequence + self.tokens.sum(axis=1)


def add_up(rollouts: Rollouts, config: RewardConfig) -> Total:
    """Add up the parts; raises ValueError when the rollouts' lists differ in length or a part lacks its texts."""
    texts = set(config.parts) & {"format", "sparse_repetition"}
    if len(rollouts.outcomes) != len(rollouts.token_ids) or (texts and len(rollouts.texts) != len(rollouts.outcomes)):
        counts = [len(column) for column in rollouts]
        raise ValueError(f"outcomes, token_ids and texts have {counts} entries; {', '.join(sorted(texts)) or 'all'} need one each")
    weighted: dict[RewardPart, float] = {part: config.weights.get(part, 1.0) for part in config.parts}
    longest = int(rollouts.lengths().max(initial=0))
    tokens = np.zeros((len(rollouts.outcomes), longest))
    if "repetition" in weighted:
        tokens = weighted["repetition"] * repetition_penalty(rollouts.token_ids, config.repetition)
    parts: dict[RewardPart, NDArray[np.float64]] = {}
    for part, weight in weighted.items():
        if part != "repetition":
            parts[part] = weight * PARTS[part](rollouts, config)
    sequence = np.sum([*parts.values(), np.zeros(len(rollouts.outcomes))], axis=0)
    return Total(sequence, tokens, {part: parts[part] if part in parts else tokens.sum(axis=1) for part in weighted})


def _sparse_repetition(rollouts: Rollouts, config: RewardConfig) -> NDArray[np.float64]:
    """Penalise wrong completions alone, as the published trainer does."""
    penalties = sparse_repetition_penalty(rollouts.texts, config.sparse_repetition)
    return np.where(correctness(rollouts.outcomes) == 0, penalties, 0.0)


PARTS: dict[RewardPart, Callable[[Rollouts, RewardConfig], NDArray[np.float64]]] = {
    "classic": lambda rollouts, config: classic_reward(rollouts.outcomes, rollouts.lengths(), config.classic),
    "cosine": lambda rollouts, config: cosine_reward(rollouts.outcomes, rollouts.lengths(), config.cosine),
    "sparse_repetition": _sparse_repetition,
    "overlong": lambda rollouts, config: overlong_penalty(rollouts.lengths(), config.overlong),
    "format": lambda rollouts, config: format_reward(rollouts.texts, config.format),
}
"""Parts that are paid at the end."""
