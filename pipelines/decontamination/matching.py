"""Problems against benchmarks: every pair that matches, how, and how closely."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, get_args

from ...schemas.recipe import Matcher
from ..similarity import canonical
from .entries import COLUMNS, entries_of, numbers_of, question_text, runs_of, whole_hashes

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

MATCHERS: tuple[Matcher, ...] = get_args(Matcher)
THRESHOLD = 0.5
SAME_NUMBERS = 0.4
"""Share of the threshold that is enough when both have the same numbers: problems made from one template differ in them, copies do not."""
FILTER_BITS = 22
ROWS_AT_ONCE = 8192


def contamination(
    problems: pl.DataFrame, benchmarks: Sequence[pl.DataFrame], matchers: Sequence[Matcher] = MATCHERS, threshold: float = THRESHOLD
) -> pl.DataFrame:
    """Find the problems that stand in benchmarks.

    `problems` has the columns problem_id and prompt, and may have options; `benchmarks` are entries (`read_benchmark`). Gives a row
    per pair that matches, in the order of the problems, then of the benchmarks: problem_id, benchmark, row (from 1), matcher (the
    first of exact, renumbered, ngram that holds), score (1, or for ngram the share of the shorter one's runs of 8 words that the
    other has: at least `threshold`, or 0.4 of it where both have the same numbers), prompt and question (null for hashes).
    """
    import polars as pl

    texts = problems["prompt"]
    if "options" in problems.columns:
        pairs = zip(problems["prompt"], problems["options"].to_list(), strict=True)
        texts = pl.Series([question_text(prompt or "", options) for prompt, options in pairs], dtype=pl.String)
    theirs = pl.concat([_nothing(), *benchmarks]).with_row_index("entry")
    grams = _Grams(theirs) if "ngram" in matchers else None
    found = [_nothing_found()]
    for start in range(0, len(texts), ROWS_AT_ONCE):
        same = canonical(texts.slice(start, ROWS_AT_ONCE))
        matches = _matches(same, theirs, grams, matchers, threshold)
        found += [pairs.select(_nothing_found().columns).with_columns(pl.col("row") + start) for pairs in matches]
    order = pl.col("matcher").replace_strict({name: place for place, name in enumerate(MATCHERS)}, return_dtype=pl.Int64)
    best = pl.concat(found).sort("row", "entry", order).unique(["row", "entry"], keep="first", maintain_order=True)
    named = best.join(theirs.select("entry", "benchmark", pl.col("row").alias("their_row"), "question"), on="entry", maintain_order="left")
    own = problems.select("problem_id", "prompt").with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))
    columns = ("problem_id", "benchmark", pl.col("their_row").alias("row"), "matcher", pl.col("score").round(3), "prompt", "question")
    return named.join(own, on="row", maintain_order="left").select(columns)


def _matches(
    same: pl.Series, theirs: pl.DataFrame, grams: _Grams | None, matchers: Sequence[Matcher], threshold: float
) -> Iterator[pl.DataFrame]:
    import polars as pl

    whole = {"exact", "renumbered"} & set(matchers)
    ours = whole_hashes(same).with_row_index("row").cast({"row": pl.Int64}) if whole else None
    if ours is not None and "exact" in whole:
        pairs = ours.select("row", "exact").join(theirs.select("entry", "exact"), on="exact")
        yield pairs.with_columns(pl.lit("exact").alias("matcher"), pl.lit(1.0).alias("score"))
    if ours is not None and "renumbered" in whole:
        pairs = ours.join(theirs.select("entry", "exact", "masked"), on="masked", suffix="_theirs")
        pairs = pairs.filter(pl.col("exact") != pl.col("exact_theirs"))
        yield pairs.with_columns(pl.lit("renumbered").alias("matcher"), pl.lit(1.0).alias("score"))
    if grams is not None:
        yield grams.matches(same, threshold).with_columns(pl.lit("ngram").alias("matcher"))


class _Grams:
    """The runs of words of all benchmarks, found by their hash."""

    def __init__(self, theirs: pl.DataFrame) -> None:
        import numpy as np
        import polars as pl

        self.sizes = theirs.select("entry", "runs", pl.col("numbers").alias("their_numbers"), theirs["grams"].list.len().alias("sampled"))
        self.table = theirs.select("entry", "grams").explode("grams", empty_as_null=False).rename({"grams": "gram"})
        # most runs are in no benchmark: one look at a table of bits that fits in cache tells
        self.there = np.zeros(1 << FILTER_BITS, bool)
        self.there[self._place(self.table["gram"].to_numpy())] = True

    @staticmethod
    def _place(grams: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        import numpy as np

        return (grams >> np.uint64(64 - FILTER_BITS)).astype(np.int64)

    def matches(self, same: pl.Series, threshold: float) -> pl.DataFrame:
        """Give the pairs of a canonical text and an entry whose share of common runs is at least the threshold."""
        import numpy as np
        import polars as pl

        runs, long_enough = runs_of(same)
        places = np.flatnonzero(self.there[self._place(runs.hashes)])
        rows = np.searchsorted(runs.bounds, places, side="right") - 1
        known = pl.DataFrame({"row": rows, "gram": runs.hashes[places]}).filter(pl.Series(long_enough[rows])).unique()
        shared = known.join(self.table, on="gram").group_by("row", "entry").len("shared")
        in_all = pl.col("shared") * pl.col("runs") / pl.col("sampled")
        own_runs = pl.Series(np.diff(runs.bounds)).gather(shared["row"])
        pairs = shared.with_columns(own_runs.alias("own_runs")).join(self.sizes, on="entry")
        score = (in_all / pl.min_horizontal("runs", "own_runs")).clip(0.0, 1.0).alias("score")
        pairs = pairs.with_columns(score).filter(pl.col("score") >= threshold * SAME_NUMBERS)
        same_numbers = numbers_of(same.gather(pairs["row"])) == pairs["their_numbers"]
        return pairs.filter((pl.col("score") >= threshold) | same_numbers.fill_null(False))


def _nothing() -> pl.DataFrame:
    import polars as pl

    return entries_of([]).select(pl.lit("").alias("benchmark"), pl.all()).select(COLUMNS)


def _nothing_found() -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(schema={"row": pl.Int64, "entry": pl.get_index_type(), "matcher": pl.String, "score": pl.Float64})
