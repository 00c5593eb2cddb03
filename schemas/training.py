"""Settings of the thin trainers; the defaults are those of "Demystifying Long Chain-of-Thought Reasoning in LLMs", Tables 6 and 7.

    [train_sft]
    learning_rate = 5e-6
    [train_rl]
    algorithm = "grpo"
    reward = { parts = ["cosine", "repetition"] }

The trainers are TRL's: what it names, its documentation explains. Sizes are of the whole optimiser step, over all devices.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .reward import RewardConfig
from .step import StepConfig

Positive = Annotated[int, Field(ge=1)]
Device = Literal["auto", "cpu"]


class LoraConfig(StepConfig):
    """Low-rank adapters in place of all weights."""

    rank: Positive = 32
    """Rank of the adapters."""
    alpha: Positive = 64
    """Scale: the adapters' output is multiplied by alpha / rank."""
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0
    """Dropout before the adapters."""
    target_modules: list[str] | Literal["all-linear"] = "all-linear"
    """Which layers have adapters."""
    load_in_4bit: bool = False
    """Hold the frozen weights in 4 bits (QLoRA); needs bitsandbytes and a GPU."""


class TrainConfig(StepConfig):
    """What SFT and RL have in common."""

    learning_rate: Annotated[float, Field(gt=0.0)]
    """Peak learning rate."""
    epochs: Annotated[float, Field(gt=0.0)]
    """Passes over the rows."""
    max_steps: Positive | None = None
    """Optimiser steps after which training ends, however many epochs are left."""
    batch_size: Positive
    """Sequences of one optimiser step."""
    micro_batch_size: Positive = 1
    """Sequences of one forward pass on one device."""
    warmup: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.03
    """Share of the steps in which the learning rate grows from 0."""
    schedule: Literal["constant", "linear", "cosine", "cosine_with_min_lr"] = "cosine"
    """How the learning rate falls; `cosine_with_min_lr` ends at a tenth."""
    seed: int = 0
    """Seed of the rows' order, of sampling and of new weights."""
    lora: LoraConfig | None = None
    """Train adapters in place of all weights."""
    gradient_checkpointing: bool = True
    """Recompute activations in the backward pass: less memory, a third more time."""
    device: Device = "auto"
    """`cpu` even where there is a GPU."""
    save_steps: Positive = 50
    """A checkpoint every so many steps; training goes on from the last one."""
    extra: dict[str, Any] = {}
    """Further arguments of TRL's configuration."""

    def accumulation(self, devices: int) -> int:
        """Give the forward passes of a step on each device; raises ValueError when the sizes do not divide."""
        at_once = self.micro_batch_size * devices
        if self.batch_size % at_once:
            raise ValueError(f"batch_size {self.batch_size} is no multiple of {self.micro_batch_size} sequences on {devices} devices")
        return self.batch_size // at_once


class SftTrainConfig(TrainConfig):
    """Supervised fine-tuning: TRL's SFTTrainer on a `trl` export, with the loss on the completion alone."""

    learning_rate: Annotated[float, Field(gt=0.0)] = 5e-6
    """Peak learning rate."""
    epochs: Annotated[float, Field(gt=0.0)] = 2.0
    """Passes over the rows."""
    batch_size: Positive = 256
    """Sequences of one optimiser step."""
    max_length: Positive | None = None
    """Longest row in tokens; the longest row of the export when left out. No row is cut off: longer ones are an error."""
    packing: bool = False
    """Put several rows into one sequence."""
    rope_theta_factor: Annotated[float, Field(gt=0.0)] = 1.0
    """Multiplies RoPE's theta; the paper takes 10 for Qwen2.5-Math, whose context is 4,096."""


class RlTrainConfig(TrainConfig):
    """Reinforcement learning with rule-verified rewards: TRL's GRPO or RLOO on a `trl` prompt set."""

    algorithm: Literal["grpo", "rloo"] = "grpo"
    """Group-relative policy optimisation, or REINFORCE with a leave-one-out baseline."""
    reward: RewardConfig = RewardConfig()
    """What is rewarded."""
    learning_rate: Annotated[float, Field(gt=0.0)] = 5e-7
    """Peak learning rate."""
    epochs: Annotated[float, Field(gt=0.0)] = 4.0
    """Passes over the prompts (the paper's episodes)."""
    batch_size: Positive = 512
    """Completions of one optimiser step."""
    samples_per_prompt: Annotated[int, Field(ge=2)] = 4
    """Completions of a prompt: the group that the baseline is made of."""
    max_completion_tokens: Positive = 14_336
    """Generation budget in tokens."""
    temperature: Annotated[float, Field(gt=0.0)] = 1.0
    """Temperature of the rollouts."""
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Nucleus of the rollouts."""
    kl: Annotated[float, Field(ge=0.0)] = 0.01
    """Weight of the KL divergence from the model that training began with."""
    clip: Annotated[float, Field(gt=0.0)] = 0.2
    """Clip range of the probability ratio."""
    vllm: Literal["off", "colocate", "server"] = "off"
    """Who generates: transformers, vLLM on the same GPUs, or a `trl vllm-serve` server."""
    schedule: Literal["constant", "linear", "cosine", "cosine_with_min_lr"] = "cosine_with_min_lr"
    """How the learning rate falls; `cosine_with_min_lr` ends at a tenth."""

    @model_validator(mode="before")
    @classmethod
    def _rewards_know_the_budget(cls, given: Any) -> Any:
        """Rewards by length take `max_completion_tokens` for their budget where they name none."""
        if not isinstance(given, dict) or not isinstance(given.get("reward", {}), dict):
            return given
        budget = given.get("max_completion_tokens", cls.model_fields["max_completion_tokens"].default)
        reward = dict(given.get("reward", {}))
        for part in ("classic", "cosine", "overlong"):
            if isinstance(reward.get(part, {}), dict):
                reward[part] = {"max_tokens": budget} | reward.get(part, {})
        return given | {"reward": reward}

    @model_validator(mode="after")
    def _groups_are_whole(self) -> RlTrainConfig:
        if self.batch_size % self.samples_per_prompt:
            raise ValueError(f"batch_size {self.batch_size} is no multiple of the {self.samples_per_prompt} samples of a prompt")
        if self.algorithm == "rloo" and "repetition" in self.reward.parts:
            raise ValueError("the repetition penalty per token needs algorithm = 'grpo'; with 'rloo' take 'sparse_repetition'")
        return self
