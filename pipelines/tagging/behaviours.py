"""Counts per behaviour: what the matches of a lexicon come to in each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..lexicon import Lexicon, Matches, find_matches

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

BINS = 10
"""Parts of the position curve."""

DIGITS = 6
"""Shares and densities are rounded: polars divides a single row by way of the reciprocal, so the last bit would depend on how
many rows a shard has."""


def behaviour_counts(sizes: pl.DataFrame, texts: pl.Series, lexicons: list[Lexicon]) -> pl.DataFrame:
    """Give `row` and the fields of BehaviourCount for each behaviour that occurs, sorted by row, lexicon and behaviour.

    `sizes` has the columns row, tokens and bytes of each of the texts.
    """
    import polars as pl

    schema = {"place": pl.Int64, "lexicon": pl.String, "behaviour": pl.String, "count": pl.Int64, "first": pl.Int64}
    counts = [pl.DataFrame(schema=schema | {"curve": pl.List(pl.Int64)})]
    size, lexicons = sizes["bytes"].to_numpy(), sorted(lexicons, key=lambda lexicon: lexicon.name)
    counts += [_counts(matches, size, lexicon) for matches, lexicon in zip(find_matches(texts, lexicons), lexicons, strict=True)]
    texts_of = sizes.with_row_index("place").select(pl.col("place").cast(pl.Int64), "row", "tokens", "bytes")
    return (
        pl.concat(counts)
        .sort("place", maintain_order=True)
        .join(texts_of, on="place", maintain_order="left")
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


def _counts(matches: Matches, size: np.ndarray, lexicon: Lexicon) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    names = sorted(behaviour.name for behaviour in lexicon.behaviours)
    counted = [lexicon.counted_for(pattern) for pattern in range(len(lexicon.patterns()))]
    cells, starts = [], []
    for turn in range(max(map(len, counted))):
        number = np.array([names.index(own[turn]) if turn < len(own) else -1 for own in counted])[matches.pattern]
        chosen = slice(None) if (number >= 0).all() else number >= 0
        cells.append(matches.text[chosen] * len(names) + number[chosen])
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
