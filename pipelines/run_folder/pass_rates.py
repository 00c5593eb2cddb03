"""Pass rates: how often a problem's samples are right. Shared by curation, the RL export and the report.

A pass rate is correct / judged. Judged are the samples on which a verdict says something of the answer: correct, wrong,
ambiguous, no_answer, unreadable_answer, truncated. Samples that could not be judged (timeout, out_of_memory, crashed,
unreadable_gold, or no verdict yet) are in neither number. All samples of a problem count, whichever teacher and settings drew them,
but for those that were cut off and drawn again with a larger token budget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...schemas.verdict import Outcome
from .folder import RunFolder

if TYPE_CHECKING:
    import polars as pl

MAX_TOKENS = r'"max_tokens": (\d+)'
JUDGED: tuple[Outcome, ...] = ("correct", "wrong", "ambiguous", "no_answer", "unreadable_answer", "truncated")


def pass_rates(run: RunFolder) -> pl.DataFrame:
    """Give problem_id, samples, judged, correct and pass_rate of every problem of a run, in the problems' order.

    The pass rate is null where no sample was judged. Only ids and outcomes are read. Raises CotkitError when a shard has no
    verdicts.
    """
    import polars as pl

    outcomes = run.scan("verdicts").select("sample_id", "outcome")
    samples = run.scan("samples").select("sample_id", "problem_id", "finish_reason", draw().alias("draw"), budget().alias("budget"))
    rows = samples.filter(~superseded()).join(outcomes, on="sample_id", how="left").collect()
    found = run.problems().select("problem_id").join(pass_rates_of(rows), on="problem_id", how="left", maintain_order="left")
    return found.with_columns(pl.col("samples", "judged", "correct").fill_null(0))


def draw() -> pl.Expr:
    """Hash what a draw is but for its token budget: problem, prompt, teacher, other parameters, index."""
    import polars as pl

    others = pl.col("parameters").str.replace(MAX_TOKENS, "")
    return pl.struct("problem_id", "prompt_hash", "teacher_fingerprint", "index", others).hash()


def superseded() -> pl.Expr:
    """Say of the samples of a whole run which were cut off and then drawn again with a larger token budget.

    Works on the columns draw, budget and finish_reason.
    """
    import polars as pl

    return (pl.col("finish_reason") == "length") & (pl.col("budget") < pl.col("budget").max().over("draw"))


def budget() -> pl.Expr:
    """Give a sample's token budget, 0 where its parameters name none."""
    import polars as pl

    return pl.col("parameters").str.extract(MAX_TOKENS).cast(pl.Int64).fill_null(0)


def pass_rates_of(outcomes: pl.DataFrame) -> pl.DataFrame:
    """Give the pass rates of the problems in a frame with a row per sample: `problem_id` and `outcome`.

    In the order in which the problems first appear.
    """
    import polars as pl

    counts = outcomes.group_by("problem_id", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("samples"),
        pl.col("outcome").is_in(JUDGED).sum().cast(pl.Int64).alias("judged"),
        (pl.col("outcome") == "correct").sum().cast(pl.Int64).alias("correct"),
    )
    # not in polars: it divides a single row by way of the reciprocal, so that 3 of 10 is more than 0.3
    rates = [correct / judged if judged else None for judged, correct in counts.select("judged", "correct").iter_rows()]
    return counts.with_columns(pl.Series("pass_rate", rates, pl.Float64))
