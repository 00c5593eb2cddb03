r"""Keys: the few small columns of a sample that decide on it. A column is read only when a rule or a split of the recipe asks for it.

What is in the texts is read once, shard by shard, on any number of processes and machines, and kept in `RUN/keys` (`Keys`): the rest
of curation, and the next one with other settings, holds and reads no text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, get_args

from ...schemas.errors import CotkitError
from ...schemas.keys import Keys
from ...schemas.recipe import CurateConfig
from ...schemas.record import content_hash
from ...schemas.sample import FinishReason
from ...schemas.verdict import OUTCOMES
from ..execute.stages import WHOLE, Computed, Part, Progress, StageTask, run_stage, shard_fingerprint
from ..run_folder import RunFolder, Stage
from ..run_folder.pass_rates import budget, draw
from ..similarity import signature_column

if TYPE_CHECKING:
    import polars as pl

VERSION = 1
"""Raised when what is read in the texts changes."""
BOX = r"\\boxed\s*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
"""A box with braces three deep; deeper ones are not counted."""
SECOND_REASONING = r"</?(?:think|thinking|thought|reasoning|reflection)>"
"""Marks of reasoning that have no place in a response."""
ALWAYS = ("sample_id", "problem_id", "index", "finish_reason", "draw", "budget", "outcome", "tokens", "compression_ratio")
OF_TEXTS = tuple(name for name in Keys.model_fields if name != "sample_id")
ROWS_AT_ONCE = 1024
SMALL_BYTES = 32 * 2**20
"""Samples on disk for which it does not pay to start processes."""
MEASURES = {"compression_ratio": "compression", "repeated_share": "repetition", "foreign_share": "scripts"}
"""Keys that are null where the tag step was told not to measure them."""


class Key(NamedTuple):
    """One column: the stage it is read from, and how."""

    stage: Stage
    expression: Callable[[], pl.Expr]


def key_shards(
    run: RunFolder, config: CurateConfig, part: Part = WHOLE, workers: int | None = None, progress: Progress | None = None
) -> Computed:
    """Read the texts of the shards whose keys are stale; keys with signatures also serve where none are asked for."""
    numbers, rich = part.of(run.shard_numbers()), _task(config.shingle_words)
    there = all(run.fingerprint("keys", number) == shard_fingerprint(run, rich, number) for number in numbers)
    diverse = any(split.prefer == "diverse" and split.per_problem for split in config.splits)
    signed = there or diverse or config.max_similarity is not None
    if workers is None and sum(run.shard_path("samples", number).stat().st_size for number in numbers) < SMALL_BYTES:
        workers = 1
    return run_stage(run, rich if signed else _task(None), part, workers, progress)


def _task(shingle_words: int | None) -> StageTask:
    return StageTask("keys", partial(text_keys, shingle_words=shingle_words), content_hash(VERSION, shingle_words), ("samples",))


def text_keys(samples: pl.DataFrame, shingle_words: int | None) -> pl.DataFrame:
    """Read the keys in the texts of samples: columns of `Keys`, same rows, same order; signatures of so many words, or none."""
    import polars as pl

    schema = Keys.polars_schema()
    parts = [_text_keys(part, shingle_words) for part in samples.select("sample_id", "reasoning", "response").iter_slices(ROWS_AT_ONCE)]
    typed = [part.select(pl.col(name).cast(dtype) for name, dtype in schema.items()) for part in parts]
    return pl.concat([pl.DataFrame(schema=schema), *typed])


def _text_keys(samples: pl.DataFrame, shingle_words: int | None) -> pl.DataFrame:
    import polars as pl

    text = pl.concat_str("reasoning", "response", separator="\n", ignore_nulls=True)
    signature = pl.lit(None) if shingle_words is None else signature_column(samples.select(text).to_series(), shingle_words)
    in_bytes = samples.select(pl.col("reasoning", "response").cast(pl.Binary))
    boxed = r"\boxed{"
    only_in_reasoning = pl.col("reasoning").str.contains(boxed, literal=True) & ~pl.col("response").str.contains(boxed, literal=True)
    boxes = pl.col("response").str.extract_all(BOX).list.eval(pl.element().str.replace_all(r"\s", "")).list.n_unique()
    return samples.select(
        "sample_id",
        pl.Series("text_hash", [_hash(*texts) for texts in in_bytes.iter_rows()], pl.Int64),
        (pl.col("reasoning").str.len_bytes() > 0).fill_null(False).alias("has_reasoning"),
        boxes.alias("boxes"),
        pl.col("response").str.contains(SECOND_REASONING).alias("doubled_reasoning"),
        only_in_reasoning.fill_null(False).alias("answered_in_reasoning"),
        signature.alias("signature"),
    )


def _hash(reasoning: bytes | None, response: bytes) -> int:
    digest = hashlib.blake2b(b"none" if reasoning is None else b"%d" % len(reasoning), digest_size=8)
    digest.update(reasoning or b"")
    digest.update(response)
    return int.from_bytes(digest.digest(), "little", signed=True)


def _column(name: str) -> Callable[[], pl.Expr]:
    def expression() -> pl.Expr:
        import polars as pl

        return pl.col(name)

    return expression


def _foreign_share() -> pl.Expr:
    import polars as pl

    letters = pl.col("scripts").list.eval(pl.element().struct.field("characters"))
    share = (1 - letters.list.max() / letters.list.sum()).fill_null(0.0).fill_nan(0.0)
    return pl.when(pl.col("scripts").is_not_null()).then(share)


def _behaviours() -> pl.Expr:
    import polars as pl

    entry = pl.element().struct
    return pl.col("behaviours").list.eval(pl.format("{}.{}", entry.field("lexicon"), entry.field("behaviour")))


def _densities() -> pl.Expr:
    import polars as pl

    return pl.col("behaviours").list.eval(pl.element().struct.field("per_1000_tokens"))


KEYS: dict[str, Key] = {
    **{name: Key("samples", _column(name)) for name in ("sample_id", "problem_id", "index", "finish_reason", "teacher")},
    "draw": Key("samples", draw),
    "budget": Key("samples", budget),
    **{name: Key("keys", _column(name)) for name in OF_TEXTS},
    "outcome": Key("verdicts", _column("outcome")),
    **{name: Key("tags", _column(name)) for name in ("tokens", "compression_ratio", "repeated_share")},
    "foreign_share": Key("tags", _foreign_share),
    "behaviours": Key("tags", _behaviours),
    "densities": Key("tags", _densities),
}


def read_keys(run: RunFolder, number: int, wanted: Iterable[str] = ()) -> pl.DataFrame:
    """Read the keys of one shard: those that are always read, and the wanted ones; those in texts by way of `key_shards`.

    Raises CotkitError when verdicts or tags are of other samples.
    """
    import polars as pl

    names = list(dict.fromkeys([*ALWAYS, *(name for name in wanted if name in KEYS)]))
    samples = _read(run, "samples", number, names)
    verbs: dict[Stage, str] = {"verdicts": "verify", "tags": "tag", "keys": "curate"}
    for stage, verb in verbs.items():
        if stage == "keys" and not set(names) & set(OF_TEXTS):
            continue
        frame = _read(run, stage, number, ["sample_id", *(name for name in names if KEYS[name].stage == stage)])
        if not frame["sample_id"].equals(samples["sample_id"]):
            path = run.shard_path(stage, number)
            raise CotkitError(f"{path}: its rows are not those of the samples", f"delete it and run `cotkit {verb} {run.path}` again")
        samples = samples.hstack(frame.drop("sample_id").get_columns())
    return samples.select(names).with_columns(
        pl.col("outcome").cast(pl.Enum(OUTCOMES)), pl.col("finish_reason").cast(pl.Enum(get_args(FinishReason)))
    )


def check_measured(keys: pl.DataFrame, read: Iterable[str]) -> None:
    """Raise CotkitError when a rule reads a key that was not measured: it would pass every sample."""
    for name in read:
        if name in MEASURES and keys.height and keys[name].null_count() == keys.height:
            hint = f"add {MEASURES[name]!r} to measures in [tag] and run `cotkit tag` again, or turn the rule off in [curate]"
            raise CotkitError(f"a rule of [curate] needs {name}, which was not measured", hint)


def _read(run: RunFolder, stage: Stage, number: int, names: Iterable[str]) -> pl.DataFrame:
    import polars as pl

    expressions = [KEYS[name].expression().alias(name) for name in names if KEYS[name].stage == stage or name == "sample_id"]
    return pl.scan_parquet(run.shard_path(stage, number)).select(expressions).collect(engine="streaming")
