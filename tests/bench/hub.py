"""Build the dataset folder of a large run of long responses: rows per second, peak memory, whether both grow as they should.

    python tests/bench/hub.py --samples 50000 --samples 200000

Responses are of 2 to 60 KB, 13 KB on average; a problem's samples lie together (`in order`) or in all shards (`scattered`, as after
several resumed or adaptive runs). Every build is a process of its own; seconds are CPU seconds of all its threads.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl
from cotkit.pipelines.run_folder import STAGES, RunFolder
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, SampleConfig
from cotkit.schemas.record import content_hash

PER_PROBLEM, SHARD = 8, 8192
CHILD = """
import resource, sys, time
from pathlib import Path
from cotkit.pipelines.hub import CardOptions, build_dataset
from cotkit.pipelines.run_folder import RunFolder

started = time.monotonic()
built = build_dataset(RunFolder.open(Path(sys.argv[1])), CardOptions("me/bench", "apache-2.0"))
usage = resource.getrusage(resource.RUSAGE_SELF)
seconds = usage.ru_utime + usage.ru_stime
rows = built.rows["default/train"]
size = sum(built.files.values()) / 2**20
print(f"{time.monotonic() - started:.1f} s, {seconds:.1f} CPU-s, {int(sys.argv[2]) / seconds:,.0f} samples/CPU-s, "
      f"peak {usage.ru_maxrss / 1024:.0f} MiB; default {rows:,}, {len(built.files)} files, {size:.0f} MiB")
"""
WORDS = (
    "so",
    "the",
    "sum",
    "of",
    "both",
    "sides",
    "is",
    "then",
    "wait",
    "let",
    "me",
    "check",
    "this",
    "again",
    "since",
    "it",
    "follows",
    "that",
)


def make_run(path: Path, samples: int, scattered: bool) -> RunFolder:
    """Write a run of `samples` samples; texts are cut from one long text at random places, so that no two are the same."""
    dice = random.Random(7)
    text = " ".join(dice.choice(WORDS) if dice.random() < 0.7 else str(dice.randrange(10**6)) for _ in range(400_000))
    count = samples // PER_PROBLEM
    problems = [
        Problem.make(f"What is {place} + {place + 1}, and why does that hold?", str(2 * place + 1), "number") for place in range(count)
    ]
    recipe = Recipe(name="bench", sample=SampleConfig(teacher="scripted:mixed", n=PER_PROBLEM))
    run = RunFolder.create(path, recipe, pl.DataFrame([row.model_dump() for row in problems], schema=Problem.polars_schema()))
    order = [(place, index) for place in range(count) for index in range(PER_PROBLEM)]
    if scattered:
        order.sort(key=lambda pair: (pair[1], pair[0]))
    for number, start in enumerate(range(0, len(order), SHARD)):
        write_shard(run, number, problems, order[start : start + SHARD], (text, dice))
    return run


def write_shard(
    run: RunFolder, number: int, problems: list[Problem], pairs: list[tuple[int, int]], source: tuple[str, random.Random]
) -> None:
    """Write one shard of every stage."""
    text, dice = source
    lengths = [min(60_000, max(2_000, int(dice.lognormvariate(9.3, 0.6)))) for _ in pairs]
    starts = [dice.randrange(len(text) - 60_000) for _ in pairs]
    tokens = [length // 4 for length in lengths]
    correct = [dice.random() < 0.6 for _ in pairs]
    ids = [content_hash(*pair) for pair in pairs]
    behaviour = {
        "lexicon": "demystify",
        "behaviour": "wait",
        "count": 3,
        "per_1000_tokens": 1.0,
        "first_position": 0.1,
        "curve": [3] + [0] * 9,
    }
    columns = {
        "sample_id": ids,
        "problem_id": [problems[place].problem_id for place, _ in pairs],
        "index": [index for _, index in pairs],
        "reasoning": [text[start : start + length] for start, length in zip(starts, lengths, strict=True)],
        "response": [f"The answer is \\boxed{{{problems[place].answer}}}." for place, _ in pairs],
        "completion_tokens": tokens,
        "tokens": tokens,
        "outcome": ["correct" if right else "wrong" for right in correct],
        "kept": correct,
        "reason": [None if right else "outcome is wrong" for right in correct],
        "splits": [["all"] if right else [] for right in correct],
        "behaviours": [[behaviour]] * len(pairs),
    }
    same = {
        "delimiter": "think", "finish_reason": "stop", "prompt_tokens": 40, "teacher": "scripted:mixed", "teacher_fingerprint": "f" * 20,
        "parameters": "{}", "prompt_hash": "p" * 20, "verifier": "number/1", "decided_by": "exact", "tokens_estimated": False,
        "reasoning_share": 0.9,
    }  # fmt: skip
    for stage, record in STAGES.items():
        frame = pl.DataFrame({name: columns[name] for name in record.model_fields if name in columns})
        rest = [pl.lit(same.get(name)).alias(name) for name in record.model_fields if name not in columns]
        schema = record.polars_schema()
        run.write(stage, number, frame.with_columns(rest).select([pl.col(name).cast(kind) for name, kind in schema.items()]), ids[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, action="append")
    parser.add_argument("--scattered", action="store_true", help="every problem's samples in all shards")
    asked = parser.parse_args()
    order = "scattered" if asked.scattered else "in order"
    for samples in asked.samples or [50_000, 200_000]:
        folder = Path(tempfile.mkdtemp(prefix="cotkit-hub-"))
        try:
            run = make_run(folder / "run", samples, asked.scattered)
            size = run.scan("samples").select(pl.col("reasoning").str.len_bytes().cast(pl.Int64).sum()).collect().item() / 1e9
            for title in ("built", "again"):
                said = subprocess.run(
                    [sys.executable, "-c", CHILD, str(run.path), str(samples)], capture_output=True, text=True, check=True
                )
                print(f"{samples:,} samples {order}, {size:.2f} GB, {title}: {said.stdout.strip()}", flush=True)
        finally:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
