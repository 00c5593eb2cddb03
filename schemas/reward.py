"""RewardConfig: which parts an RL reward is the sum of; the defaults are those of "Demystifying Long Chain-of-Thought Reasoning in LLMs".

    [reward]
    parts = ["cosine", "repetition"]
    cosine = { preset = "paper", max_tokens = 14336 }

Source: arXiv 2502.03373, Tables 7 and 9 to 14 (`paper`) and Table 10 (`A`, `B`, `C`); `overlong` is arXiv 2503.14476, equation 13.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .step import StepConfig

RewardPart = Literal["classic", "cosine", "repetition", "sparse_repetition", "overlong", "format"]
Preset = Literal["paper", "A", "B", "C"]
Discount = Annotated[float, Field(gt=0.0, le=1.0)]
PRESETS: dict[Preset, dict[str, float]] = {
    "paper": {"correct_at_zero": 2.0, "correct_at_max": 1.0, "wrong_at_zero": -10.0, "wrong_at_max": 0.0, "exceeded": -10.0},
    "A": {"correct_at_zero": 0.0, "correct_at_max": 10.0, "wrong_at_zero": 0.0, "wrong_at_max": 0.0, "exceeded": -10.0},
    "B": {"correct_at_zero": 6.0, "correct_at_max": 5.0, "wrong_at_zero": -10.0, "wrong_at_max": 0.0, "exceeded": -10.0},
    "C": {"correct_at_zero": 10.0, "correct_at_max": 9.0, "wrong_at_zero": -10.0, "wrong_at_max": 0.0, "exceeded": -10.0},
}


class BudgetConfig(StepConfig):
    """How many tokens may be generated, and from where on a completion counts as cut off."""

    max_tokens: Annotated[int, Field(ge=1)] = 14_336
    """L_max: the generation budget in tokens, without the prompt; not the model's window."""
    margin: Annotated[int, Field(ge=0)] = 16
    """A completion of `max_tokens - margin` tokens or more has exceeded the budget."""


class CosineConfig(BudgetConfig):
    """The cosine length-scaling reward: five values, between which the length interpolates."""

    preset: Preset = "paper"
    """Where the values come from that are not given."""
    correct_at_zero: float = 2.0
    """r0c: reward of a correct completion of length 0."""
    correct_at_max: float = 1.0
    """rLc: reward of a correct completion of `max_tokens`."""
    wrong_at_zero: float = -10.0
    """r0w: reward of a wrong completion of length 0."""
    wrong_at_max: float = 0.0
    """rLw: reward of a wrong completion of `max_tokens`."""
    exceeded: float = -10.0
    """r_e: reward of a completion that has exceeded the budget, right or wrong."""

    @model_validator(mode="before")
    @classmethod
    def _from_preset(cls, given: Any) -> Any:
        """Fill in the preset's values; an unknown preset is left to the field to refuse."""
        return PRESETS.get(given.get("preset", "paper"), {}) | given if isinstance(given, dict) else given

    def broken_constraints(self) -> list[str]:
        """Name the paper's three orderings (section 4.2) that these values break; none for `paper`, `B` and `C`."""
        orderings = {
            "a correct completion earns more than a wrong one": min(self.correct_at_zero, self.correct_at_max)
            > max(self.wrong_at_zero, self.wrong_at_max),
            "a short correct completion earns more than a long one": self.correct_at_zero > self.correct_at_max,
            "a short wrong completion earns less than a long one": self.wrong_at_zero < self.wrong_at_max,
        }
        return [claim for claim, holds in orderings.items() if not holds]


class RepetitionConfig(StepConfig):
    """The repetition penalty; the published trainer's own defaults (20, -5) are none of the paper's settings."""

    ngram: Annotated[int, Field(ge=1)] = 40
    """N: tokens of an n-gram, or words in the sparse form."""
    penalty: Annotated[float, Field(lt=0.0)] = -0.05
    """P: reward of every token of a repeated n-gram; in the sparse form of a completion that is all repetition."""


class OverlongConfig(StepConfig):
    """The soft overlong punishment: none up to a buffer before the budget, then falling to `penalty` at the budget."""

    max_tokens: Annotated[int, Field(ge=1)] = 14_336
    """L_max: the generation budget in tokens."""
    buffer_tokens: Annotated[int, Field(ge=1)] = 2_048
    """L_cache: tokens before the budget in which the penalty grows."""
    penalty: Annotated[float, Field(lt=0.0)] = -1.0
    """Reward of a completion of `max_tokens` or more."""


class FormatConfig(StepConfig):
    """What a well-formed completion has."""

    reasoning: bool = True
    """Reasoning that is closed once, before the answer; the prompt may have opened it."""
    boxed: bool = True
    """A complete box after the reasoning."""


class RewardConfig(StepConfig):
    """The reward of RL: parts, added up."""

    parts: Annotated[list[RewardPart], Field(min_length=1)] = ["cosine", "repetition"]
    """What is added up: `classic` (1 for correct), `cosine`, `repetition` (per token), `sparse_repetition`, `overlong`, `format`."""
    weights: dict[RewardPart, float] = {}
    """Factors of the parts; 1 when left out."""
    classic: BudgetConfig = BudgetConfig()
    """The budget past which a correct completion earns nothing."""
    cosine: CosineConfig = CosineConfig()
    """Values of `cosine`."""
    repetition: RepetitionConfig = RepetitionConfig()
    """Settings of `repetition`."""
    sparse_repetition: RepetitionConfig = RepetitionConfig(ngram=3, penalty=-1.0)
    """Settings of `sparse_repetition`, which counts words and looks at wrong completions only."""
    overlong: OverlongConfig = OverlongConfig()
    """Settings of `overlong`."""
    format: FormatConfig = FormatConfig()
    """Settings of `format`."""
    discount: Discount = 1.0
    """Discount per token of what is paid at the end (the paper's γ_c)."""
    repetition_discount: Discount = 0.99
    """Discount per token of the repetition penalty (the paper's γ_p)."""

    @model_validator(mode="after")
    def _weights_belong_to_parts(self) -> RewardConfig:
        if unused := sorted(set(self.weights) - set(self.parts)):
            raise ValueError(f"weights of {', '.join(unused)}, which parts does not name")
        return self
