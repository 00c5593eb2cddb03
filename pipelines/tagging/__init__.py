"""The tag step: how each sample reasons. Behaviours of the lexicons, loops, writing systems, code.

The text of a sample is its reasoning, a line break, its response. Behaviours are counted in one search per lexicon over a batch
of texts (`..lexicon`): matches are leftmost first and do not overlap within a lexicon ("let me double-check" is one match
although two patterns fit). Lexicons do not see one another, and a lexicon's `also` counts a match for a second behaviour too.

Two rates follow from a count, and each has one name everywhere:
    count per 1,000 tokens    1000 * count / generated tokens: `per_1000_tokens`, and how long texts are compared with short ones
    share                     samples with at least one match / samples: the paper's keyword rate as `cotkit behaviors` reads it

Not covered: letter case outside ASCII (patterns match `wait` and `WAIT`, not `É` for `é`), and what the words mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from ...schemas.recipe import TagConfig
from ...schemas.record import content_hash
from ...schemas.tags import Tags
from ..execute.stages import WHOLE, Computed, Part, Progress, StageTask, run_stage
from ..lexicon import Lexicon, load_lexicons
from ..run_folder import RunFolder
from .behaviours import DIGITS, behaviour_counts
from .code import codes_of
from .repetition import compression_ratios, repeated_shares
from .scripts import SCRIPTS, scripts_of

if TYPE_CHECKING:
    import polars as pl

__all__ = ["BATCH_BYTES", "SCRIPTS", "VERSION", "load_lexicons", "tag", "tag_run"]

VERSION = 2
"""Raised when the step's output changes: every run is then tagged again."""

BATCH_BYTES = 32 * 2**20
"""Text that is held a second time, folded, at any moment; a longer text is a batch of its own."""

BATCH_ROWS = 2**14
"""Rows of a batch at most: the position curves of a batch are one table of rows by behaviours by bins."""


def tag(samples: pl.DataFrame, config: TagConfig) -> pl.DataFrame:
    """Tag samples: columns of `Tags`, same rows, same order.

    Raises CotkitError when a lexicon is missing or wrong.
    """
    return _tag(samples, load_lexicons(config.lexicons), config.measures)


def tag_run(
    run: RunFolder, config: TagConfig, part: Part = WHOLE, workers: int | None = None, progress: Progress | None = None
) -> Computed:
    """Tag the shards of a run whose tags are stale; raises CotkitError when a lexicon is missing or wrong."""
    lexicons = load_lexicons(config.lexicons)
    settings = content_hash(VERSION, [lexicon.fingerprint() for lexicon in lexicons], sorted(config.measures))
    # the lexicons travel with the step: a worker that read the files again could see another content than the fingerprint's
    step = partial(_tag, lexicons=lexicons, measures=config.measures)
    return run_stage(run, StageTask("tags", step, settings, ("samples",)), part, workers, progress)


def _tag(samples: pl.DataFrame, lexicons: list[Lexicon], measures: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    columns = ["row", "sample_id", "reasoning", "response", "completion_tokens"]
    batches = _batches(samples.with_row_index("row").select(columns))
    tagged = [_tag_batch(batch, lexicons, measures) for batch in batches]
    return pl.concat(tagged) if tagged else pl.DataFrame(schema=Tags.polars_schema())


def _batches(samples: pl.DataFrame) -> Iterator[pl.DataFrame]:
    import polars as pl

    size = pl.col("reasoning").str.len_bytes().fill_null(0).cast(pl.Int64) + pl.col("response").str.len_bytes()
    place = pl.struct(size.cum_sum() // BATCH_BYTES, pl.col("row") // BATCH_ROWS)
    start = 0
    for length in samples.select(place.rle().struct.field("len")).to_series():
        yield samples.slice(start, length)
        start += length


def _tag_batch(batch: pl.DataFrame, lexicons: list[Lexicon], measures: Sequence[str]) -> pl.DataFrame:
    import polars as pl

    text = pl.concat_str("reasoning", "response", separator="\n", ignore_nulls=True).alias("text")
    texts = batch.select(text).to_series()
    sizes = _sizes(batch.with_columns(texts.str.len_bytes().cast(pl.Int64).alias("bytes")))
    tags = _with_lists(sizes, "behaviours", behaviour_counts(sizes, texts, lexicons))
    measured: dict[str, Sequence[Any]] = {}
    if "compression" in measures:
        measured["compression_ratio"] = compression_ratios(texts.cast(pl.Binary))
    if "repetition" in measures:
        measured["repeated_share"] = [round(share, DIGITS) for share in repeated_shares(texts)]
    if "code" in measures:
        code = codes_of(texts)
        measured["code_blocks"], measured["python_blocks"] = [each.blocks for each in code], [each.python_blocks for each in code]
        measured["code_share"] = [round(each.size / max(size, 1), DIGITS) for each, size in zip(code, sizes["bytes"], strict=True)]
    if "scripts" in measures:
        scripts, measured["longest_foreign"] = scripts_of(batch["row"], texts)
        tags = _with_lists(tags, "scripts", scripts)
    schema = Tags.polars_schema()
    tags = tags.with_columns(pl.Series(name, values, schema[name]) for name, values in measured.items())
    missing = [pl.lit(None, schema[name]).alias(name) for name in schema if name not in tags.columns]
    return tags.with_columns(missing).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _sizes(texts: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    # an engine that reports 0 tokens for a text has not counted
    counted = (pl.col("completion_tokens") > 0) | ((pl.col("completion_tokens") == 0) & (pl.col("bytes") == 0))
    estimated = ~counted.fill_null(False)
    share = pl.col("reasoning").str.len_bytes().fill_null(0) / pl.col("bytes").clip(lower_bound=1)
    return texts.select(
        "row",
        "sample_id",
        "bytes",
        pl.when(estimated).then((pl.col("bytes") + 3) // 4).otherwise("completion_tokens").alias("tokens"),
        estimated.alias("tokens_estimated"),
        share.round(DIGITS).alias("reasoning_share"),
    )


def _with_lists(tags: pl.DataFrame, name: str, entries: pl.DataFrame) -> pl.DataFrame:
    """Add a column of lists: the entries of each row, in their order; an empty list where there are none."""
    import polars as pl

    dtype = Tags.polars_schema()[name]
    lists = entries.group_by("row", maintain_order=True).agg(pl.struct(pl.exclude("row")).alias(name))
    joined = tags.join(lists.with_columns(pl.col(name).cast(dtype)), on="row", how="left", maintain_order="left")
    return joined.with_columns(pl.coalesce(name, pl.lit(pl.Series([[]], dtype=dtype))).alias(name))
