"""Selection: which of the samples that passed go into a split.

In this order: the length band, the first n draws, a number of problems per tenth of pass rates, a number of samples per problem
in the order that `prefer` names, a token budget. What is drawn by seed is a hash of the seed and the id: it depends on no
other sample, so that subsets are nested and shards may come in any order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ...schemas.recipe import CurateConfig, SplitConfig
from ...schemas.record import content_hash
from .likeness import Signatures, least_alike

if TYPE_CHECKING:
    import polars as pl

WANTED = {"diverse": ("signature",), "densest": ("behaviours", "densities"), "round_robin": ("teacher",)}
"""Keys that an order reads besides those that are always there."""
ROWS_AT_ONCE = 65_536


def wanted_by_splits(config: CurateConfig) -> set[str]:
    """Name the keys that the splits read."""
    return {key for split in config.splits if split.per_problem for key in WANTED.get(split.prefer, ())}


def in_band(split: SplitConfig) -> pl.Expr:
    """Say whether a sample has a length, and a number among its problem's, that a split takes."""
    import polars as pl

    tokens, index = pl.col("tokens"), pl.col("index")
    fits = tokens >= (split.min_tokens or 0)
    fits = fits if split.max_tokens is None else fits & (tokens <= split.max_tokens)
    return fits if split.first_n is None else fits & (index < split.first_n)


def select(passed: pl.LazyFrame, split: SplitConfig, signatures: Signatures) -> pl.Series:
    """Give the numbers (column `row`) of the rows that a split takes, of those that passed the filters.

    Reads problem_id, sample_id, index, tokens and pass_rate, and what `WANTED` says.
    """
    import polars as pl

    extra = WANTED[split.prefer] if split.per_problem and split.prefer in WANTED and split.prefer != "diverse" else ()
    rows = passed.filter(in_band(split)).select("row", "problem_id", "sample_id", "index", "tokens", "pass_rate", *extra).collect()
    if split.problems_per_tenth is not None:
        rows = rows.join(_balanced(rows, split), on="problem_id", how="semi")
    if split.per_problem is not None:
        if split.prefer == "diverse":
            taken = least_alike(rows.select("problem_id", "row", "index").sort("index", "row"), split.per_problem, signatures)
            rows = rows.filter(pl.col("row").is_in(taken.implode()))
        else:
            rows = _ordered(rows, split).filter(pl.int_range(pl.len()).over("problem_id") < split.per_problem)
    if split.token_budget is not None:
        drawn = rows.with_columns(_drawn("sample_id", split)).sort("drawn", "sample_id")
        rows = drawn.filter(pl.col("tokens").cum_sum() <= split.token_budget)
    return rows["row"]


def _balanced(rows: pl.DataFrame, split: SplitConfig) -> pl.DataFrame:
    """Choose as many problems of each tenth of pass rates, (0, 0.1], …, (0.9, 1]."""
    import polars as pl

    tenth = (pl.col("pass_rate") * 10 - 1e-9).ceil()  # an epsilon, for 0.7 * 10 is above 7 in some places
    problems = rows.select("problem_id", tenth.alias("tenth")).unique("problem_id").with_columns(_drawn("problem_id", split))
    ranked = problems.sort("drawn", "problem_id")
    return ranked.filter(pl.int_range(pl.len()).over("tenth") < split.problems_per_tenth).select("problem_id")


def _ordered(rows: pl.DataFrame, split: SplitConfig) -> pl.DataFrame:
    import polars as pl

    if split.prefer == "round_robin":
        turn = pl.int_range(pl.len()).over("problem_id", "teacher")
        return rows.sort("index", "row").with_columns(turn.alias("turn")).sort("turn", "teacher", "index", "row")
    if split.prefer == "random":
        return rows.with_columns(_drawn("sample_id", split)).sort("drawn", "index", "row")
    if split.prefer == "densest":
        return rows.with_columns(_density(split.behaviour or "").alias("density")).sort(-pl.col("density"), "index", "row")
    keys = {"longest": [-pl.col("tokens")], "shortest": [pl.col("tokens")]}.get(split.prefer, [])
    return rows.sort(*keys, "index", "row")


def _density(behaviour: str) -> pl.Expr:
    import polars as pl

    place = pl.col("behaviours").list.eval(pl.element() == behaviour).list.arg_max()
    return pl.when(pl.col("behaviours").list.contains(behaviour)).then(pl.col("densities").list.get(place, null_on_oob=True)).otherwise(0.0)


def _drawn(column: str, split: SplitConfig) -> pl.Expr:
    """Give each row a number by seed that depends on the column's value alone, on every machine and version of polars."""
    import polars as pl

    def numbers(values: pl.Series) -> pl.Series:
        parts = [[int(content_hash(split.seed, value, length=16), 16) for value in part] for part in _parts(values)]
        return pl.concat([pl.Series(part, dtype=pl.UInt64) for part in [[], *parts]])

    return pl.col(column).map_batches(numbers, return_dtype=pl.UInt64).alias("drawn")


def _parts(values: pl.Series) -> Iterator[pl.Series]:
    return (values.slice(start, ROWS_AT_ONCE) for start in range(0, len(values), ROWS_AT_ONCE))
