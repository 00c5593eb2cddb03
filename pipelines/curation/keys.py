r"""Keys: the few small columns of a sample that decide on it. Texts stream by and are never held.

A column is read only when a rule or a split of the recipe asks for it (`wanted_keys`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple, get_args

from ...schemas.errors import CotkitError
from ...schemas.sample import FinishReason
from ...schemas.verdict import OUTCOMES
from ..run_folder import RunFolder, Stage
from ..run_folder.pass_rates import budget, draw
from ..similarity import signature_column

if TYPE_CHECKING:
    import polars as pl

BOX = r"\\boxed\s*\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
"""A box with braces three deep; deeper ones are not counted."""
SECOND_REASONING = r"</?(?:think|thinking|thought|reasoning|reflection)>"
"""Marks of reasoning that have no place in a response."""
ALWAYS = ("sample_id", "problem_id", "index", "finish_reason", "draw", "budget", "text_hash", "outcome", "tokens", "compression_ratio")


MEASURES = {"compression_ratio": "compression", "repeated_share": "repetition", "foreign_share": "scripts"}
"""Keys that are null where the tag step was told not to measure them."""


class Key(NamedTuple):
    """One column: the stage it is read from, and how."""

    stage: Stage
    expression: Callable[[], pl.Expr]


def _text_hash() -> pl.Expr:
    import polars as pl

    return pl.struct("reasoning", "response").hash()


def _column(name: str) -> Callable[[], pl.Expr]:
    def expression() -> pl.Expr:
        import polars as pl

        return pl.col(name)

    return expression


def _has_reasoning() -> pl.Expr:
    import polars as pl

    return (pl.col("reasoning").str.len_bytes() > 0).fill_null(False)


def _boxes() -> pl.Expr:
    import polars as pl

    return pl.col("response").str.extract_all(BOX).list.eval(pl.element().str.replace_all(r"\s", "")).list.n_unique()


def _doubled_reasoning() -> pl.Expr:
    import polars as pl

    return pl.col("response").str.contains(SECOND_REASONING)


def _answered_in_reasoning() -> pl.Expr:
    import polars as pl

    boxed = r"\boxed{"
    return (pl.col("reasoning").str.contains(boxed, literal=True) & ~pl.col("response").str.contains(boxed, literal=True)).fill_null(False)


def _foreign_share() -> pl.Expr:
    import polars as pl

    letters = pl.col("scripts").list.eval(pl.element().struct.field("characters"))
    share = (1 - letters.list.max() / letters.list.sum()).fill_null(0.0).fill_nan(0.0)
    return pl.when(pl.col("scripts").is_not_null()).then(share)


def _behaviours() -> pl.Expr:
    import polars as pl

    entry = pl.element().struct
    return pl.col("behaviours").list.eval(pl.format("{}.{}", entry.field("lexicon"), entry.field("behaviour")))


def _signature() -> pl.Expr:
    import polars as pl

    text = pl.concat_str("reasoning", "response", separator="\n", ignore_nulls=True)
    return text.map_batches(signature_column, return_dtype=pl.Binary, is_elementwise=True)


def _densities() -> pl.Expr:
    import polars as pl

    return pl.col("behaviours").list.eval(pl.element().struct.field("per_1000_tokens"))


KEYS: dict[str, Key] = {
    **{name: Key("samples", _column(name)) for name in ("sample_id", "problem_id", "index", "finish_reason", "teacher")},
    "draw": Key("samples", draw),
    "budget": Key("samples", budget),
    "text_hash": Key("samples", _text_hash),
    "has_reasoning": Key("samples", _has_reasoning),
    "boxes": Key("samples", _boxes),
    "doubled_reasoning": Key("samples", _doubled_reasoning),
    "answered_in_reasoning": Key("samples", _answered_in_reasoning),
    "signature": Key("samples", _signature),
    "outcome": Key("verdicts", _column("outcome")),
    **{name: Key("tags", _column(name)) for name in ("tokens", "compression_ratio", "repeated_share")},
    "foreign_share": Key("tags", _foreign_share),
    "behaviours": Key("tags", _behaviours),
    "densities": Key("tags", _densities),
}


def read_keys(run: RunFolder, number: int, wanted: Iterable[str] = ()) -> pl.DataFrame:
    """Read the keys of one shard: those that are always read, and the wanted ones.

    Raises CotkitError when verdicts or tags are of other samples, or a key is not in the tags.
    """
    import polars as pl

    names = list(dict.fromkeys([*ALWAYS, *(name for name in wanted if name in KEYS)]))
    samples = _read(run, "samples", number, names)
    verbs: dict[Stage, str] = {"verdicts": "verify", "tags": "tag"}
    for stage, verb in verbs.items():
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
