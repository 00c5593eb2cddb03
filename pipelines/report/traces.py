"""Example traces: a few samples with their texts, as varied in outcome and decision as they come, the same ones every time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...schemas.decision import reason_kind
from ...schemas.verdict import OUTCOMES
from ..run_folder import STAGES, RunFolder, Stage
from .facts import complete_stages, facts

if TYPE_CHECKING:
    import polars as pl


def example_traces(run: RunFolder, count: int) -> pl.DataFrame:
    """Choose up to `count` samples and read all that the run says of them, one row each; what is not there yet is null.

    One of each combination of outcome and kind of reason in turn: each outcome once before any outcome's second, correct ones first;
    within one combination, problems that are not shown yet first,
    then by id, which is a hash. Only the chosen rows' texts are read. Columns: those of Sample, Verdict and Tags, `kept`,
    `reason`, `splits`, and the problem's `prompt`, `gold` and `kind`.
    """
    import polars as pl

    chosen = _choose(run, count)
    problems = run.problems().lazy().select("problem_id", "prompt", pl.col("answer").alias("gold"), "kind")
    rows = chosen.drop("problem_id", "outcome").lazy()
    for stage in ("samples", "verdicts", "tags"):
        rows = rows.join(_scan(run, stage, chosen["sample_id"]), on="sample_id", how="left", maintain_order="left")
    return rows.join(problems, on="problem_id", how="left", maintain_order="left").collect()


def _choose(run: RunFolder, count: int) -> pl.DataFrame:
    """Give sample_id, problem_id, outcome, kept, reason and splits of the chosen samples, in the order in which they are shown."""
    import polars as pl

    order = pl.col("outcome").cast(pl.Enum(OUTCOMES)).to_physical()
    # of each problem the sample with the lowest id, so that no problem fills a group
    one_each = (
        facts(run)
        .with_columns(reason_kind().alias("reason_kind"))
        .group_by("outcome", "reason_kind", "problem_id")
        .agg(pl.col("sample_id", "kept", "reason", "splits").sort_by("sample_id").first())
        .sort("outcome", "reason_kind", "sample_id", nulls_last=True)
        .with_columns(pl.int_range(pl.len()).over("outcome", "reason_kind").alias("turn"))
        .filter(pl.col("turn") < count)
        # each outcome once before any outcome's second kind of reason
        .with_columns(pl.col("reason_kind").fill_null("").rank("dense").over("outcome").alias("kind"))
        .sort("turn", "kind", order, "sample_id", nulls_last=[False, False, True, False])
    )
    return one_each.head(count).select("sample_id", "problem_id", "outcome", "kept", "reason", "splits").collect()


def _scan(run: RunFolder, stage: Stage, sample_ids: pl.Series) -> pl.LazyFrame:
    import polars as pl

    if stage not in complete_stages(run):
        return pl.LazyFrame(schema=STAGES[stage].polars_schema())
    return run.scan(stage).filter(pl.col("sample_id").is_in(sample_ids.implode()))
