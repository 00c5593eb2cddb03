"""The curate step: which samples are kept, in which splits, and the one reason for each that is not.

Two passes, because a double, a pass rate and a cap per problem can lie in any shard: pass 1 reads only the keys of all shards
(ids, tokens, outcome, a hash of the text; about 100 bytes per sample) and decides; pass 2 writes each shard's decisions in its
own order. Texts are hashed while they stream by and are never held.

Rules (`filters`) come in the order of `CurateConfig`'s fields, then doubles, then pass rates; a sample meets a rule only when it
passed the ones before. So a double is one of an earlier sample *that got this far*: the first right copy stays even when an
unfinished one stands before it. What passes goes into the splits (`selection`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...schemas.decision import Decision
from ...schemas.recipe import CurateConfig
from ...schemas.record import content_hash
from ..execute.stages import Computed, Progress, StageTask, shard_fingerprint
from ..run_folder import RunFolder, Stage
from ..run_folder.pass_rates import pass_rates_of, superseded
from ..similarity import near_duplicate_responses
from .filters import reasons, wanted_by_filters
from .keys import check_measured, read_keys
from .problem_keys import benchmarks_fingerprint, with_problem_keys
from .selection import in_band, select, wanted_by_splits

if TYPE_CHECKING:
    import polars as pl

VERSION = 2
"""Raised when the step's output changes: every run is then curated again."""

__all__ = ["curate", "curate_run", "read_keys"]

INPUTS: tuple[Stage, ...] = ("samples", "verdicts", "tags")


def curate(keys: pl.DataFrame, config: CurateConfig) -> pl.DataFrame:
    """Decide on all samples of a run: columns of `Decision`, same rows, same order.

    `keys` has a row per sample, in the run's order, and the columns `keys.ALWAYS` and those that the config's rules and splits
    read (outcome is null where there is no verdict; text_hash is equal for equal texts).
    """
    import polars as pl

    rows = keys.with_row_index("row")
    rates = pass_rates_of(rows.filter(~superseded())).select("problem_id", "pass_rate")
    rows = rows.join(rates, on="problem_id", how="left", maintain_order="left")
    rows = rows.with_columns(_failed_rule(rows, config))
    passed = rows.filter(pl.col("failed").is_null())
    member = [pl.when(pl.col("row").is_in(select(passed, split).implode())).then(pl.lit(split.name)) for split in config.splits]
    fits = pl.any_horizontal(in_band(split) for split in config.splits)
    unplaced = pl.when(fits).then(pl.lit(_over(config))).otherwise(pl.lit("outside every split's length band"))
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
    task = StageTask("decisions", curate, content_hash(VERSION, config.fingerprint(), benchmarks_fingerprint(config)), INPUTS)
    # every decision depends on every shard
    fingerprint = content_hash([shard_fingerprint(run, task, number) for number in numbers])
    stale = [number for number in numbers if run.fingerprint("decisions", number) != fingerprint]
    if not stale:
        return Computed(0, len(numbers))
    wanted = wanted_by_filters(config) | wanted_by_splits(config) | ({"signature"} if config.max_similarity is not None else set())
    shards = {number: read_keys(run, number, wanted) for number in numbers}
    keys = pl.concat(shards.values())
    check_measured(keys, wanted)
    decisions = curate(with_problem_keys(keys, run.problems(), wanted, config), config)
    start, done = 0, 0
    for number, shard in shards.items():
        if number in stale:
            run.write("decisions", number, decisions.slice(start, shard.height), fingerprint)
            done += 1
            if progress:
                progress(done, len(stale))
        start += shard.height
    return Computed(len(stale), len(numbers) - len(stale))


def _failed_rule(rows: pl.DataFrame, config: CurateConfig) -> pl.Series:
    """Give, as `failed`, the first rule that each row fails; null where it passes them all."""
    import polars as pl

    alike = rows.select("row", "problem_id", "text_hash", "pass_rate", reasons(config).alias("failed"))
    if not config.keep_duplicates:
        so_far = alike.filter(pl.col("failed").is_null())
        doubles = so_far.filter(~pl.struct("problem_id", "text_hash").is_first_distinct())["row"].implode()
        double = pl.when(pl.col("row").is_in(doubles)).then(pl.lit("double of an earlier sample"))
        alike = alike.with_columns(pl.coalesce("failed", double).alias("failed"))
    if config.max_similarity is not None:
        alike = alike.with_columns(pl.coalesce("failed", _near_double(rows, alike["failed"], config.max_similarity)).alias("failed"))
    return alike.select(pl.coalesce("failed", _pass_rate_rule(config)).alias("failed")).to_series()


def _near_double(rows: pl.DataFrame, failed: pl.Series, most: float) -> pl.Series:
    """Give the reason for which a sample is too much like an earlier one of its problem that got as far."""
    import polars as pl

    so_far = rows.filter(failed.is_null())
    found = near_duplicate_responses(so_far.select("problem_id", "sample_id", "signature"), most)
    reason = pl.when(pl.col("duplicate_of").is_not_null()).then(
        pl.format("much like sample {} ({})", "duplicate_of", pl.col("similarity").round(2))
    )
    near = so_far.select("row").with_columns(found.select(reason.alias("near"))["near"])
    return rows.select("row").join(near, on="row", how="left", maintain_order="left")["near"]


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


def _over(config: CurateConfig) -> str:
    capped = any(split.token_budget is not None or split.problems_per_tenth is not None for split in config.splits)
    return "over a split's cap or budget" if capped else "over the per-problem cap"
