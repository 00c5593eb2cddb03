"""The tag step: how each sample reasons. Behaviours of the lexicons, repetition, writing systems.

Counting is one pass per lexicon over a batch of texts, in polars: one ASCII-bounded alternation of all patterns
(`Lexicon.expression`), whose matches are then attributed to behaviours by their distinct texts. Matches are leftmost first and
do not overlap within a lexicon: "let me double-check" is one match although two patterns fit. Lexicons do not see one another,
and a lexicon's `also` counts a match for a second behaviour too.

Not covered: letter case outside ASCII (patterns match `wait` and `WAIT`, not `É` for `é`), and what the words mean.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from ..schemas.errors import CotkitError
from ..schemas.recipe import TagConfig
from ..schemas.record import content_hash
from ..schemas.tags import Tags
from .execute.stages import WHOLE, Computed, Part, Progress, StageTask, run_stage
from .lexicon import Lexicon, load_lexicon
from .run_folder import RunFolder

if TYPE_CHECKING:
    import polars as pl

VERSION = 1
"""Raised when the step's output changes: every run is then tagged again."""

BATCH_BYTES = 32 * 2**20
"""Text that is held a second time, cut into pieces, at any moment; a longer text is a batch of its own."""

DIGITS = 6
"""Shares and densities are rounded: polars divides a single row by way of the reciprocal, so the last bit would depend on how
many rows a shard has."""

# fmt: off
SCRIPTS = (
    "Latin", "Han", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Bengali", "Thai", "Hiragana", "Katakana", "Hangul", "Tamil",
    "Telugu", "Kannada", "Malayalam", "Gujarati", "Gurmukhi", "Oriya", "Sinhala", "Lao", "Khmer", "Myanmar", "Tibetan", "Georgian",
    "Armenian", "Ethiopic", "Mongolian",
)
# fmt: on
"""Scripts that are told apart; letters of any other count as `Other`."""

_BYTES = bytes(range(256))
_LETTERS = bytes(byte for byte in range(128) if chr(byte).isalpha())
_NOT_LETTERS = bytes(set(_BYTES) - set(_LETTERS))
_ASCII = bytes(range(128))


def tag(samples: pl.DataFrame, config: TagConfig) -> pl.DataFrame:
    """Tag samples: columns of `Tags`, same rows, same order.

    Raises CotkitError when a lexicon is missing or wrong.
    """
    return _tag(samples, load_lexicons(config))


def tag_run(
    run: RunFolder, config: TagConfig, part: Part = WHOLE, workers: int | None = None, progress: Progress | None = None
) -> Computed:
    """Tag the shards of a run whose tags are stale; raises CotkitError when a lexicon is missing or wrong."""
    lexicons = load_lexicons(config)
    settings = content_hash(VERSION, [lexicon.fingerprint() for lexicon in lexicons])
    # the lexicons travel with the step: a worker that read the files again could see another content than the fingerprint's
    task = StageTask("tags", partial(_tag, lexicons=lexicons), settings, ("samples",))
    return run_stage(run, task, part, workers, progress)


def load_lexicons(config: TagConfig) -> list[Lexicon]:
    """Read the lexicons of a config; raises CotkitError when two have one name."""
    lexicons = [load_lexicon(name) for name in config.lexicons]
    for lexicon, origin in zip(lexicons, config.lexicons, strict=True):
        if sum(other.name == lexicon.name for other in lexicons) > 1:
            raise CotkitError(f"{origin}: two lexicons are named {lexicon.name!r}", "rename one: its counts are kept under its name")
    return lexicons


def _tag(samples: pl.DataFrame, lexicons: list[Lexicon]) -> pl.DataFrame:
    import polars as pl

    schema = Tags.polars_schema()
    columns = ["row", "sample_id", "reasoning", "response", "completion_tokens"]
    scanned = [_scan(batch, lexicons) for batch in _batches(samples.with_row_index("row").select(columns))]
    if not scanned:
        return pl.DataFrame(schema=schema)
    sizes, scripts, matches = (pl.concat(frames) for frames in zip(*scanned, strict=True))
    tags = sizes
    for name, entries in (("behaviours", _behaviours(matches, sizes, lexicons)), ("scripts", scripts)):
        fields = pl.struct(pl.exclude("row")).alias(name)
        lists = entries.group_by("row", maintain_order=True).agg(fields).with_columns(pl.col(name).cast(schema[name]))
        empty = pl.lit(pl.Series([[]], dtype=schema[name]))
        tags = tags.join(lists, on="row", how="left", maintain_order="left").with_columns(pl.coalesce(name, empty).alias(name))
    return tags.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _batches(samples: pl.DataFrame) -> Iterator[pl.DataFrame]:
    import polars as pl

    size = pl.col("reasoning").str.len_bytes().fill_null(0).cast(pl.Int64) + pl.col("response").str.len_bytes()
    start = 0
    for length in samples.select((size.cum_sum() // BATCH_BYTES).rle().struct.field("len")).to_series():
        yield samples.slice(start, length)
        start += length


def _scan(batch: pl.DataFrame, lexicons: list[Lexicon]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Read the texts of a batch; give three small frames, each with the column `row`: sizes, letters per script, matches."""
    import polars as pl

    text = pl.concat_str("reasoning", "response", separator="\n", ignore_nulls=True).alias("text")
    texts = batch.with_columns(text).with_columns(pl.col("text").str.len_bytes().cast(pl.Int64).alias("bytes"))
    # an engine that reports 0 tokens for a text has not counted
    counted = (pl.col("completion_tokens") > 0) | ((pl.col("completion_tokens") == 0) & (pl.col("bytes") == 0))
    estimated = ~counted.fill_null(False)
    share = pl.col("reasoning").str.len_bytes().fill_null(0) / pl.col("bytes").clip(lower_bound=1)
    ratios, letters = _scan_bytes(texts["text"])
    sizes = texts.select(
        "row",
        "sample_id",
        "bytes",
        pl.when(estimated).then((pl.col("bytes") + 3) // 4).otherwise("completion_tokens").alias("tokens"),
        estimated.alias("tokens_estimated"),
        share.round(DIGITS).alias("reasoning_share"),
        pl.Series("compression_ratio", ratios, pl.Float64),
    )
    matches = [_matches(texts.select("row", "text"), lexicon) for lexicon in lexicons]
    return sizes, _scripts(batch["row"], letters), pl.concat([_no_matches(), *matches])


def _matches(texts: pl.DataFrame, lexicon: Lexicon) -> pl.DataFrame:
    """Count the distinct matched texts of each row; `first` is the byte at which the first such match starts."""
    import polars as pl

    expression = lexicon.expression()
    # the pieces between the matches: their lengths say where each match starts, which extract_all does not
    gaps = pl.col("text").str.split(expression, literal=False).list.eval(pl.element().str.len_bytes().cast(pl.Int64))
    length = pl.col("match").str.len_bytes()
    return (
        texts.with_columns(pl.col("text").str.extract_all(expression).alias("match"))
        .filter(pl.col("match").list.len() > 0)
        .select("row", "match", gaps.alias("gap"))
        .with_columns(pl.col("gap").list.head(pl.col("match").list.len()))
        .explode("match", "gap", empty_as_null=False)
        .with_columns(((pl.col("gap") + length).cum_sum().over("row") - length).alias("first"))
        .group_by("row", "match")
        .agg(pl.len().cast(pl.Int64).alias("count"), pl.col("first").min())
        .select(pl.lit(lexicon.name).alias("lexicon"), "row", "match", "count", "first")
    )


def _no_matches() -> pl.DataFrame:
    import polars as pl

    return pl.DataFrame(schema={"lexicon": pl.String, "row": pl.UInt32, "match": pl.String, "count": pl.Int64, "first": pl.Int64})


def _behaviours(matches: pl.DataFrame, sizes: pl.DataFrame, lexicons: list[Lexicon]) -> pl.DataFrame:
    """Give `row` and the fields of BehaviourCount for each behaviour that occurs, sorted by row, lexicon and behaviour."""
    import polars as pl

    found = [_no_matches().with_columns(pl.lit(None, pl.String).alias("behaviour"))]
    for lexicon in lexicons:
        own = matches.filter(pl.col("lexicon") == lexicon.name)
        found.append(own.join(lexicon.attribute(own["match"]).drop("pattern"), on="match"))
    return (
        pl.concat(found)
        .group_by("row", "lexicon", "behaviour")
        .agg(pl.col("count").sum(), pl.col("first").min())
        .join(sizes.select("row", "tokens", "bytes"), on="row")
        .sort("row", "lexicon", "behaviour")
        .select(
            "row",
            "lexicon",
            "behaviour",
            "count",
            (1000 * pl.col("count") / pl.col("tokens")).round(DIGITS).alias("per_1000_tokens"),
            (pl.col("first") / pl.col("bytes")).round(DIGITS).alias("first_position"),
        )
    )


def _scan_bytes(texts: pl.Series) -> tuple[list[float], list[tuple[int, Counter[str]]]]:
    """Give, per text, its compression ratio, and its letters: the number of ASCII ones and a count of each other character.

    ASCII letters are counted by deleting all other bytes; only what is not ASCII is looked at character by character.
    """
    import polars as pl

    ratios, letters = [], []
    for data in texts.cast(pl.Binary):
        ratios.append(len(zlib.compress(data, 1)) / len(data) if data else 1.0)
        others = Counter() if data.isascii() else Counter(data.translate(None, _ASCII).decode("utf-8"))
        letters.append((len(data.translate(None, _NOT_LETTERS)), others))
    return ratios, letters


def _scripts(rows: pl.Series, letters: list[tuple[int, Counter[str]]]) -> pl.DataFrame:
    """Give `row` and the fields of ScriptCount for each script that occurs, most frequent first within a row."""
    import polars as pl

    script_of = _script_of({character for _, others in letters for character in others})
    found: list[tuple[int, str, int]] = []
    for row, (latin, others) in zip(rows, letters, strict=True):
        found += [(row, "Latin", latin)] if latin else []
        found += [(row, script_of[character], count) for character, count in others.items() if character in script_of]
    frame = pl.DataFrame(found, schema={"row": rows.dtype, "script": pl.String, "characters": pl.Int64}, orient="row")
    counts = frame.group_by("row", "script").agg(pl.col("characters").sum())
    return counts.sort("row", "characters", "script", descending=[False, True, False])


def _script_of(characters: set[str]) -> dict[str, str]:
    """Give the script of each letter: one of SCRIPTS, or `Other`; what is no letter, or belongs to no script, is left out."""
    import polars as pl

    letters = pl.Series("character", sorted(characters), pl.String)
    letters = letters.filter(letters.str.contains(r"[\p{L}--[\p{Common}\p{Inherited}]]"))
    rest, script_of = letters, dict.fromkeys(letters, "Other")
    for script in SCRIPTS:
        if rest.is_empty():
            break
        belongs = rest.str.contains(rf"\p{{{script}}}")
        script_of |= dict.fromkeys(rest.filter(belongs), script)
        rest = rest.filter(~belongs)
    return script_of
