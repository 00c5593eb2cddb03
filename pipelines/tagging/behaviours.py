"""Counts per behaviour: what the matches of a lexicon come to in each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lexicon import Lexicon, find_matches

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

BINS = 10
"""Parts of the position curve."""

DIGITS = 6
"""Shares and densities are rounded: polars divides a single row by way of the reciprocal, so the last bit would depend on how
many rows a shard has."""


def behaviour_counts(sizes: pl.DataFrame, folded: pl.Series, lexicons: list[Lexicon]) -> pl.DataFrame:
    """Give `row` and the fields of BehaviourCount for each behaviour that occurs, sorted by row, lexicon and behaviour.

    `sizes` has the columns row, tokens and bytes of each text, `folded` the texts themselves.
    """
    import polars as pl

    schema = {"place": pl.Int64, "lexicon": pl.String, "behaviour": pl.String, "count": pl.Int64, "first": pl.Int64}
    counts = [pl.DataFrame(schema=schema | {"curve": pl.List(pl.Int64)})]
    size = sizes["bytes"].to_numpy()
    counts += [_counts(folded, size, lexicon) for lexicon in sorted(lexicons, key=lambda lexicon: lexicon.name)]
    texts = sizes.with_row_index("place").select(pl.col("place").cast(pl.Int64), "row", "tokens", "bytes")
    return (
        pl.concat(counts)
        .sort("place", maintain_order=True)
        .join(texts, on="place", maintain_order="left")
        .select(
            "row",
            "lexicon",
            "behaviour",
            "count",
            (1000 * pl.col("count") / pl.col("tokens")).round(DIGITS).alias("per_1000_tokens"),
            (pl.col("first") / pl.col("bytes")).round(DIGITS).alias("first_position"),
            "curve",
        )
    )


def _counts(folded: pl.Series, size: np.ndarray, lexicon: Lexicon) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    matches = find_matches(folded, lexicon)
    names = sorted(behaviour.name for behaviour in lexicon.behaviours)
    counts_for = lexicon.attribute(matches.distinct)
    cells, starts = [], []
    for number, name in enumerate(names):
        own = counts_for.filter(pl.col("behaviour") == name)["match"]
        chosen = matches.distinct.is_in(own.implode()).to_numpy().astype(bool)[matches.code]
        cells.append(matches.text[chosen] * len(names) + number)
        starts.append(matches.start[chosen])
    cell, start = np.concatenate(cells), np.concatenate(starts)
    tenth = np.minimum(start * BINS // np.maximum(size[cell // len(names)], 1), BINS - 1)
    curves = np.bincount(cell * BINS + tenth, minlength=len(size) * len(names) * BINS).reshape(-1, BINS)
    first = np.full(len(curves), np.iinfo(np.int64).max)
    np.minimum.at(first, cell, start)
    count = curves.sum(axis=1)
    there = np.flatnonzero(count)
    return pl.DataFrame(
        {
            "place": there // len(names),
            "lexicon": pl.Series([lexicon.name], dtype=pl.String).new_from_index(0, len(there)),
            "behaviour": pl.Series(names, dtype=pl.String).gather(there % len(names)),
            "count": count[there],
            "first": first[there],
            "curve": pl.Series(curves[there], dtype=pl.Array(pl.Int64, BINS)).cast(pl.List(pl.Int64)),
        }
    )
