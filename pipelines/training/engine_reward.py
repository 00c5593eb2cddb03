r"""What the reward modules of verl and OpenRLHF call: the reward that a training's settings name, for one completion or for each token.

    REWARD = EngineReward(Path(__file__).with_name("training.toml"))
    REWARD.score(Finished(ids=[…], text="… \\boxed{7}", answer="7", kind="number"))       -> Scored(sequence=1.99, judged=1.0, …)
    REWARD.per_token(ids, 1.99)                                                            -> (T,) rewards, for an undiscounted sum

Completions are judged in the process's killable workers, from any thread.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...schemas.problem import Kind
from ...schemas.training import RlTrainConfig
from ...verifiers.rewards import Rollouts, add_up, exceeded, multi_discount_returns, repetition_penalty
from ..reward import Rollout, outcomes

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Finished(NamedTuple):
    """A completion and what it is judged against."""

    ids: Sequence[int]
    """Its tokens, the end token included, the prompt not."""
    text: str
    answer: str
    """The bare gold answer."""
    kind: Kind | None = None
    options: Sequence[str] = ()
    prompt: str = ""
    """The end of the rendered prompt: `<think>` there has opened the reasoning."""


class Scored(NamedTuple):
    """The reward of a completion, and what a trainer logs of it."""

    sequence: float
    """What is paid at its end; 0 where the answer could not be judged."""
    repetition: float
    """The penalties of its tokens, added up."""
    correct: float
    judged: float
    """0 where the answer could not be judged: mask it, do not punish it."""
    exceeded: float
    """1 past the budget."""
    parts: dict[str, float]
    """What was added up, by name; 0 where the answer could not be judged."""

    def logs(self) -> dict[str, float]:
        """Give the numbers to log: the same names for every completion."""
        named = {f"reward_{part}": value for part, value in self.parts.items()}
        return {"acc": self.correct, "judged": self.judged, "exceeded": self.exceeded} | named


class EngineReward:
    """The reward of one training, its settings read from the `training.toml` beside the reward module when they are first needed."""

    def __init__(self, settings: Path) -> None:
        self.settings = settings

    @cached_property
    def config(self) -> RlTrainConfig:
        """The settings of the training."""
        return RlTrainConfig.model_validate(tomllib.loads(self.settings.read_text(encoding="utf-8"))["config"])

    def score(self, finished: Finished) -> Scored:
        """Judge a completion and add up its reward."""
        cut = len(finished.ids) >= self.config.max_completion_tokens
        given = Rollout(finished.text, finished.answer, finished.kind, finished.options, "length" if cut else "stop", finished.prompt)
        judged = outcomes([given])
        reward = self.config.reward
        total = add_up(Rollouts(judged, [list(finished.ids)], [finished.text]), reward)
        paid = float(total.sequence[0])
        return Scored(
            sequence=0.0 if np.isnan(paid) else paid,
            repetition=float(total.tokens.sum()),
            correct=float(judged[0] == "correct"),
            judged=float(not np.isnan(paid)),
            exceeded=float(exceeded([len(finished.ids)], reward.cosine)[0]),
            parts={part: float(np.nan_to_num(values[0])) for part, values in total.parts.items()},
        )

    def per_token(self, ids: Sequence[int], sequence: float) -> NDArray[np.float64]:
        """Give rewards (T,) whose undiscounted sums from each token on are the multi-discount returns.

        A trainer with one discount for everything, of 1, and λ = 1 thus has the paper's advantages (arXiv 2502.03373, section 4.6), each
        reward with its own discount: what is paid at a token is the difference of its return and the next one's.
        """
        reward = self.config.reward
        channels = np.zeros((1, len(ids), 2))
        if not len(ids):
            return channels[0, :, 0]
        channels[0, -1, 0] = sequence
        if "repetition" in reward.parts:
            channels[0, :, 1] = reward.weights.get("repetition", 1.0) * repetition_penalty([ids], reward.repetition)[0]
        (returns,) = multi_discount_returns(channels, [reward.discount, reward.repetition_discount])
        return returns - np.append(returns[1:], 0.0)
