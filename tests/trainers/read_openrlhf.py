"""Hand a training that cotkit prepared to OpenRLHF 0.11.2's own parser, dataset and executor, and print what they make of it, as JSON.

    python tests/trainers/read_openrlhf.py MODEL RESPONSES.json WORD...

The words are the arguments of `openrlhf.cli.train_ppo_ray`, whose parser stands in its main block: that is run, until it has parsed and
checked them and would start. vLLM and DeepSpeed, which do not install here, are stood in for.
"""
# ruff: noqa: E402  # OpenRLHF is imported after its stand-ins

import asyncio
import json
import runpy
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

for name in ("vllm", "vllm.inputs", "vllm.utils", "deepspeed"):
    sys.modules[name] = MagicMock()
for name in ("launcher", "ppo_actor", "ppo_critic"):
    sys.modules[f"openrlhf.trainer.ray.{name}"] = MagicMock()

import openrlhf.utils
import ray
from openrlhf.datasets import PromptDataset
from openrlhf.datasets.utils import blending_datasets
from openrlhf.trainer.ray.vllm_engine import _load_agent_executor
from transformers import AutoTokenizer


class Parsed(Exception):
    """OpenRLHF has taken its arguments, and would start."""


def parse(words: list[str]) -> Any:
    taken: list[Any] = []

    def strategy(args: Any) -> None:
        taken.append(args)
        raise Parsed

    ray.is_initialized = lambda: True
    openrlhf.utils.get_strategy = strategy
    sys.argv = ["train_ppo_ray", *words]
    try:
        runpy.run_module("openrlhf.cli.train_ppo_ray", run_name="__main__")
    except Parsed:
        return taken[0]
    raise SystemExit("OpenRLHF did not come to its start")


def rewarded(args: Any, tokenizer: Any, responses: list[list[str]]) -> list[list[dict[str, Any]]]:
    """Reward responses through the executor that the arguments name, on an event loop of another thread."""
    strategy = SimpleNamespace(args=args, is_rank_0=lambda: False, print=lambda *_: None)
    rows = PromptDataset(blending_datasets(args.data.prompt_dataset, None, strategy), tokenizer, strategy)
    executor = _load_agent_executor(args.train.agent_func_path)

    async def execute(prompt: str, label: str, text: str) -> dict[str, Any]:
        async def generate(_ids: Any, _params: Any, multi_modal_data: Any = None) -> Any:
            said = SimpleNamespace(token_ids=tokenizer.encode(text), finish_reason="stop", logprobs=None, text=text)
            return SimpleNamespace(outputs=[said])

        params = SimpleNamespace(max_tokens=args.rollout.max_new_tokens, logprobs=None)
        engine = SimpleNamespace(generate=generate)
        given = await executor.execute(prompt, label, params, args.data.max_len, tokenizer, engine, images=None)
        return {name: given[name] for name in ("reward", "scores", "extra_logs", "action_ranges")}

    async def all_of_them() -> list[list[dict[str, Any]]]:
        return [
            [await execute(prompt, label, text) for (_, prompt, label, _), text in zip(rows, texts, strict=True)] for texts in responses
        ]

    given: list[Any] = []
    thread = threading.Thread(target=lambda: given.append(asyncio.run(all_of_them())))
    thread.start()
    thread.join(120)
    return given[0]


def plain(args: Any) -> Any:
    return {name: plain(value) for name, value in vars(args).items()} if isinstance(args, SimpleNamespace) else args


if __name__ == "__main__":
    tokenizer, texts = AutoTokenizer.from_pretrained(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())
    args = parse(sys.argv[3:])
    print(json.dumps({"arguments": plain(args), "rewarded": rewarded(args, tokenizer, texts)}, default=str))
