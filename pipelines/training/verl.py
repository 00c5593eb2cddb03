"""verl 0.9: its whole configuration as a YAML file over its own defaults, and the command that starts it.

    OUT/ training.toml  recipe.toml  verl.yaml  agent_loop.yaml  cotkit_reward.py  prompts/train.parquet  launch.sh
         verl.jsonl  curves.jsonl  checkpoints/global_step_50/ …

Every setting that differs from verl's defaults stands in `verl.yaml`; what it does not name is verl's. PPO is GAE with a critic and the
KL divergence as a part of the reward; GRPO has it in the loss.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from ...schemas.errors import CotkitError
from ...schemas.training import RlTrainConfig

CONFIG = "verl.yaml"
AGENT_LOOP = "agent_loop.yaml"
REWARD = "cotkit_reward.py"
PROMPTS = Path("prompts/train.parquet")
LOG = "verl.jsonl"
CHECKPOINTS = "checkpoints"
INSTALL = "pip install 'verl[vllm,fsdp]>=0.9,<0.10'"
WORKERS_PER_JUDGE = "4"
SCHEDULES = {"constant": ("constant", 0.0), "cosine": ("cosine", 0.0), "cosine_with_min_lr": ("cosine", 0.1)}
METRICS = {
    "critic/rewards/mean": "reward",
    "response_length/mean": "completions/mean_length",
    "response_length/clip_ratio": "completions/clipped_ratio",
    "actor/pg_loss": "loss",
    "actor/lr": "learning_rate",
    "actor/grad_norm": "grad_norm",
    "actor/entropy": "entropy",
    "critic/kl": "kl",
    "actor/reward_kl_penalty": "kl",
    "actor/ppo_kl": "approximate_kl",
    "actor/kl_loss": "kl",
}
"""verl's names of what `curves.jsonl` names after TRL; other numbers keep verl's."""


def files(out: Path, model: str, config: RlTrainConfig) -> dict[str, str]:
    """Give the texts of the files of a training; raises CotkitError on a setting that verl has not."""
    import yaml

    loop = [{"name": "cotkit", "_target_": f"{__name__}.agent_loop", "module": str(out / REWARD)}]
    head = "# Written by `cotkit train rl --engine verl`; what is not named here is verl's default.\n"
    return {
        CONFIG: head + yaml.safe_dump(configuration(out, model, config), sort_keys=False, width=140),
        AGENT_LOOP: yaml.safe_dump(loop, sort_keys=False),
    }


def command(out: Path, config: RlTrainConfig) -> list[str]:
    """Give the command that starts verl with that configuration."""
    extra = [f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in config.extra.items()]
    return [sys.executable, "-m", "verl.trainer.main_ppo", "--config-path", str(out), "--config-name", Path(CONFIG).stem, *extra]


def configuration(out: Path, model: str, config: RlTrainConfig) -> dict[str, Any]:
    """Give verl's configuration; raises CotkitError on a setting that verl has not."""
    ppo = config.method == "ppo"
    return {
        "hydra": {"searchpath": ["pkg://verl.trainer.config"], "run": {"dir": str(out / "hydra")}},
        "defaults": ["ppo_trainer", "_self_"],
        "data": _data(out, config),
        "actor_rollout_ref": {
            "model": _model(model, config),
            "actor": _actor(config, ppo),
            "ref": {"log_prob_use_dynamic_bsz": True},
            "rollout": _rollout(out, config),
        },
        "critic": {
            "model": {"path": model, "enable_gradient_checkpointing": config.gradient_checkpointing},
            "optim": _optimiser(config, config.critic_learning_rate),
            "cliprange_value": config.value_clip,
            "ppo_max_token_len_per_gpu": 2 * _window(config),
        },
        "reward": {
            "num_workers": 8,
            "reward_manager": {"source": "importlib", "name": "CotkitRewardManager", "module": {"path": str(out / REWARD)}},
        },
        "algorithm": _algorithm(config, ppo),
        "trainer": _trainer(out, config),
        "ray_kwargs": {"ray_init": _ray(out, config)},
    }


def _algorithm(config: RlTrainConfig, ppo: bool) -> dict[str, Any]:
    # discounts of their own are in the rewards that the agent loop gives, see `EngineReward.per_token`, so that verl's is 1
    dense = "repetition" in config.reward.parts or config.reward.discount != 1
    return {
        "adv_estimator": "gae" if ppo else "cotkit_grpo" if dense else "grpo",
        "gamma": 1.0,
        "lam": config.gae_lambda,
        "use_kl_in_reward": ppo and config.kl > 0,
        "kl_penalty": "kl",
        "kl_ctrl": {"type": "fixed", "kl_coef": config.kl},
    }


def _window(config: RlTrainConfig) -> int:
    return config.max_prompt_tokens + config.max_completion_tokens


def _data(out: Path, config: RlTrainConfig) -> dict[str, Any]:
    rows = str(out / PROMPTS)
    return {
        "train_files": [rows],
        "val_files": [rows],  # verl wants one; nothing is validated, as `cotkit` evaluates
        "val_max_samples": 1,
        "train_batch_size": config.rollout_prompts(),
        "max_prompt_length": config.max_prompt_tokens,
        "max_response_length": config.max_completion_tokens,
        "truncation": "error",
        "seed": config.seed,
    }


def _model(model: str, config: RlTrainConfig) -> dict[str, Any]:
    settings: dict[str, Any] = {"path": model, "enable_gradient_checkpointing": config.gradient_checkpointing}
    if config.lora:
        if config.lora.load_in_4bit:
            raise CotkitError("verl has no QLoRA", "leave out lora.load_in_4bit, or take engine = 'trl'")
        adapters = {"lora_rank": config.lora.rank, "lora_alpha": config.lora.alpha, "target_modules": config.lora.target_modules}
        settings |= adapters
    return settings


def _optimiser(config: RlTrainConfig, rate: float) -> dict[str, Any]:
    if config.schedule not in SCHEDULES:
        raise CotkitError(f"verl has no schedule {config.schedule!r}", f"choose one of {', '.join(SCHEDULES)}")
    kind, least = SCHEDULES[config.schedule]
    shape = {"lr_scheduler_type": kind, "min_lr_ratio": least, "lr_warmup_steps_ratio": config.warmup}
    return {"lr": rate, **shape, "betas": [0.9, 0.95], "weight_decay": 0.0, "clip_grad": 1.0}


def _actor(config: RlTrainConfig, ppo: bool) -> dict[str, Any]:
    clip = dict.fromkeys(("clip_ratio", "clip_ratio_low", "clip_ratio_high"), config.clip)
    return {
        "optim": _optimiser(config, config.learning_rate),
        # in prompts: verl multiplies by the samples of each
        "ppo_mini_batch_size": config.batch_size // config.samples_per_prompt,
        "ppo_epochs": config.inner_epochs,
        "use_dynamic_bsz": True,
        "ppo_max_token_len_per_gpu": _window(config),
        **clip,
        "use_kl_loss": not ppo and config.kl > 0,
        "kl_loss_coef": config.kl,
        "kl_loss_type": "low_var_kl",
        "data_loader_seed": config.seed,
    }


def _rollout(out: Path, config: RlTrainConfig) -> dict[str, Any]:
    return {
        "name": "vllm",
        "n": config.samples_per_prompt,
        "temperature": config.temperature,
        "top_p": config.top_p,
        "seed": config.seed,
        "max_model_len": _window(config),
        "tensor_model_parallel_size": config.cluster.tensor_parallel,
        "gpu_memory_utilization": config.cluster.gpu_memory,
        "log_prob_use_dynamic_bsz": True,
        "agent": {"default_agent_loop": "cotkit", "agent_loop_config_path": str(out / AGENT_LOOP)},
    }


def _trainer(out: Path, config: RlTrainConfig) -> dict[str, Any]:
    if config.epochs != int(config.epochs):
        raise CotkitError(f"epochs {config.epochs:g}: verl makes whole passes", "give a whole number, or max_steps")
    return {
        "total_epochs": int(config.epochs),
        "total_training_steps": config.max_steps,
        "project_name": "cotkit",
        "experiment_name": out.name,
        "logger": ["console", "file"],
        "nnodes": config.cluster.nodes,
        "n_gpus_per_node": config.cluster.gpus_per_node,
        "save_freq": config.save_steps,
        "test_freq": -1,
        "val_before_train": False,
        "resume_mode": "auto",
        "default_local_dir": str(out / CHECKPOINTS),
        "max_actor_ckpt_to_keep": 2,
        "max_critic_ckpt_to_keep": 2,
    }


def _ray(out: Path, config: RlTrainConfig) -> dict[str, Any]:
    variables = {"COTKIT_REWARD_WORKERS": WORKERS_PER_JUDGE, "VERL_FILE_LOGGER_PATH": str(out / LOG)}
    settings: dict[str, Any] = {"runtime_env": {"env_vars": variables}}
    if config.cluster.ray_address:
        settings["address"] = config.cluster.ray_address
    return settings


def curves(out: Path) -> list[dict[str, float]]:
    """Read verl's log as the lines of `curves.jsonl`; none when there is none. A line that was cut off by a kill is left out."""
    lines = []
    for text in (out / LOG).read_text(encoding="utf-8").splitlines() if (out / LOG).is_file() else []:
        try:
            logged = json.loads(text)
        except ValueError:
            continue
        numbers = {METRICS.get(name, name): value for name, value in logged["data"].items() if isinstance(value, (int, float))}
        lines.append({"step": logged["step"]} | numbers)
    return lines


def agent_loop(module: str, **given: Any) -> Any:
    """Make the agent loop of the reward module at a path: what verl's `agent_loop.yaml` names."""
    from .start import require

    (loading,) = require("verl.utils.import_utils")
    return loading.load_extern_object(module_path=module, object_name="CotkitAgentLoop")(**given)
