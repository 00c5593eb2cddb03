"""Settings of the thin trainers; the defaults are those of "Demystifying Long Chain-of-Thought Reasoning in LLMs", Tables 6 and 7.

    [train_sft]
    learning_rate = 5e-6
    [train_rl]
    algorithm = "grpo"
    reward = { parts = ["cosine", "repetition"] }

The trainers are TRL's, verl's and OpenRLHF's: what they name, their documentation explains. Sizes are of the whole optimiser step, over all
devices.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from .paper_tables import RL_PRESETS, RlPreset
from .reward import RewardConfig
from .step import StepConfig

Engine = Literal["trl", "verl", "openrlhf"]
Algorithm = Literal["grpo", "rloo", "ppo"]
Positive = Annotated[int, Field(ge=1)]
Device = Literal["auto", "cpu"]
BUDGETED = ("classic", "cosine", "overlong")
"""Parts of a reward that know the generation budget."""


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
    """Further arguments of the trainer, in its own words."""

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


class ClusterConfig(StepConfig):
    """The GPUs of verl and OpenRLHF, which share them between training and generation."""

    nodes: Positive = 1
    """Machines."""
    gpus_per_node: Positive = 8
    """GPUs of each."""
    tensor_parallel: Positive = 1
    """GPUs over which one vLLM engine is spread."""
    gpu_memory: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.6
    """Share of a GPU's memory that vLLM takes while it generates."""
    ray_address: str | None = None
    """Address of a running Ray cluster, such as `auto`; one is started on this machine when left out."""


class RlTrainConfig(TrainConfig):
    """Reinforcement learning with rule-verified rewards, on a prompt set."""

    preset: RlPreset | None = None
    """Table of the paper from which settings come that are not given."""
    engine: Engine = "trl"
    """Who trains."""
    algorithm: Algorithm | None = None
    """`ppo`, with a critic (verl, OpenRLHF); `grpo`; or `rloo` (TRL). When left out `grpo` with TRL, else `ppo`, the paper's."""
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
    prompts_per_rollout: Positive | None = None
    """Prompts that are sampled at once, and trained on before the next are. When left out, those of one optimiser step with TRL, else as
    many as `batch_size` says, as in the paper."""
    inner_epochs: Positive = 1
    """Passes over the completions of a rollout."""
    max_prompt_tokens: Positive = 2048
    """Longest prompt in tokens; a longer one is an error."""
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
    critic_learning_rate: Annotated[float, Field(gt=0.0)] = 9e-6
    """Peak learning rate of PPO's critic."""
    value_clip: Annotated[float, Field(gt=0.0)] = 0.2
    """Clip range of the critic's values."""
    gae_lambda: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """λ of PPO's advantages; discounts other than 1, which are `reward`'s, need 1."""
    cluster: ClusterConfig = ClusterConfig()
    """The GPUs of verl and OpenRLHF."""
    vllm: Literal["off", "colocate", "server"] = "off"
    """Who generates: transformers, vLLM on the same GPUs, or a `trl vllm-serve` server."""
    schedule: Literal["constant", "linear", "cosine", "cosine_with_min_lr"] = "cosine_with_min_lr"
    """How the learning rate falls; `cosine_with_min_lr` ends at a tenth."""

    @property
    def method(self) -> Algorithm:
        """The algorithm, also where none is given."""
        return self.algorithm or ("grpo" if self.engine == "trl" else "ppo")

    def rollout_prompts(self) -> int:
        """Give the prompts of a rollout."""
        return self.prompts_per_rollout or (self.batch_size // self.samples_per_prompt if self.engine == "trl" else self.batch_size)

    def rollout_updates(self) -> int:
        """Give the optimiser steps that are made on a rollout."""
        return self.rollout_prompts() * self.samples_per_prompt // self.batch_size * self.inner_epochs

    def reward_within(self, max_completion_tokens: int) -> RewardConfig:
        """Give the reward for another generation budget: what had this one's follows it."""
        changed = {part: getattr(self.reward, part) for part in BUDGETED}
        changed = {part: config for part, config in changed.items() if config.max_tokens == self.max_completion_tokens}
        update = {part: config.model_copy(update={"max_tokens": max_completion_tokens}) for part, config in changed.items()}
        return self.reward.model_copy(update=update)

    @model_validator(mode="before")
    @classmethod
    def _fill_in(cls, given: Any) -> Any:
        """Take what is not given from the preset; rewards by length take `max_completion_tokens` where they name no budget."""
        if not isinstance(given, dict) or not isinstance(given.get("reward", {}), dict):
            return given
        preset = RL_PRESETS.get(str(given.get("preset")), {})  # an unknown one is left to the field to refuse
        given = preset | given | {"reward": preset.get("reward", {}) | given.get("reward", {})}
        budget = given.get("max_completion_tokens", cls.model_fields["max_completion_tokens"].default)
        reward = dict(given["reward"])
        for part in BUDGETED:
            if isinstance(reward.get(part, {}), dict):
                reward[part] = {"max_tokens": budget} | reward.get(part, {})
        return given | {"reward": reward}

    @model_validator(mode="after")
    def _groups_are_whole(self) -> RlTrainConfig:
        if self.batch_size % self.samples_per_prompt:
            raise ValueError(f"batch_size {self.batch_size} is no multiple of the {self.samples_per_prompt} samples of a prompt")
        completions = self.rollout_prompts() * self.samples_per_prompt
        if completions % self.batch_size:
            raise ValueError(f"the {completions} completions of a rollout are no multiple of batch_size {self.batch_size}")
        return self

    @model_validator(mode="after")
    def _algorithm_is_there(self) -> RlTrainConfig:
        if self.engine == "trl" and self.method == "ppo":
            raise ValueError("TRL has no PPO: take engine = 'verl' or 'openrlhf', or algorithm = 'grpo'")
        if self.engine != "trl" and self.method == "rloo":
            raise ValueError("algorithm = 'rloo' is TRL's: take 'ppo' or 'grpo', or engine = 'trl'")
        if self.method == "rloo" and "repetition" in self.reward.parts:
            raise ValueError("the repetition penalty per token needs algorithm = 'grpo'; with 'rloo' take 'sparse_repetition'")
        if self.gae_lambda != 1 and ("repetition" in self.reward.parts or self.reward.discount != 1):
            raise ValueError("rewards with discounts of their own need gae_lambda = 1")
        return self
