"""Hand a training that cotkit prepared to verl 0.9.1's own code, and print what it makes of it, as JSON.

    PYTHONPATH=.venv-trainers/verl python tests/trainers/read_verl.py MODEL RESPONSES.json OUT...

In a process of its own: hydra wants an older antlr and omegaconf than the other tests.
"""
# ruff: noqa: E402  # verl is imported after its stand-in

import asyncio
import json
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

# verl 0.9 takes rope indices of pictures from transformers < 5.11; no row here has a picture
sys.modules.setdefault("verl.models.transformers.qwen2_vl", MagicMock())

import hydra
import numpy as np
import torch
import verl
from omegaconf import DictConfig, OmegaConf
from transformers import AutoTokenizer
from verl import DataProto
from verl.trainer.ppo.core_algos import compute_gae_advantage_return, get_adv_estimator_fn
from verl.trainer.ppo.reward import load_reward_manager, resolve_reward_manager_cls
from verl.trainer.ppo.utils import need_critic, need_reference_policy
from verl.utils.config import omega_conf_to_dataclass, validate_config
from verl.utils.dataset.rl_dataset import RLHFDataset

OURS = ("hydra", "defaults", "ray_kwargs.ray_init.runtime_env.env_vars", "ray_kwargs.ray_init.address")
"""What verl's defaults do not name: hydra's own words, and what it passes on to Ray."""


def compose(folder: Path, name: str) -> DictConfig:
    with hydra.initialize_config_dir(str(folder), version_base=None):
        return hydra.compose(name)


def unknown(written: dict[str, Any], known: Any, place: str = "") -> list[str]:
    """Name the settings that verl's defaults have not."""
    found = []
    for name, value in written.items():
        at = f"{place}{name}"
        if at in OURS:
            continue
        if name not in list(known):  # of a value that must be given, `in` says that it is not there
            found.append(at)
        elif isinstance(value, dict):
            found += unknown(value, known[name], f"{at}.")
    return found


def in_a_thread(work: Any) -> Any:
    """Run a coroutine on an event loop of another thread, as verl's reward workers do."""
    given: list[Any] = []
    thread = threading.Thread(target=lambda: given.append(asyncio.run(work())))
    thread.start()
    thread.join(120)
    return given[0]


def batch_of(row: dict[str, Any], tokenizer: Any, text: str) -> DataProto:
    prompt = tokenizer.apply_chat_template(list(row["raw_prompt"]), add_generation_prompt=True, tokenize=True, return_dict=False)
    prompts, responses = torch.tensor([prompt]), torch.tensor([tokenizer.encode(text)])
    fields = {name: np.array([row[name]], dtype=object) for name in ("data_source", "reward_model", "extra_info")}
    mask = torch.ones(1, prompts.shape[1] + responses.shape[1], dtype=torch.int64)
    return DataProto.from_dict({"prompts": prompts, "responses": responses, "attention_mask": mask}, non_tensors=fields)


def looped(config: DictConfig, row: dict[str, Any], tokenizer: Any, ids: list[int]) -> Any:
    """Generate one completion in the agent loop that the configuration names, the engine played by fixed tokens."""
    from verl.experimental.agent_loop.agent_loop import DictConfigWrap

    async def generate(**_request: Any) -> Any:
        return SimpleNamespace(token_ids=ids, log_probs=None, num_preempted=0, routed_experts=None, extra_fields={})

    (named,) = OmegaConf.load(config.actor_rollout_ref.rollout.agent.agent_loop_config_path)
    assert named.name == config.actor_rollout_ref.rollout.agent.default_agent_loop

    async def run() -> Any:
        wrapped = {"trainer_config": DictConfigWrap(config), "data_config": DictConfigWrap(config.data)}
        server = SimpleNamespace(generate=generate)
        loop = hydra.utils.instantiate(
            config=named, server_manager=server, tokenizer=tokenizer, processor=None, dataset_cls=RLHFDataset, **wrapped
        )
        return await loop.run({}, raw_prompt=row["raw_prompt"])

    return asyncio.run(run())


def tokens_paid(config: DictConfig, row: dict[str, Any], tokenizer: Any) -> dict[str, Any]:
    """Pay a completion that repeats itself, and one that could not be judged."""
    ids = [5, 6, 7, 8] * 3 + [258]
    output = looped(config, row, tokenizer, ids)
    output.reward_score = 1.5
    output.extra_fields["reward_extra_info"] = {"judged": 1.0}
    fields = output.as_dict()
    rewards, mask = fields["rm_scores"][None], fields["response_mask"][None].float()
    values = torch.linspace(0, 1, len(ids))[None]
    _, returns = compute_gae_advantage_return(rewards, values, mask, config.algorithm.gamma, config.algorithm.lam)
    output.extra_fields["reward_extra_info"] = {"judged": 0.0}
    unjudged = output.as_dict()
    group = torch.cat([rewards, torch.zeros_like(rewards), rewards])
    masks = torch.cat([mask, mask, unjudged["response_mask"][None].float()])
    advantages, _ = get_adv_estimator_fn("cotkit_grpo")(group, masks, np.array(["a", "a", "a"]), {"norm_adv_by_std_in_grpo": False})
    shown = {"ids": ids, "returns": returns[0].tolist(), "mask": fields["response_mask"].tolist(), "advantages": advantages.tolist()}
    return shown | {"unjudged_mask": unjudged["response_mask"].tolist()}


def read(out: Path, model: str, responses: list[list[str]]) -> dict[str, Any]:
    config = compose(out, "verl")
    known = compose(Path(verl.__file__).parent / "trainer/config", "ppo_trainer")
    missing = unknown(OmegaConf.to_container(OmegaConf.load(out / "verl.yaml")), known)
    validate_config(config, need_reference_policy(config), need_critic(config))
    # not config.reward: verl 0.9.1's RewardManagerConfig cannot be made at all, its base has no __post_init__, and verl never makes one
    for section in (config.actor_rollout_ref.rollout, config.algorithm, config.critic.optim):
        omega_conf_to_dataclass(section)
    tokenizer = AutoTokenizer.from_pretrained(model)
    rows = RLHFDataset(list(config.data.train_files), tokenizer, config.data)
    resolve_reward_manager_cls(config)  # as the trainer's own process does, before its workers

    async def judged() -> list[list[dict[str, Any]]]:
        manager = load_reward_manager(config, tokenizer)
        manager.loop = asyncio.get_running_loop()
        return [
            [await manager.run_single(batch_of(row, tokenizer, text)) for row, text in zip(rows, texts, strict=True)] for texts in responses
        ]

    told = {"unknown": missing, "rows": len(rows), "critic": need_critic(config), "reference": need_reference_policy(config)}
    told |= {"settings": OmegaConf.to_container(config, resolve=False), "judged": in_a_thread(judged)}
    return told | {"tokens": tokens_paid(config, rows[0], tokenizer)}


if __name__ == "__main__":
    texts = json.loads(Path(sys.argv[2]).read_text())
    print(json.dumps([read(Path(out), sys.argv[1], texts) for out in sys.argv[3:]]))
