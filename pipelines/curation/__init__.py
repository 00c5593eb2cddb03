"""The curate step: which samples are kept, in which splits, and the one reason for each that is not.

Two passes, because a double, a pass rate and a cap per problem can lie in any shard: pass 1 reads only the keys of all shards
(ids, tokens, outcome, a hash of the text; about 100 bytes per sample) and decides; pass 2 writes each shard's decisions in its
own order. Texts are hashed while they stream by and are never held.

Rules in the order of `CurateConfig`'s fields; a sample meets a rule only when it passed the ones before. So a double is one of
an earlier sample *that got this far*: the first right copy stays even when an unfinished one stands before it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

from ..schemas.decision import Decision
from ..schemas.errors import CotkitError
from ..schemas.recipe import CurateConfig, SplitConfig
from ..schemas.record import content_hash
from ..schemas.sample import FinishReason
from ..schemas.verdict import OUTCOMES
from .execute.stages import Computed, Progress, StageTask, shard_fingerprint
from .run_folder import RunFolder, Stage
from .run_folder.pass_rates import pass_rates_of

if TYPE_CHECKING:
    import polars as pl

VERSION = 1
"""Raised when the step's output changes: every run is then curated again."""

INPUTS: tuple[Stage, ...] = ("samples", "verdicts", "tags")


def curate(keys: pl.DataFrame, config: CurateConfig) -> pl.DataFrame:
    """Decide on all samples of a run: columns of `Decision`, same rows, same order.

    `keys` has a row per sample, in the run's order, and the columns sample_id, problem_id, index, finish_reason, outcome (null
    where there is no verdict), tokens, compression_ratio and text_hash (equal for equal texts of one problem).
    """
    import polars as pl

    rows = keys.with_row_index("row")
    rows = rows.with_columns(_failed_rule(rows, config))
    passed = rows.filter(pl.col("failed").is_null())
    member = [pl.when(pl.col("row").is_in(_take(passed, split).implode())).then(pl.lit(split.name)) for split in config.splits]
    fits = pl.any_horizontal(_in_band(split) for split in config.splits)
    unplaced = pl.when(fits).then(pl.lit("over the per-problem cap")).otherwise(pl.lit("outside every split's length band"))
    kept = pl.col("splits").list.len() > 0
    decisions = rows.with_columns(pl.concat_list(member).list.drop_nulls().alias("splits")).with_columns(
        kept.alias("kept"), pl.when(~kept).then(pl.coalesce("failed", unplaced)).alias("reason")
    )
    return decisions.select(pl.col(name).cast(dtype) for name, dtype in Decision.polars_schema().items())


def curate_run(run: RunFolder, config: CurateConfig, progress: Progress | None = None) -> Computed:
    """Decide on all samples of a run and write the shards of decisions that are stale.

    Raises CotkitError when verdicts or tags are missing, or are of other samples.
    """
    import polars as pl

    numbers = run.shard_numbers()
    task = StageTask("decisions", curate, content_hash(VERSION, config.fingerprint()), INPUTS)
    # every decision depends on every shard
    fingerprint = content_hash([shard_fingerprint(run, task, number) for number in numbers])
    stale = [number for number in numbers if run.fingerprint("decisions", number) != fingerprint]
    if not stale:
        return Computed(0, len(numbers))
    shards = {number: read_keys(run, number) for number in numbers}
    decisions = curate(pl.concat(shards.values()), config)
    start, done = 0, 0
    for number, keys in shards.items():
        if number in stale:
            run.write("decisions", number, decisions.slice(start, keys.height), fingerprint)
            done += 1
            if progress:
                progress(done, len(stale))
        start += keys.height
    return Computed(len(stale), len(numbers) - len(stale))


def read_keys(run: RunFolder, number: int) -> pl.DataFrame:
    """Read the keys of one shard, as `curate` takes them; the texts are hashed as they stream by."""
    import polars as pl

    text_hash = pl.struct("reasoning", "response").hash().alias("text_hash")
    samples = pl.scan_parquet(run.shard_path("samples", number)).select("sample_id", "problem_id", "index", "finish_reason", text_hash)
    keys = samples.collect(engine="streaming")
    verdicts = run.read("verdicts", number, ["sample_id", "outcome"])
    tags = run.read("tags", number, ["sample_id", "tokens", "compression_ratio"])
    for verb, frame, path in (("verify", verdicts, run.shard_path("verdicts", number)), ("tag", tags, run.shard_path("tags", number))):
        if not frame["sample_id"].equals(keys["sample_id"]):
            raise CotkitError(f"{path}: its rows are not those of the samples", f"delete it and run `cotkit {verb} {run.path}` again")
    keys = keys.hstack([verdicts["outcome"], tags["tokens"], tags["compression_ratio"]])
    return keys.with_columns(pl.col("outcome").cast(pl.Enum(OUTCOMES)), pl.col("finish_reason").cast(pl.Enum(get_args(FinishReason))))


def _failed_rule(rows: pl.DataFrame, config: CurateConfig) -> pl.Series:
    """Give, as `failed`, the first rule of the filters that each row fails; null where it passes them all."""
    import polars as pl

    outcome, finish, ratio = pl.col("outcome").cast(pl.String), pl.col("finish_reason").cast(pl.String), config.min_compression_ratio
    alone = (
        pl.when(~finish.is_in(config.finish_reasons)).then(pl.format("finish reason is {}", finish)),
        pl.when(outcome.is_null()).then(pl.lit("no verdict")),
        pl.when(~outcome.is_in(config.outcomes)).then(pl.format("outcome is {}", outcome)),
        pl.when(pl.col("compression_ratio") < ratio).then(pl.lit(f"loops (compresses below {ratio:g})")),
    )
    alike = rows.select("row", "problem_id", "text_hash", pl.coalesce(alone).alias("failed"))
    if not config.keep_duplicates:
        so_far = alike.filter(pl.col("failed").is_null())
        doubles = so_far.filter(~pl.struct("problem_id", "text_hash").is_first_distinct())["row"].implode()
        double = pl.when(pl.col("row").is_in(doubles)).then(pl.lit("double of an earlier sample"))
        alike = alike.with_columns(pl.coalesce("failed", double).alias("failed"))
    rates = pass_rates_of(rows).select("problem_id", "pass_rate")
    rated = alike.join(rates, on="problem_id", how="left", maintain_order="left")
    return rated.select(pl.coalesce("failed", _pass_rate_rule(config)).alias("failed")).to_series()


def _pass_rate_rule(config: CurateConfig) -> pl.Expr:
    import polars as pl

    low, high, rate = config.min_pass_rate, config.max_pass_rate, pl.col("pass_rate")
    if low == 0.0 and high == 1.0:
        return pl.lit(None, pl.String)
    return (
        pl.when(rate.is_null())
        .then(pl.lit("pass rate unknown"))
        .when(rate < low)
        .then(pl.lit(f"pass rate below {low:g}"))
        .when(rate > high)
        .then(pl.lit(f"pass rate above {high:g}"))
    )


def _in_band(split: SplitConfig) -> pl.Expr:
    import polars as pl

    tokens = pl.col("tokens")
    return (tokens >= (split.min_tokens or 0)) & (pl.lit(True) if split.max_tokens is None else tokens <= split.max_tokens)


def _take(passed: pl.DataFrame, split: SplitConfig) -> pl.Series:
    """Give the numbers of the rows that a split takes."""
    import polars as pl

    fitting = passed.filter(_in_band(split))
    if split.per_problem is None:
        return fitting["row"]
    keys = {"longest": [-pl.col("tokens")], "shortest": [pl.col("tokens")], "first": []}[split.prefer]
    ranked = fitting.sort(*keys, "index", "row")
    return ranked.filter(pl.int_range(pl.len()).over("problem_id") < split.per_problem)["row"]
