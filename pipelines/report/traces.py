"""Traces: samples with their texts, as varied in outcome and decision as they come, the same ones every time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ...schemas.decision import reason_kind
from ...schemas.errors import CotkitError
from ...schemas.verdict import OUTCOMES
from ..run_folder import STAGES, RunFolder, Stage
from .facts import complete_stages, facts

if TYPE_CHECKING:
    import polars as pl

COLUMNS = ("sample_id", "problem_id", "outcome", "kept", "reason", "splits")


class Wanted(NamedTuple):
    """Which samples may be shown; no names, no limit."""

    outcomes: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    """Ids, or their beginnings; the other samples of their problems are shown beside them."""
    problems: tuple[str, ...] = ()


def example_traces(run: RunFolder, count: int) -> pl.DataFrame:
    """Choose up to `count` samples and read all that the run says of them, one row each; what is not there yet is null.

    One of each combination of outcome and kind of reason in turn: each outcome once before any outcome's second, correct ones first;
    within one combination, problems that are not shown yet first,
    then by id, which is a hash. Only the chosen rows' texts are read. Columns: those of Sample, Verdict and Tags, `kept`,
    `reason`, `splits`, and the problem's `prompt`, `gold`, `kind`, `source`, `subject` and `level`.
    """
    return _read(run, _varied(facts(run), count))


def viewer_traces(run: RunFolder, count: int, wanted: Wanted | None = None) -> pl.DataFrame:
    """Choose up to `count` samples for the viewer and read them: columns as `example_traces`, sorted by problem and outcome.

    All of them when there are no more. Else a quarter as varied as they come, then other samples of the same problems, one of
    each outcome in turn, so that right and wrong of one problem stand side by side. Raises CotkitError for an unknown id.
    """
    import polars as pl

    rows = _matching(run, wanted or Wanted())
    if rows.select(pl.len()).collect().item() > count:
        varied = _varied(rows, count)
        seeds = varied.head(max(1, count // 4))
        rank = seeds.select("problem_id").unique(maintain_order=True).with_row_index("rank")
        siblings = (
            rows.join(rank.lazy(), on="problem_id")
            .with_columns(pl.int_range(pl.len()).over("problem_id", "outcome", order_by="sample_id").alias("turn"))
            .sort("turn", "rank", "outcome", "sample_id")
            .select(COLUMNS)
            .head(count)
            .collect()
        )
        chosen = pl.concat([seeds, siblings, varied]).unique("sample_id", keep="first", maintain_order=True).head(count)
    else:
        chosen = rows.select(COLUMNS).collect()
    place = run.problems().select("problem_id").with_row_index("place")
    order = pl.col("outcome").cast(pl.Enum(OUTCOMES)).to_physical()
    placed = chosen.join(place, on="problem_id", how="left").sort("place", order, "sample_id", nulls_last=True)
    return _read(run, placed.select(COLUMNS))


def _matching(run: RunFolder, wanted: Wanted) -> pl.LazyFrame:
    import polars as pl

    rows = facts(run).select(COLUMNS)
    for column, starts in (("sample_id", wanted.samples), ("problem_id", wanted.problems)):
        if starts:
            begins = pl.any_horizontal(pl.col(column).str.starts_with(start) for start in starts)
            problems = rows.filter(begins).select("problem_id").unique().collect()
            if problems.is_empty():
                raise CotkitError(f"{run.path}: no {column[:-3]} {' or '.join(starts)}", "give an id, or enough of its start")
            rows = rows.filter(pl.col("problem_id").is_in(problems["problem_id"].implode()))
    if unknown := [name for name in wanted.outcomes if name not in OUTCOMES]:
        raise CotkitError(f"--outcome {unknown[0]}: unknown", f"one of {', '.join(OUTCOMES)}")
    return rows.filter(pl.col("outcome").is_in(wanted.outcomes)) if wanted.outcomes else rows


def _varied(rows: pl.LazyFrame, count: int) -> pl.DataFrame:
    """Give `COLUMNS` of up to `count` samples, in the order in which they are shown."""
    import polars as pl

    order = pl.col("outcome").cast(pl.Enum(OUTCOMES)).to_physical()
    # of each problem the sample with the lowest id, so that no problem fills a group
    one_each = (
        rows.with_columns(reason_kind().alias("reason_kind"))
        .group_by("outcome", "reason_kind", "problem_id")
        .agg(pl.col("sample_id", "kept", "reason", "splits").sort_by("sample_id").first())
        .sort("outcome", "reason_kind", "sample_id", nulls_last=True)
        .with_columns(pl.int_range(pl.len()).over("outcome", "reason_kind").alias("turn"))
        .filter(pl.col("turn") < count)
        # each outcome once before any outcome's second kind of reason
        .with_columns(pl.col("reason_kind").fill_null("").rank("dense").over("outcome").alias("kind"))
        .sort("turn", "kind", order, "sample_id", nulls_last=[False, False, True, False])
    )
    return one_each.head(count).select(COLUMNS).collect()


def _read(run: RunFolder, chosen: pl.DataFrame) -> pl.DataFrame:
    """Read all that the run says of the chosen samples, in their order."""
    import polars as pl

    about = ("kind", "source", "subject", "level")
    problems = run.problems().lazy().select("problem_id", "prompt", pl.col("answer").alias("gold"), *about)
    rows = chosen.drop("problem_id", "outcome").lazy()
    for stage in ("samples", "verdicts", "tags"):
        rows = rows.join(_scan(run, stage, chosen["sample_id"]), on="sample_id", how="left", maintain_order="left")
    return rows.join(problems, on="problem_id", how="left", maintain_order="left").collect()


def _scan(run: RunFolder, stage: Stage, sample_ids: pl.Series) -> pl.LazyFrame:
    import polars as pl

    if stage not in complete_stages(run):
        return pl.LazyFrame(schema=STAGES[stage].polars_schema())
    return run.scan(stage).filter(pl.col("sample_id").is_in(sample_ids.implode()))
