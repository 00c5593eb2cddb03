"""RL with TRL: GRPO or RLOO on a `trl` prompt set, rewarded by rule, with the repetition penalty per token and discounts of its own.

cotkit train rl runs/qwq/exports/rl-trl --model runs/qwq/training/sft/model -o runs/qwq/training/rl
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...schemas.errors import CotkitError
from ...schemas.training import RlTrainConfig
from .multi_discount import multi_discount
from .order import resumable_order
from .prompts import prove_prompts
from .scoring import Scorer
from .start import Trained, adapters, begin, curves_callback, load_model, parquet_rows, require, run, trl_arguments

COLUMNS = {"prompt", "solution", "answer", "kind"}


def train_rl(
    export: Path, model: str, out: Path, config: RlTrainConfig, watch: Callable[[dict[str, float]], None] = lambda _line: None
) -> Trained:
    """Train `model` on a prompt set; the same call again goes on from the last checkpoint.

    Raises CotkitError before the first step when export, model, libraries, folder or the verifier's workers do not do.
    """
    trl, _ = require("trl", "torch")
    rows = parquet_rows(export, COLUMNS)
    if len(rows) < config.rollout_prompts():
        hint = f"a step takes {config.rollout_prompts()}: lower batch_size, or raise samples_per_prompt"
        raise CotkitError(f"{export}: {len(rows)} prompts do not fill one batch", hint)
    prove_prompts(export, rows["prompt"], model, config.max_prompt_tokens)
    scorer = Scorer(config)
    scorer.check()
    checkpoint = begin(out, {"kind": "rl", "export": str(export), "model": model, "config": config.model_dump(mode="json")})
    network, tokenizer = load_model(model, config)
    grpo = config.method == "grpo"
    arguments = (trl.GRPOConfig if grpo else trl.RLOOConfig)(**trl_arguments(config, out) | rollout_arguments(config))
    trainer = resumable_order(multi_discount(trl.GRPOTrainer, config.reward) if grpo else trl.RLOOTrainer)(
        model=network,
        reward_funcs=scorer,
        args=arguments,
        train_dataset=rows,
        processing_class=tokenizer,
        peft_config=adapters(config),
        callbacks=[curves_callback(out, watch)],
    )
    return run(trainer, tokenizer, out, checkpoint)


def rollout_arguments(config: RlTrainConfig) -> dict[str, Any]:
    """Give the arguments that are RL's own; `extra` has the last word."""
    own: dict[str, Any] = {
        "num_generations": config.samples_per_prompt,
        "max_completion_length": config.max_completion_tokens,
        "temperature": config.temperature,
        "top_p": config.top_p,
        "beta": config.kl,
        "epsilon": config.clip,
        "num_iterations": config.inner_epochs,
        "use_vllm": config.vllm != "off",
        # between rollouts: what is sampled and not yet trained on is in no checkpoint
        "save_steps": -(-config.save_steps // config.rollout_updates()) * config.rollout_updates(),
    }
    if config.prompts_per_rollout is not None:
        own["generation_batch_size"] = config.rollout_prompts() * config.samples_per_prompt
    if config.vllm != "off":
        own["vllm_mode"] = config.vllm
    if config.method == "grpo":
        # rewards per token are added to the group's centred rewards, so those keep their scale; the batch is scaled afterwards
        own["scale_rewards"] = "none" if "repetition" in config.reward.parts else "group"
    return own | config.extra
