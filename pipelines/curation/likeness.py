"""How alike the samples of a problem are, by their signatures: near doubles, and those least alike.

Signatures are the bulk of the keys (128 bytes per sample). They are fetched for some problems at a time, so that memory does not
grow with the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from ..run_folder import RunFolder
from ..similarity import most_diverse, near_duplicate_responses
from ..similarity.signatures import unpacked_column

if TYPE_CHECKING:
    import polars as pl

ROWS_AT_ONCE = 250_000
"""Samples whose signatures are held, in whole problems."""

Signatures = Callable[["pl.Series"], "pl.Series"]
"""Gives the signatures of the rows with these numbers."""


def stored_signatures(run: RunFolder, heights: dict[int, int]) -> Signatures:
    """Read signatures from a run's shards, of so many rows each, as they are asked for."""
    import numpy as np
    import polars as pl

    numbers, starts = list(heights), np.cumsum([0, *heights.values()])

    def fetch(rows: pl.Series) -> pl.Series:
        order = rows.arg_sort()
        ascending = rows.gather(order).to_numpy()
        cuts = np.searchsorted(ascending, starts)
        parts = [
            run.read("keys", number, ["signature"])["signature"].gather(ascending[low:high] - start)
            for number, low, high, start in zip(numbers, cuts[:-1], cuts[1:], starts[:-1], strict=True)
            if low < high
        ]
        return pl.concat([pl.Series("signature", [], pl.Binary), *parts]).gather(order.arg_sort())

    return fetch


def near_double(rows: pl.DataFrame, most: float, signatures: Signatures, at_once: int = ROWS_AT_ONCE) -> pl.DataFrame:
    """Give `row` and `near`, the reason, of the samples that are more alike to an earlier one of their problem than `most`.

    Reads row, problem_id and sample_id.
    """
    import polars as pl

    reason = pl.format("much like sample {} ({})", "duplicate_of", pl.col("similarity").round(2))
    found = [pl.DataFrame(schema={"row": rows.schema["row"], "near": pl.String})]
    for own in _with_signatures(rows, 1, signatures, at_once):
        near = near_duplicate_responses(own.select("problem_id", "sample_id", "signature"), most)
        named = near.select(pl.when(pl.col("duplicate_of").is_not_null()).then(reason).alias("near"))
        found.append(own.select("row").hstack(named).drop_nulls())
    return pl.concat(found)


def least_alike(rows: pl.DataFrame, count: int, signatures: Signatures, at_once: int = ROWS_AT_ONCE) -> pl.Series:
    """Give the numbers of so many rows of each problem: the first, then each time the one least like any taken.

    Reads row and problem_id.
    """
    import polars as pl

    few = pl.len().over("problem_id") <= count
    taken = [rows.filter(few)["row"]]
    for part in _with_signatures(rows, count, signatures, at_once):
        for (_,), own in part.group_by("problem_id", maintain_order=True):
            taken.append(own["row"].gather(most_diverse(unpacked_column(own["signature"]), count)))
    return pl.concat(taken)


def _with_signatures(rows: pl.DataFrame, above: int, signatures: Signatures, at_once: int) -> Iterator[pl.DataFrame]:
    """Give the rows of the problems that have more than `above`, with their signatures, some whole problems at a time."""
    import polars as pl

    sizes = rows.group_by("problem_id", maintain_order=True).len().filter(pl.col("len") > above)
    sizes = sizes.with_columns((pl.col("len").cum_sum() // at_once).alias("part"))
    for (_,), problems in sizes.group_by("part", maintain_order=True):
        own = rows.join(problems.select("problem_id"), on="problem_id", how="semi", maintain_order="left")
        yield own.with_columns(signatures(own["row"]).alias("signature"))
