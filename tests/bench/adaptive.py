"""Adaptive best-of-N against a fixed N: tokens per kept correct sample at equal coverage.

    python tests/bench/adaptive.py [TRACES.parquet] [--n 32] [--live 24]

Kept are at most K correct samples of a problem, in both modes. Covered is a problem with K correct samples; as both modes are
given the same responses, index by index, the adaptive one covers what N samples cover, unless it gives a problem up.

Three kinds of problem sets. Traces (columns problem, gold, raw, kind, source, source_correct): the sources with ten or more
responses to a problem; each problem's draws are its own responses, with replacement; right is what the source says
(source_correct), or our verifier where it says nothing; a token is four characters. Simulated: published pass rates (`PUBLISHED`),
lognormal lengths of log-deviation 0.6, half of its variance between problems, wrong ones 1.3 times as long. With --live: the
embedded teacher on the demo's problems, drawn twice; an aborted request counts as a whole response of mean length there, an upper bound.

The engine: `--concurrency` slots of one token per unit of time (`pipelines/planning/replay.py`); tokens of aborted requests, up to
the moment of the abort, are counted. The allocation is the sampler's own.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from cotkit.pipelines.delimiters import split_reasoning
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.pipelines.planning.replay import Replayed, Response, replay
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import SampleConfig, VerifyConfig

KEEP = (1, 2, 4, 8)
GIVE_UP = {"give_up": 0.1, "useful_pass_rate": 0.1}
"""A problem that is never solved is given up after 21 samples."""
RESPONSES = 10
"""A source is replayed when it has so many responses to a problem."""
PUBLISHED = {
    "QwQ-32B-Preview on MATH train": (0.594, 0.406),
    "Qwen2.5-Math-72B on MATH train": (0.80, 0.20),
    "action prompting on MATH train": (0.72, 0.28),
    "O1-Journey students on MATH-500": (0.834, 0.208),
    "O1-Journey student on AIME 2024": (0.10, 0.58),
}
"""Beta distributions of pass rates. The first three: mean = share of samples kept in the sets released with arXiv 2502.03373 (rows /
7,500 N), a + b = 1 as fits the fourth: maximum likelihood on the 12 labelled responses to each of 500 problems. The fifth has the
mean of the 30 problems with 10 responses each, and a + b such that 22 of 30 are never solved in 10."""


class Bank(NamedTuple):
    """A problem set with its responses: arrays of problems × draws."""

    name: str
    correct: np.ndarray
    tokens: np.ndarray

    def response(self, draw: tuple[int, int]) -> Response:
        return Response(int(self.tokens[draw]), bool(self.correct[draw]))


class Tally(NamedTuple):
    """What a mode spent and kept."""

    tokens: float
    aborted: float
    kept: int
    covered: int
    time: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", nargs="?")
    parser.add_argument("--n", type=int, default=32)
    parser.add_argument("--concurrency", type=int, default=64)
    parser.add_argument("--problems", type=int, default=1000, help="problems of a simulated set")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--live", type=int, metavar="PROBLEMS", help="draw from the embedded teacher instead, K = 2")
    asked = parser.parse_args()
    if asked.live:
        live(keep=2, n=asked.n, problems=asked.live)
        return
    rng = np.random.default_rng(asked.seed)
    banks = trace_banks(asked.traces, asked.n, rng) if asked.traces else []
    banks += [simulated(name, beta, asked, rng) for name, beta in PUBLISHED.items()]
    rows = [row for bank in banks for keep in KEEP for row in compared(bank, keep, asked)]
    with pl.Config(
        tbl_rows=200, tbl_cols=20, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, tbl_width_chars=200, fmt_str_lengths=60
    ):
        print(f"N = {asked.n}, {asked.concurrency} requests at once; tokens per kept correct sample, at most K kept of a problem")
        print(pl.DataFrame(rows))


def compared(bank: Bank, keep: int, asked: argparse.Namespace) -> list[dict[str, object]]:
    """Compare fixed N with the adaptive mode, with and without giving up."""
    shared = {"teacher": "scripted:mixed", "concurrency": asked.concurrency}
    fixed = tally(replay(SampleConfig(n=asked.n, **shared), len(bank.correct), bank.response), keep)
    rows = []
    for give_up in ({}, GIVE_UP):
        config = SampleConfig(until_correct=keep, max_samples=asked.n, **give_up, **shared)
        adaptive = tally(replay(config, len(bank.correct), bank.response), keep)
        rows.append(
            {
                "problem set": f"{bank.name} ({len(bank.correct)})",
                "K": keep,
                "give up": "yes" if give_up else "",
                "fixed N": round(fixed.tokens / max(fixed.kept, 1)),
                "adaptive": round(adaptive.tokens / max(adaptive.kept, 1)),
                "ratio": round(adaptive.tokens / max(adaptive.kept, 1) / (fixed.tokens / max(fixed.kept, 1)), 3),
                "covered": f"{adaptive.covered}/{fixed.covered}",
                "kept": f"{adaptive.kept}/{fixed.kept}",
                "aborted": f"{adaptive.aborted / adaptive.tokens:.1%}",
                "time": round(adaptive.time / fixed.time, 3),
            }
        )
    return rows


def tally(replayed: Replayed, keep: int) -> Tally:
    correct: dict[int, int] = {}
    for spent in replayed.spent:
        if not spent.aborted and spent.response.correct:
            correct[spent.draw.place] = correct.get(spent.draw.place, 0) + 1
    aborted = sum(spent.tokens for spent in replayed.spent if spent.aborted)
    kept = sum(min(count, keep) for count in correct.values())
    covered = sum(count >= keep for count in correct.values())
    return Tally(sum(spent.tokens for spent in replayed.spent), aborted, kept, covered, replayed.time)


def simulated(name: str, beta: tuple[float, float], asked: argparse.Namespace, rng: np.random.Generator) -> Bank:
    rates, shape = rng.beta(*beta, asked.problems), (asked.problems, asked.n)
    correct = rng.random(shape) < rates[:, None]
    spread = 0.6 / np.sqrt(2)
    log_tokens = np.log(3000) + spread * (rng.standard_normal((asked.problems, 1)) + rng.standard_normal(shape))
    tokens = np.clip(np.exp(log_tokens) * np.where(correct, 1.0, 1.3), 1, 8192)
    return Bank(f"{name}, Beta{beta}", correct, tokens.astype(int))


def trace_banks(path: str, n: int, rng: np.random.Generator) -> list[Bank]:
    rows = pl.read_parquet(path).filter(pl.col("gold") != "")
    name = pl.col("source").str.replace(r".*jl\.results\.Math500\..*", "MATH-500, 12 students").str.replace(r".*results\.", "")
    rows = rows.with_columns(name.alias("set"))
    often = pl.len().over("set", "problem") >= RESPONSES
    rows = judged(rows.filter(often))
    return [_bank(str(key[0]), group, n, rng) for key, group in rows.group_by("set", maintain_order=True)]


def judged(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `right`: what the source says, or our verifier where it says nothing."""
    kinds = {"mcq": "choice"}
    unlabelled = rows.filter(pl.col("source_correct").is_null())
    with VerifierPool(VerifyConfig()) as pool:
        futures = [
            pool.submit(
                split_reasoning(row["raw"]).response,
                Problem.make(row["problem"], row["gold"], kinds.get(row["kind"], row["kind"])),
                "unknown",
            )
            for row in unlabelled.iter_rows(named=True)
        ]
        ours = [future.result().outcome == "correct" for future in futures]
    found = unlabelled.select("id").with_columns(pl.Series("ours", ours, pl.Boolean))
    return rows.join(found, on="id", how="left", maintain_order="left").with_columns(pl.coalesce("source_correct", "ours").alias("right"))


def _bank(name: str, rows: pl.DataFrame, n: int, rng: np.random.Generator) -> Bank:
    correct, tokens = [], []
    for _, group in rows.group_by("problem", maintain_order=True):
        picked = group[rng.integers(group.height, size=n).tolist()]
        correct.append(picked["right"].to_numpy())
        tokens.append(np.maximum(picked["raw"].str.len_chars().to_numpy() // 4, 1))
    return Bank(name, np.stack(correct), np.stack(tokens))


def live(keep: int, n: int, problems: int) -> None:
    """Draw the demo's problems from the embedded teacher, n of each and then adaptively."""
    from cotkit.cli.settings import find_recipe
    from cotkit.pipelines.whole_run import take_problems

    recipe = find_recipe("demo")
    taken = take_problems(recipe.problems.model_copy(update={"limit": problems}))[0]
    modes = {"fixed": {"n": n}, "adaptive": {"n": n, "until_correct": keep, "max_samples": n}}
    print(f"embedded teacher, {problems} of the demo's problems, N = {n}, K = {keep}")
    per_kept = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, changes in modes.items():
            settings = recipe.model_copy(update={"sample": recipe.sample.model_copy(update=changes)})
            run = RunFolder.create(Path(folder) / name, settings, taken)
            per_kept[name] = _drawn_live(run, name, keep)
    print(f"ratio {per_kept['adaptive'] / per_kept['fixed']:.3f}")


def _drawn_live(run: RunFolder, name: str, keep: int) -> float:
    from cotkit.pipelines.sampling.scheduler import sample_run

    started = time.monotonic()
    progress = sample_run(run)
    took = time.monotonic() - started
    rows = run.scan("samples").join(run.scan("verdicts").select("sample_id", "outcome"), on="sample_id").collect()
    correct = rows.group_by("problem_id").agg((pl.col("outcome") == "correct").sum().alias("correct"))["correct"]
    kept = int(correct.clip(upper_bound=keep).sum())
    aborted = progress.aborted * progress.tokens / max(rows.height, 1)
    print(
        f"{name}: {rows.height} samples, {progress.tokens} tokens and {progress.aborted} aborted requests (at most {aborted:.0f} tokens), "
        f"{kept} kept, {(correct >= keep).sum()} problems covered, {took:.0f} s"
    )
    return (progress.tokens + aborted) / max(kept, 1)


if __name__ == "__main__":
    main()
