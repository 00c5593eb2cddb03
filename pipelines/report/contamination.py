"""Contamination as the report shows it: which benchmarks, by which matcher, and matched pairs with their scores.

Read from what `curate` left beside its decisions (`RUN/contamination.parquet`); `cotkit contamination RUN` finds all pairs anew.
"""

from __future__ import annotations

from typing import Any, NamedTuple, get_args

from ...schemas.recipe import Matcher
from ..run_folder import RunFolder

SHOWN_PAIRS = 12
MATCHERS: tuple[Matcher, ...] = get_args(Matcher)


class Contamination(NamedTuple):
    """What decontamination found."""

    problems: int
    """Problems of the run that stand in a benchmark."""
    benchmarks: list[tuple[str, list[int], int]]
    """Per benchmark with a hit: its name, the problems found by each of `MATCHERS`, the problems in all."""
    pairs: list[dict[str, Any]]
    """Pairs, of each benchmark and matcher in turn the one with the highest score: problem_id, benchmark, row, matcher, score, prompt
    and question, null where only hashes ship."""


def contamination_found(run: RunFolder) -> Contamination | None:
    """Read what decontamination found; None when the run was curated without."""
    import polars as pl

    path = run.path / "contamination.parquet"
    if not path.exists():
        return None
    hits = pl.read_parquet(path)
    counts = hits.group_by("benchmark").agg(
        *(pl.col("problem_id").filter(pl.col("matcher") == matcher).n_unique().alias(matcher) for matcher in MATCHERS),
        pl.col("problem_id").n_unique().alias("all"),
    )
    rows = [(row[0], list(row[1:-1]), row[-1]) for row in counts.sort("all", "benchmark", descending=[True, False]).iter_rows()]
    best = hits.sort("score", "benchmark", "row", "problem_id", descending=[True, False, False, False])
    turn = pl.int_range(pl.len()).over("benchmark", "matcher").alias("turn")
    shown = best.with_columns(turn).sort("turn", maintain_order=True).head(SHOWN_PAIRS).drop("turn")
    return Contamination(hits["problem_id"].n_unique(), rows, shown.to_dicts())
