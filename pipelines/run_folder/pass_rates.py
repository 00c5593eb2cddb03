"""Pass rates: how often a problem's samples are right. Shared by curation, the RL export and the report.

A pass rate is correct / judged. Judged are the samples on which a verdict says something of the answer: correct, wrong,
ambiguous, no_answer, unreadable_answer, truncated. Samples that could not be judged (timeout, out_of_memory, crashed,
unreadable_gold, or no verdict yet) are in neither number. All samples of a problem count, whichever teacher and settings drew them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...schemas.verdict import Outcome
from .folder import RunFolder

if TYPE_CHECKING:
    import polars as pl

JUDGED: tuple[Outcome, ...] = ("correct", "wrong", "ambiguous", "no_answer", "unreadable_answer", "truncated")


def pass_rates(run: RunFolder) -> pl.DataFrame:
    """Give problem_id, samples, judged, correct and pass_rate of every problem of a run, in the problems' order.

    The pass rate is null where no sample was judged. Only ids and outcomes are read. Raises CotkitError when a shard has no
    verdicts.
    """
    import polars as pl

    outcomes = run.scan("verdicts").select("sample_id", "outcome")
    rows = run.scan("samples").select("sample_id", "problem_id").join(outcomes, on="sample_id", how="left").collect()
    found = run.problems().select("problem_id").join(pass_rates_of(rows), on="problem_id", how="left", maintain_order="left")
    return found.with_columns(pl.col("samples", "judged", "correct").fill_null(0))


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
