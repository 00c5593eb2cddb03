"""SFT and RL that really train, on one CPU core: held-out accuracy by cotkit's own sampling and verification, before and after each.

    make test-vllm test-trainers ARGS=--collect-only                        # the two environments
    .venv-trainers/bin/python tests/bench/training_gain.py shop -o OUT      # SmolLM2-135M-Instruct: SFT, then GRPO
    .venv-trainers/bin/python tests/bench/training_gain.py search -o OUT    # 70,000 random weights: SFT, then GRPO

Problems and worked responses come from `training_tasks`; half of the responses hold a slip, or gave up. They become a run (imported,
verified, tagged, curated), which is exported for the student and trained on by `cotkit train`. Held-out problems are in no training
set; each model answers each of them 8 times (vLLM's CPU build, one engine seed for all models). Intervals: those of
`pipelines/evaluation/statistics.py`, in which a problem is one draw. Run again, it goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import tomli_w
from cotkit.pipelines.evaluation.statistics import avg_at_k, compare_pairs, solve_rates
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
    sample = {"prompt_template": "{prompt}\nPut the final answer in \\boxed{}.", "max_tokens": 256, "temperature": 0.7}
    sample |= {"system_prompt": "Do the sums."}
    curate = {"outcomes": ["correct"], "splits": [{"name": "all", "per_problem": 1}]}
    cpu = {"device": "cpu", "gradient_checkpointing": False}
    sft = cpu | {"learning_rate": 1e-4, "schedule": "constant", "warmup": 0.0, "max_steps": 24, "save_steps": 8}
    sft |= {"batch_size": 8, "micro_batch_size": 8}
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
    sample = {"prompt_template": "{prompt}", "max_tokens": 64, "temperature": 1.0, "top_p": 1.0}
    curate = {"outcomes": ["correct", "wrong"], "min_compression_ratio": 0.0, "keep_leaked": True, "splits": [{"name": "all"}]}
    cpu = {"device": "cpu", "gradient_checkpointing": False, "save_steps": 1000}
    sft = cpu | {"learning_rate": 5e-3, "epochs": 4, "batch_size": 32, "micro_batch_size": 32}
    rl = cpu | {"learning_rate": 3e-4, "max_steps": 80, "batch_size": 128, "micro_batch_size": 128, "samples_per_prompt": 8}
    rl |= {"max_completion_tokens": 64, "reward": {"parts": ["classic"], "classic": {"margin": 0}}}
    recipe = {"name": "search", "sample": sample, "curate": curate, "train_sft": sft, "train_rl": rl}
    return Task(chains(problems[:44] + hopeless[:44], 40), chains(problems[:44], 2), problems[44:], recipe)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=["shop", "search"])
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument(
        "--sampler", default=".venv-vllm/bin/python", help="a Python with cotkit and vLLM, or `here`: transformers, in this process"
    )
    parser.add_argument(
        "--seen", action="store_true", help="ask the problems that RL trains on, not the held-out ones (with --sampler here)"
    )
    parser.add_argument("--stages", nargs="+", default=["base", "sft", "rl"], choices=["base", "sft", "rl"])
    asked = parser.parse_args()
    task, out = shop() if asked.task == "shop" else search(), asked.out.resolve()
    if asked.seen:
        task = task._replace(held_out=list({row["prompt"]: row for row in task.rl}.values()))
    base = SMOLLM2.resolve() if asked.task == "shop" else small_model(out / "base")
    models = {"base": base, "sft": out / "sft/model", "rl": out / "rl/model"}
    counts: dict[str, pl.DataFrame] = {}
    for stage in asked.stages:
        if stage == "sft":
            export = exported(out / "run-sft", task.sft, task.recipe, base) / "sft-trl-all"
            cotkit("train", "sft", export, "--model", base, "--recipe", out / "run-sft.toml", "-o", out / "sft")
        if stage == "rl":
            export = exported(out / "run-rl", task.rl, task.recipe, base) / "rl-trl"
            cotkit("train", "rl", export, "--model", models["sft"], "--recipe", out / "run-rl.toml", "-o", out / "rl")
        counts[stage] = here(models[stage], task) if asked.sampler == "here" else held_out(out, stage, models[stage], task, asked.sampler)
    for line in told(counts):
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


def held_out(out: Path, stage: str, model: Path, task: Task, sampler: str) -> pl.DataFrame:
    """Have a model answer the held-out problems; gives their pass rates, in one order for all models."""
    problems, settings, run = out / "held-out.jsonl", out / "held-out.toml", out / f"held-out-{stage}"
    problems.write_text("".join(json.dumps({name: row[name] for name in ("prompt", "answer", "kind")}) + "\n" for row in task.held_out))
    settings.write_text(tomli_w.dumps({"sample": task.recipe["sample"] | {"n": SAMPLES, "engine": ENGINE}}))
    cotkit("sample", problems, "--recipe", settings, "--teacher", f"vllm:{model}", "-o", run, "--progress", "lines", python=sampler)
    return pass_rates(RunFolder.open(run)).sort("problem_id")


def here(model: Path, task: Task) -> pl.DataFrame:
    """The same without vLLM: transformers draws, cotkit's verifiers judge; for models that are small."""
    import torch
    from cotkit.pipelines.prompts import student_messages
    from cotkit.pipelines.reward import Rollout, outcomes
    from cotkit.schemas.recipe import SampleConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer

    torch.manual_seed(ENGINE["seed"])
    config = SampleConfig.model_validate(task.recipe["sample"])
    tokenizer, network = AutoTokenizer.from_pretrained(model, padding_side="left"), AutoModelForCausalLM.from_pretrained(model)
    turns = [student_messages(row["prompt"], config) for row in task.held_out]
    batch = tokenizer.apply_chat_template(turns, add_generation_prompt=True, padding=True, return_tensors="pt", return_dict=True)
    drawing = {"do_sample": True, "temperature": config.temperature, "top_p": config.top_p, "top_k": 0}
    limits = {"max_new_tokens": config.max_tokens, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    drawn = network.generate(**batch, **drawing, **limits, num_return_sequences=SAMPLES)[:, batch["input_ids"].shape[1] :]
    cut = [tokenizer.eos_token_id not in row for row in drawn.tolist()]
    rows = [row for row in task.held_out for _ in range(SAMPLES)]
    texts = tokenizer.batch_decode(drawn, skip_special_tokens=True)
    judged = outcomes(
        Rollout(text, row["answer"], row["kind"], (), "length" if over else "stop")
        for text, row, over in zip(texts, rows, cut, strict=True)
    )
    right = [sum(one == "correct" for one in judged[start : start + SAMPLES]) for start in range(0, len(judged), SAMPLES)]
    return pl.DataFrame({"problem_id": [row["prompt"] for row in task.held_out], "correct": right, "samples": SAMPLES})


def told(counts: dict[str, pl.DataFrame]) -> list[str]:
    """Give each model's accuracy, and its gain over the model before, with intervals."""
    lines = []
    for stage, rates in counts.items():
        accuracy = avg_at_k(rates["correct"], rates["samples"])
        lines.append(f"{stage}: avg@{SAMPLES} {accuracy.value:.3f} ({accuracy.low:.3f} to {accuracy.high:.3f})")
    for before, after in pairwise(counts):
        scores = [solve_rates(counts[stage]["correct"], counts[stage]["samples"]) for stage in (before, after)]
        gain = compare_pairs(*scores).difference
        lines.append(f"{before} to {after}: {gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})")
    return [*lines, f"{len(next(iter(counts.values())))} held-out problems, 95 % intervals"]


if __name__ == "__main__":
    main()
