"""OpenRLHF 0.11: the command that starts it, with every argument that differs from its defaults.

    OUT/ training.toml  recipe.toml  cotkit_reward.py  prompts/train.parquet  launch.sh  tensorboard/  checkpoints/  model/

PPO is its `gae`, GRPO its `group_norm`. It takes one reward for a completion: the repetition penalty has no discount of its own here.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ...schemas.errors import CotkitError
from ...schemas.training import RlTrainConfig

REWARD = "cotkit_reward.py"
PROMPTS = Path("prompts/train.parquet")
INSTALL = "pip install 'openrlhf[vllm]>=0.11,<0.12'"


def command(out: Path, model: str, config: RlTrainConfig) -> list[str]:
    """Give the command; raises CotkitError on a setting that OpenRLHF has not."""
    _refuse(config)
    words: list[str] = []
    for name, value in (arguments(out, model, config) | config.extra).items():
        if value is not False and value is not None:
            words += [f"--{name}", *([] if value is True else map(str, value) if isinstance(value, list) else [str(value)])]
    return [sys.executable, "-m", "openrlhf.cli.train_ppo_ray", *words]


def notes(config: RlTrainConfig) -> list[str]:
    """Say what OpenRLHF does otherwise than the settings say."""
    if "repetition" not in config.reward.parts or config.reward.repetition_discount == 1:
        return []
    told = "OpenRLHF takes one reward for a completion: the repetition penalties of its tokens are added up,"
    return [f"{told} repetition_discount {config.reward.repetition_discount:g} is not used"]


def arguments(out: Path, model: str, config: RlTrainConfig) -> dict[str, Any]:
    """Give OpenRLHF's arguments by name; True is a flag."""
    ppo = config.method == "ppo"
    return {
        "actor.model_name_or_path": model,
        "critic.model_name_or_path": model if ppo else None,
        "data.prompt_dataset": str(out / PROMPTS),
        "data.input_key": "prompt",
        "data.label_key": "problem",
        "data.apply_chat_template": True,
        "data.max_len": config.max_prompt_tokens + config.max_completion_tokens,
        "rollout.max_new_tokens": config.max_completion_tokens,
        "rollout.batch_size": config.rollout_prompts(),
        "rollout.n_samples_per_prompt": config.samples_per_prompt,
        "rollout.temperature": config.temperature,
        "rollout.top_p": config.top_p,
        "rollout.micro_batch_size": config.micro_batch_size,
        "train.batch_size": config.batch_size,
        "train.micro_batch_size": config.micro_batch_size,
        "train.num_episodes": int(config.epochs),
        "train.max_epochs": config.inner_epochs,
        "train.seed": config.seed,
        "train.agent_func_path": str(out / REWARD),
        "actor.eps_clip": config.clip,
        "critic.value_clip": config.value_clip,
        "algo.advantage.estimator": "gae" if ppo else "group_norm",
        "algo.advantage.gamma": config.reward.discount,
        "algo.advantage.lambd": config.gae_lambda,
        "algo.kl.init_coef": config.kl,
        "algo.kl.estimator": "k1" if ppo else "k3",
        "algo.kl.use_loss": not ppo,
        "reward.clip_range": [-10, 10],
        **_optimiser("actor", config.learning_rate, config),
        **_optimiser("critic", config.critic_learning_rate, config),
        **_cluster(config),
        **_adapters(config),
        "actor.gradient_checkpointing_enable": config.gradient_checkpointing,
        "ckpt.path": str(out / "checkpoints"),
        "ckpt.output_dir": str(out / "model"),
        "ckpt.save_steps": config.save_steps,
        "ckpt.max_num": 2,
        "ckpt.load_enable": True,
        "logger.tensorboard_dir": str(out / "tensorboard"),
    }


def _refuse(config: RlTrainConfig) -> None:
    if config.max_steps is not None:
        raise CotkitError("OpenRLHF counts passes over the prompts: max_steps cannot be given", "give epochs")
    if config.epochs != int(config.epochs):
        raise CotkitError(f"epochs {config.epochs:g}: OpenRLHF makes whole passes", "give a whole number")


def _optimiser(part: str, rate: float, config: RlTrainConfig) -> dict[str, Any]:
    shape = {"lr_scheduler": config.schedule, "lr_warmup_ratio": config.warmup, "min_lr_ratio": 0.1}
    return {f"{part}.{name}": value for name, value in {"adam.lr": rate, "adam.betas": [0.9, 0.95], **shape}.items()}


def _cluster(config: RlTrainConfig) -> dict[str, Any]:
    cluster = config.cluster
    gpus = cluster.nodes * cluster.gpus_per_node
    if gpus % cluster.tensor_parallel:
        raise CotkitError(f"{gpus} GPUs are no multiple of tensor_parallel {cluster.tensor_parallel}", "mend [train_rl.cluster]")
    sizes = {f"{part}.num_nodes": cluster.nodes for part in ("actor", "ref", "critic")}
    sizes |= {f"{part}.num_gpus_per_node": cluster.gpus_per_node for part in ("actor", "ref", "critic")}
    return sizes | {
        "train.colocate_all": True,
        "vllm.num_engines": gpus // cluster.tensor_parallel,
        "vllm.tensor_parallel_size": cluster.tensor_parallel,
        "vllm.gpu_memory_utilization": cluster.gpu_memory,
        "vllm.enable_sleep": True,
        "vllm.enable_prefix_caching": True,
        "ds.enable_sleep": True,
        "ds.packing_samples": True,
    }


def _adapters(config: RlTrainConfig) -> dict[str, Any]:
    if config.lora is None:
        return {}
    lora = config.lora
    settings = {"ds.lora.rank": lora.rank, "ds.lora.alpha": lora.alpha, "ds.lora.dropout": lora.dropout}
    return settings | {"ds.lora.target_modules": lora.target_modules, "ds.load_in_4bit": lora.load_in_4bit}
