"""What the splits of a curated run hold: samples, problems and tokens of each."""

from __future__ import annotations

from typing import NamedTuple

from ..run_folder import RunFolder


class SplitTotal(NamedTuple):
    """One split."""

    name: str
    samples: int
    problems: int
    tokens: int
    """Generated tokens."""


def split_totals(run: RunFolder) -> list[SplitTotal]:
    """Add up the splits of a curated run, in the recipe's order; small columns are read, shard by shard."""
    import polars as pl

    parts = [pl.DataFrame(schema={"splits": pl.String, "problem_id": pl.String, "samples": pl.UInt32, "tokens": pl.Int64})]
    for number in run.shard_numbers():
        decisions, tags = run.read("decisions", number, ["splits"]), run.read("tags", number, ["tokens"])
        rows = run.read("samples", number, ["problem_id"]).hstack(decisions).hstack(tags)
        placed = rows.filter(pl.col("splits").list.len() > 0).explode("splits", empty_as_null=False)
        parts.append(placed.group_by("splits", "problem_id").agg(pl.len().alias("samples"), pl.col("tokens").sum()))
    found = pl.concat(parts).group_by("splits").agg(pl.col("samples").sum(), pl.col("problem_id").n_unique(), pl.col("tokens").sum())
    totals = {row[0]: SplitTotal(*row) for row in found.iter_rows()}
    return [totals.get(split.name, SplitTotal(split.name, 0, 0, 0)) for split in run.recipe.curate.splits]
