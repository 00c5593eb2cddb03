"""Classic against cosine against cosine with the repetition penalty, on a task that can be watched: lengths, exceed rate, loops, accuracy.

    .venv-trainers/bin/python tests/bench/training_ablation.py -o OUT --seeds 0 1      # trains; run again, it goes on
    .venv/bin/python tests/bench/training_ablation.py -o OUT --plot docs/ablation.svg  # draws and tells what is there

One small model learns `training_tasks.search` by SFT; from it GRPO trains each arm with each seed, on as many problems that have an x
as problems that have none (what is too hard for the policy). The budget is 64 tokens; eight different tries and an answer take 45. The
values are the paper's, but for the repetition penalty: N = 4, as a repeated 4-gram is a try made before, and P = -0.5, as the cosine
pays 10 / 64 for a token here and 10 / 14,336 there. Curves: means over the completions of a step (`curves.jsonl`).
"""

from __future__ import annotations

import argparse
import json
import os
import random
from pathlib import Path
from typing import Any

import numpy as np
from training_gain import cotkit, exported, search, small_model
from training_tasks import search_chain, search_problems

BUDGET = 64
STEPS = 40
PENALTIES = {"classic": {"margin": 0}, "cosine": {"margin": 0}, "repetition": {"ngram": 4, "penalty": -0.5}}
ARMS = {"classic": ["classic"], "cosine": ["cosine"], "cosine + repetition": ["cosine", "repetition"]}
CURVES = {
    "completions/mean_length": "mean length, tokens",
    "exceeded": "share past the budget",
    "repeated": "share of tokens repeated",
    "outcome/correct": "share correct",
}
LAST = 10
WINDOW = 5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--plot", type=Path, help="draw what is there into this SVG file, and train nothing")
    asked = parser.parse_args()
    out = asked.out.resolve()
    if asked.plot is None:
        train(out, asked.seeds, asked.arms)
        return
    curves = {(arm, seed): found for arm in ARMS for seed in asked.seeds if (found := read(out / folder(arm, seed)))}
    draw(curves, asked.plot)
    for line in told(curves):
        print(line)


def folder(arm: str, seed: int) -> str:
    return f"{arm.replace(' + ', '-')}-{seed}"


def train(out: Path, seeds: list[int], arms: list[str]) -> None:
    """Make the start model and the prompts where they are missing, and train the arms."""
    os.environ["COTKIT_REWARD_WORKERS"] = "1"
    from cotkit.pipelines.training import train_rl
    from cotkit.schemas.training import RlTrainConfig

    task, base = search(), small_model(out / "base")
    export = exported(out / "run-sft", task.sft, task.recipe, base) / "sft-trl-all"
    if not (out / "sft/model/config.json").exists():
        cotkit("train", "sft", export, "--model", base, "--recipe", out / "run-sft.toml", "-o", out / "sft")
    prompts = exported(out / "run-arms", arm_rows(), task.recipe, base) / "rl-trl"
    for seed in seeds:
        for arm in arms:
            settings = task.recipe["train_rl"] | {"max_steps": STEPS, "seed": seed, "max_completion_tokens": BUDGET}
            settings |= {"learning_rate": 1e-3, "batch_size": 64, "micro_batch_size": 64}
            config = RlTrainConfig.model_validate(settings | {"reward": PENALTIES | {"parts": ARMS[arm]}})
            done = train_rl(prompts, str(out / "sft/model"), out / folder(arm, seed), config)
            print(f"{arm}, seed {seed}: {done.steps} steps", flush=True)


def arm_rows() -> list[dict[str, Any]]:
    """Give 44 problems with an x and 44 without, each with a response that says nothing but that it was judged."""
    draw = random.Random(4)
    problems = search_problems()[:44] + search_problems(solvable=False)[:44]
    return [row | {"response": search_chain(row, draw, give_up=0.15, repeat=0.1)} for row in problems]


def read(folder: Path) -> list[dict[str, float]]:
    file = folder / "curves.jsonl"
    lines = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [line for line in lines if "reward" in line]


def told(curves: dict[tuple[str, int], list[dict[str, float]]]) -> list[str]:
    """Give a table: each arm's first steps and its last, over all seeds, with the smallest and the largest of the seeds."""
    lines = [f"{'arm':<22}{'steps':<9}" + "".join(f"{name:>28}" for name in CURVES.values())]
    for arm in ARMS:
        seeds = [found for (of_arm, _), found in curves.items() if of_arm == arm]
        for name, part in (("first 3", slice(0, 3)), (f"last {LAST}", slice(-LAST, None))) if seeds else ():
            cells = []
            for curve in CURVES:
                means = [np.mean([line.get(curve, 0.0) for line in found[part]]) for found in seeds]
                cells.append(f"{np.mean(means):.3g} ({min(means):.3g} to {max(means):.3g})")
            lines.append(f"{arm:<22}{name:<9}" + "".join(f"{cell:>28}" for cell in cells))
    return [*lines, f"{len(curves)} trainings of {min(map(len, curves.values()))} to {max(map(len, curves.values()))} steps"]


def draw(curves: dict[tuple[str, int], list[dict[str, float]]], file: Path) -> None:
    """Draw a panel per curve, a line per training, each a running mean over 5 steps."""
    import vl_convert

    rows = []
    for (arm, seed), found in curves.items():
        for curve, title in CURVES.items():
            values = np.array([line.get(curve, 0.0) for line in found])
            for place in range(len(values)):
                window = values[max(0, place - WINDOW + 1) : place + 1]
                rows.append(
                    {"arm": arm, "seed": seed, "curve": title, "step": found[place]["step"], "value": round(float(window.mean()), 4)}
                )
    color = {"field": "arm", "type": "nominal", "scale": {"domain": list(ARMS), "range": ["#8a93a0", "#c4532d", "#17806d"]}, "title": None}
    y = {"field": "value", "type": "quantitative", "title": None, "scale": {"zero": True}}
    encoding = {"x": {"field": "step", "type": "quantitative", "title": "step"}, "y": y, "color": color, "detail": {"field": "seed"}}
    spec = {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": rows},
        "facet": {"field": "curve", "type": "nominal", "title": None, "sort": list(CURVES.values())},
        "columns": 2,
        "spec": {"width": 300, "height": 170, "mark": {"type": "line", "strokeWidth": 1.4, "opacity": 0.8}, "encoding": encoding},
        "resolve": {"scale": {"y": "independent"}},
        "config": {"background": "white", "legend": {"orient": "bottom"}},
    }
    file.write_text(vl_convert.vegalite_to_svg(spec, show_warnings=False), encoding="utf-8")


if __name__ == "__main__":
    main()
