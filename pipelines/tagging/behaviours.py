"""Counts per behaviour: what the matches of a lexicon come to in each sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..lexicon import Lexicon, Matches, find_matches

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Numbers = npt.NDArray[np.int64]

BINS = 10
"""Parts of the position curve."""

DIGITS = 6
"""Shares and densities are rounded: polars divides a single row by way of the reciprocal, so the last bit would depend on how
many rows a shard has."""


class _Counts(NamedTuple):
    """What one lexicon comes to: of each text and behaviour that occurs in it, sorted by both."""

    text: Numbers
    behaviour: Numbers
    """Its place in the alphabet of the lexicon's behaviours."""
    matches: Numbers
    first: Numbers
    """The byte at which the first match starts."""
    curve: Numbers
    """Shape (…, BINS)."""


def behaviour_counts(sizes: pl.DataFrame, texts: pl.Series, lexicons: list[Lexicon]) -> pl.DataFrame:
    """Give `row` and the fields of BehaviourCount for each behaviour that occurs, sorted by row, lexicon and behaviour.

    `sizes` has the columns row, tokens and bytes of each of the texts.
    """
    import numpy as np
    import polars as pl

    lexicons = sorted(lexicons, key=lambda lexicon: lexicon.name)
    size, names = sizes["bytes"].to_numpy(), [(lexicon.name, name) for lexicon in lexicons for name in _names(lexicon)]
    nothing = np.zeros(0, np.int64)
    counts, behaviours = [_Counts(nothing, nothing, nothing, nothing, nothing.reshape(0, BINS))], 0
    for lexicon, matches in zip(lexicons, find_matches(texts, lexicons), strict=True):
        own = _counts(matches, size, lexicon)
        counts.append(own._replace(behaviour=own.behaviour + behaviours))
        behaviours += len(_names(lexicon))
    order = np.argsort(np.concatenate([own.text for own in counts]), kind="stable")
    text, behaviour, matches, first, curve = (np.concatenate(parts)[order] for parts in zip(*counts, strict=True))
    columns = {"count": matches, "first": first, "tokens": sizes["tokens"].gather(text), "bytes": sizes["bytes"].gather(text)}
    return pl.DataFrame({"row": sizes["row"].gather(text), **columns}).select(
        "row",
        pl.Series("lexicon", [name for name, _ in names], pl.String).gather(behaviour),
        pl.Series("behaviour", [name for _, name in names], pl.String).gather(behaviour),
        "count",
        (1000 * pl.col("count") / pl.col("tokens")).round(DIGITS).alias("per_1000_tokens"),
        (pl.col("first") / pl.col("bytes")).round(DIGITS).alias("first_position"),
        pl.Series("curve", curve, dtype=pl.Array(pl.Int64, BINS)).cast(pl.List(pl.Int64)),
    )


def _names(lexicon: Lexicon) -> list[str]:
    return sorted(behaviour.name for behaviour in lexicon.behaviours)


def _counts(matches: Matches, size: np.ndarray, lexicon: Lexicon) -> _Counts:
    import numpy as np

    names = _names(lexicon)
    counted = [lexicon.counted_for(pattern) for pattern in range(len(lexicon.patterns()))]
    cells, starts = [], []
    for turn in range(max(map(len, counted))):
        number = np.array([names.index(own[turn]) if turn < len(own) else -1 for own in counted])[matches.pattern]
        chosen = slice(None) if (number >= 0).all() else number >= 0
        cells.append(matches.text[chosen] * len(names) + number[chosen])
        starts.append(matches.start[chosen])
    cell, start = np.concatenate(cells), np.concatenate(starts)
    tenth = np.minimum(start * BINS // np.maximum(size[cell // len(names)], 1), BINS - 1)
    count = np.bincount(cell, minlength=len(size) * len(names))
    there = np.flatnonzero(count)
    # cells in which nothing was found, most of them, are left out from here on
    place = np.zeros(len(count), np.int64)
    place[there] = np.arange(len(there))
    curve = np.bincount(place[cell] * BINS + tenth, minlength=len(there) * BINS).reshape(-1, BINS)
    first = np.full(len(there), np.iinfo(np.int64).max)
    np.minimum.at(first, place[cell], start)
    return _Counts(there // len(names), there % len(names), count[there], first, curve)
