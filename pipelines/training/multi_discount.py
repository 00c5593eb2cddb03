"""GRPO with rewards per token: the repetition penalty as a channel of its own, with its own discount.

Source: arXiv 2502.03373, section 4.6, with GRPO's group mean in the place of the value function. The advantage of token t is

    A_t = γ_c^(L-1-t) (R - mean of the group's R) + Σ_l γ_p^l r_{t+l}

with R what is paid at the end, r the penalty at each token, L the completion's length. All advantages of a batch are then divided by
their standard deviation over the generated tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...schemas.reward import RewardConfig
from ...verifiers.rewards import multi_discount_returns, repetition_penalty
from .start import require

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMALL = 1e-4


def token_advantages(
    centred: NDArray[np.floating], token_ids: list[NDArray[np.integer]], mask: NDArray[np.bool_], config: RewardConfig
) -> NDArray[np.float64]:
    """Give advantages (B, T) from centred sequence rewards (B,), token ids (B rows) and the mask (B, T) of generated tokens.

    Not scaled. The generated tokens of a row stand at its start.
    """
    channels = np.zeros((*mask.shape, 2))
    lengths = mask.sum(axis=1)
    rows = np.flatnonzero(lengths)
    channels[rows, lengths[rows] - 1, 0] = centred[rows]
    penalty = repetition_penalty(token_ids, config.repetition) * config.weights.get("repetition", 1.0)
    channels[:, : penalty.shape[1], 1] = penalty
    return multi_discount_returns(channels, [config.discount, config.repetition_discount], mask)


def multi_discount(trainer: type, config: RewardConfig) -> type:
    """Make a subclass of TRL's GRPOTrainer with advantages (B, T); the class itself when nothing is paid per token."""
    if "repetition" not in config.parts and config.discount == 1:
        return trainer

    class MultiDiscountTrainer(trainer):
        """GRPO whose advantages differ from token to token."""

        _name = "GRPO, multi-discount"

        def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
            (torch,) = require("torch")
            output = super()._generate_and_score_completions(inputs)
            mask = output["completion_mask"].bool().cpu().numpy()
            ids = [row[inside] for row, inside in zip(output["completion_ids"].cpu().numpy(), mask, strict=True)]
            advantages = token_advantages(output["advantages"].float().cpu().numpy(), ids, mask, config)
            given = output["advantages"]
            spread = self._spread(torch.tensor(advantages[mask], device=given.device, dtype=torch.float32))
            output["advantages"] = torch.tensor(advantages, device=given.device, dtype=torch.float32) / (spread + SMALL)
            return output

        def _spread(self, values: Any) -> Any:
            """Give the standard deviation over all processes."""
            (torch,) = require("torch")
            local = torch.stack([values.sum(), (values**2).sum(), torch.tensor(float(len(values)), device=values.device)])
            total, squares, count = self.accelerator.gather(local).view(-1, 3).sum(dim=0)
            return (squares / count.clamp(min=1) - (total / count.clamp(min=1)) ** 2).clamp(min=0).sqrt()

    return MultiDiscountTrainer
