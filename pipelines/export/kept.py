"""The kept samples of a run as rows that can be shaped: the texts without outer blank lines, and the prompt that a student is given.

The SFT exports and the Hub's `default` read them here.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..prompts import student_messages
from ..run_folder import RunFolder
from .dataset import TOKENS, message_list

if TYPE_CHECKING:
    import polars as pl

OUTER_BLANK_LINES = r"\A(?:[^\S\n]*\n)+|(?:\r?\n[^\S\n]*)+\z"
ROWS_AT_ONCE = 1024
"""Samples in memory at once: of the longest, 32,000 tokens each, some 100 MB."""


def kept_counts(run: RunFolder) -> pl.DataFrame:
    """Count the kept samples: columns shard, split and rows, by shard; raises CotkitError when the run is not curated."""
    import polars as pl

    run.scan("decisions")  # an error when a shard has none
    empty = pl.LazyFrame(schema={"shard": pl.Int64, "split": pl.String, "rows": pl.Int64})
    counts = [
        pl.scan_parquet(run.shard_path("decisions", number))
        .filter("kept")
        .explode("splits", empty_as_null=False)
        .group_by(pl.col("splits").alias("split"))
        .agg(pl.len().cast(pl.Int64).alias("rows"))
        .select(pl.lit(number, pl.Int64).alias("shard"), "split", "rows")
        for number in run.shard_numbers()
    ]
    return pl.concat([empty, *counts]).collect()


def kept_rows(run: RunFolder, number: int, problems: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Read the kept samples of a shard, those of `ROWS_AT_ONCE` samples at a time, in their order.

    `problems` has problem_id, prompt and what else rows are to have of their problems; `prompt` becomes the turns that a student is
    given, without the recipe's shots. Reasoning that is blank is null.
    """
    import polars as pl

    decisions = run.read("decisions", number, ["sample_id", "kept", "splits"])
    small = {"verdicts": ["sample_id", "outcome", "verifier"], "tags": ["sample_id", pl.col("tokens").alias(TOKENS)]}
    sides = [pl.scan_parquet(run.shard_path(stage, number)).select(names).collect() for stage, names in small.items()]  # type: ignore[arg-type]
    columns = ["sample_id", "problem_id", "teacher", "reasoning", "response", "finish_reason"]
    samples = pl.scan_parquet(run.shard_path("samples", number)).select(columns)
    reasoning, response = (pl.col(name).str.replace_all(OUTER_BLANK_LINES, "") for name in ("reasoning", "response"))
    for start in range(0, decisions.height, ROWS_AT_ONCE):
        kept = decisions.slice(start, ROWS_AT_ONCE).filter("kept").drop("kept")
        if kept.height:
            rows = samples.slice(start, ROWS_AT_ONCE).collect().join(kept, on="sample_id", maintain_order="left")
            for side in (*sides, _asked(run, rows, problems)):
                on = "sample_id" if "sample_id" in side.columns else "problem_id"
                rows = rows.join(side, on=on, how="left", maintain_order="left")
            yield rows.with_columns(pl.when(reasoning.str.contains(r"\S")).then(reasoning).alias("reasoning"), response.alias("response"))


def _asked(run: RunFolder, rows: pl.DataFrame, problems: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    asked = problems.join(rows, on="problem_id", how="semi")
    prompts = [student_messages(prompt, run.recipe.sample) for prompt in asked["prompt"]]
    return asked.with_columns(pl.Series("prompt", prompts, message_list()))
