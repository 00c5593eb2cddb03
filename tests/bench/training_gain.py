"""SFT and RL that really train, on one CPU core: held-out accuracy by cotkit's own sampling and verification, before and after each.

    make test-vllm test-trainers ARGS=--collect-only                        # the two environments
    .venv-trainers/bin/python tests/bench/training_gain.py shop -o OUT      # SmolLM2-135M-Instruct: SFT, then GRPO
    .venv-trainers/bin/python tests/bench/training_gain.py search -o OUT    # 0.4 million random weights: SFT, then GRPO

Problems and worked responses come from `training_tasks`; half of the responses hold a slip, or gave up. They become a run (imported,
verified, tagged, curated), which is exported for the student and trained on by `cotkit train`. Held-out problems are in no training
set; each model answers each of them 8 times (vLLM's CPU build, one engine seed for all models). Intervals: 95 %, bootstrap over
problems, whose samples stay together. Run again, it goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tomli_w
from cotkit.pipelines.importing import import_samples, problems_of
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.run_folder.pass_rates import pass_rates
from cotkit.schemas.recipe import load_recipe
from training_tasks import search_chain, search_problems, shop_chain, shop_problems, write_small_model

SMOLLM2 = Path(".venv-vllm/models/SmolLM2-135M-Instruct")
SAMPLES = 8
ENGINE = {"enforce_eager": True, "max_model_len": 512, "block_size": 32, "seed": 7}
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "COTKIT_REWARD_WORKERS": "1"}


class Task(NamedTuple):
    """What is trained on, what is held out, and how."""

    sft: list[dict[str, Any]]
    """Rows with prompt, answer, kind and response."""
    rl: list[dict[str, Any]]
    """The same, for the prompts of RL; the responses only say how hard a prompt is."""
    held_out: list[dict[str, Any]]
    recipe: dict[str, Any]


def shop() -> Task:
    problems = shop_problems(400, seed=1)
    draw = random.Random(2)
    rows = [row | {"response": shop_chain(row, draw, slips=0.3)} for row in problems for _ in range(2)]
    sample = {"prompt_template": "{prompt}\nPut the final answer in \\boxed{}.", "max_tokens": 64, "temperature": 0.7}
    curate = {"outcomes": ["correct"], "splits": [{"name": "all", "per_problem": 1}]}
    cpu = {"device": "cpu", "gradient_checkpointing": False}
    sft = cpu | {"learning_rate": 1e-4, "epochs": 1, "max_steps": 24, "batch_size": 8, "micro_batch_size": 8, "save_steps": 8}
    rl = cpu | {"learning_rate": 5e-6, "max_steps": 40, "batch_size": 32, "micro_batch_size": 32, "samples_per_prompt": 8, "save_steps": 10}
    rl |= {"max_completion_tokens": 64, "kl": 0.0, "reward": {"parts": ["classic"], "classic": {"margin": 0}}}
    recipe = {"name": "shop", "sample": sample, "curate": curate, "train_sft": sft, "train_rl": rl}
    return Task(rows[:480], rows[480:720], problems[360:], recipe)


def search() -> Task:
    problems, hopeless = search_problems(), search_problems(solvable=False)
    draw = random.Random(3)
    chains = lambda some, times: [  # noqa: E731
        row | {"response": search_chain(row, draw, give_up=0.15, repeat=0.1)} for row in some for _ in range(times)
    ]
    sample = {"prompt_template": "{prompt}", "max_tokens": 80, "temperature": 1.0, "top_p": 1.0}
    curate = {"outcomes": ["correct", "wrong"], "min_compression_ratio": 0.0, "keep_leaked": True, "splits": [{"name": "all"}]}
    cpu = {"device": "cpu", "gradient_checkpointing": False, "save_steps": 1000}
    sft = cpu | {"learning_rate": 3e-3, "epochs": 8, "batch_size": 128, "micro_batch_size": 128}
    rl = cpu | {"learning_rate": 5e-4, "max_steps": 100, "batch_size": 128, "micro_batch_size": 128, "samples_per_prompt": 8}
    rl |= {"max_completion_tokens": 80, "reward": {"parts": ["classic"], "classic": {"margin": 0}}}
    recipe = {"name": "search", "sample": sample, "curate": curate, "train_sft": sft, "train_rl": rl}
    return Task(chains(problems[:192] + hopeless[:192], 16), chains(problems[:192], 2), problems[192:], recipe)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["shop", "search"])
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--sampler", default=".venv-vllm/bin/python", help="a Python that has cotkit and vLLM's CPU build")
    parser.add_argument("--stages", nargs="+", default=["base", "sft", "rl"], choices=["base", "sft", "rl"])
    asked = parser.parse_args()
    task, out = shop() if asked.task == "shop" else search(), asked.out.resolve()
    base = SMOLLM2.resolve() if asked.task == "shop" else small_model(out / "base")
    models = {"base": base, "sft": out / "sft/model", "rl": out / "rl/model"}
    rates: dict[str, dict[str, float]] = {}
    for stage in asked.stages:
        if stage == "sft":
            export = exported(out / "run-sft", task.sft, task.recipe, base) / "sft-trl-all"
            cotkit("train", "sft", export, "--model", base, "--recipe", out / "run-sft.toml", "-o", out / "sft")
        if stage == "rl":
            export = exported(out / "run-rl", task.rl, task.recipe, base) / "rl-trl"
            cotkit("train", "rl", export, "--model", models["sft"], "--recipe", out / "run-rl.toml", "-o", out / "rl")
        rates[stage] = held_out(out, stage, models[stage], task, asked.sampler)
    for line in told(rates):
        print(line)


def small_model(folder: Path) -> Path:
    if not (folder / "config.json").exists():
        write_small_model(folder, seed=0)
    return folder


def cotkit(*words: Any, python: str = sys.executable) -> str:
    """Run a command of cotkit's; its notes go to the terminal."""
    print("$ cotkit", *words, file=sys.stderr)
    return subprocess.run([python, "-m", "cotkit", *map(str, words)], check=True, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT).stdout


def exported(folder: Path, rows: list[dict[str, Any]], recipe: dict[str, Any], student: Path) -> Path:
    """Make a run of responses, have it judged and curated, and give the folder of its exports."""
    if not (folder / "exports").exists():
        recipe = recipe | {"export": {"sft": {"formats": ["trl"], "student": str(student)}, "rl": {"formats": ["trl"]}}}
        source, settings = folder.with_suffix(".jsonl"), folder.with_suffix(".toml")
        columns = ("prompt", "answer", "kind", "response")
        folder.parent.mkdir(parents=True, exist_ok=True)
        source.write_text("".join(json.dumps({name: row[name] for name in columns} | {"teacher": "script"}) + "\n" for row in rows))
        settings.write_text(tomli_w.dumps(recipe))
        run = RunFolder.create(folder, load_recipe(settings), problems_of(source, {}))
        import_samples(run, source, {})
        for step in ("verify", "tag", "curate", "export"):
            cotkit(step, folder)
    return folder / "exports"


def held_out(out: Path, stage: str, model: Path, task: Task, sampler: str) -> dict[str, float]:
    """Give each held-out problem's share of correct samples by a model."""
    problems, settings, run = out / "held-out.jsonl", out / "held-out.toml", out / f"held-out-{stage}"
    problems.write_text("".join(json.dumps({name: row[name] for name in ("prompt", "answer", "kind")}) + "\n" for row in task.held_out))
    settings.write_text(tomli_w.dumps({"sample": task.recipe["sample"] | {"n": SAMPLES, "engine": ENGINE}}))
    cotkit("sample", problems, "--recipe", settings, "--teacher", f"vllm:{model}", "-o", run, "--progress", "lines", python=sampler)
    rates = pass_rates(RunFolder.open(run))
    return dict(zip(rates["problem_id"], rates["correct"] / rates["samples"], strict=True))


def told(rates: dict[str, dict[str, float]]) -> list[str]:
    """Give a table of accuracies, and of the gains from each stage to the next, with intervals."""
    lines, before = [f"{'stage':<6} {f'avg@{SAMPLES}':>7}  95 % interval    gain over the stage before"], None
    for stage, of_problem in rates.items():
        values = np.array([of_problem[problem] for problem in sorted(of_problem)])
        low, high = interval(values)
        line = f"{stage:<6} {values.mean():>7.3f}  {low:.3f} to {high:.3f}"
        if before is not None:
            low, high = interval(values - before)
            line += f"   {(values - before).mean():+.3f} ({low:+.3f} to {high:+.3f})"
        lines.append(line)
        before = values
    return [*lines, f"{len(next(iter(rates.values())))} held-out problems"]


def interval(values: np.ndarray, draws: int = 10_000) -> tuple[float, float]:
    """Give the 95 % interval of the mean over problems, by bootstrap."""
    places = np.random.default_rng(0).integers(len(values), size=(draws, len(values)))
    low, high = np.quantile(values[places].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


if __name__ == "__main__":
    main()
