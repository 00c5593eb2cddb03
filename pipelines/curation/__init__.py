"""The curate step: which samples are kept, in which splits, and the one reason for each that is not.

Two passes, because a double, a pass rate and a cap per problem can lie in any shard. Pass 1 reads the texts, shard by shard, on any
number of processes and machines (`keys`). Pass 2 reads the keys of all shards (ids, tokens, outcome, a hash of the text: some 150
bytes per sample; signatures some problems at a time), decides, and writes each shard's decisions in its own order.

Rules (`filters`) come in the order of `CurateConfig`'s fields, then doubles, then pass rates; a sample meets a rule only when it
passed the ones before. So a double is one of an earlier sample *that got this far*: the first right copy stays even when an
unfinished one stands before it. What passes goes into the splits (`selection`).
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from ...schemas.decision import Decision
from ...schemas.recipe import CurateConfig
from ...schemas.record import content_hash
from ..execute.stages import WHOLE, Computed, Part, Progress, StageTask, shard_fingerprint
from ..problem_keys import benchmark_hits, benchmarks_fingerprint, problem_keys
from ..run_folder import RunFolder, Stage, write_parquet
from ..run_folder.pass_rates import pass_rates_of, superseded
from .filters import reasons, wanted_by_filters
from .keys import OF_TEXTS, check_measured, key_shards, read_keys
from .likeness import Signatures, near_double, stored_signatures
from .selection import in_band, select, wanted_by_splits
from .totals import SplitTotal, split_totals

if TYPE_CHECKING:
    import polars as pl

VERSION = 2
"""Raised when the step's output changes: every run is then curated again."""

__all__ = ["SplitTotal", "curate", "curate_run", "read_keys", "split_totals"]

INPUTS: tuple[Stage, ...] = ("samples", "verdicts", "tags")
CONTAMINATION = "contamination.parquet"
"""The problems that stand in a benchmark, beside the shards: each pair with its matcher and score."""


def curate(keys: pl.DataFrame, config: CurateConfig, signatures: Signatures | None = None) -> pl.DataFrame:
    """Decide on all samples of a run: columns of `Decision`, same rows, same order.

    `keys` has a row per sample, in the run's order, and the columns `keys.ALWAYS` and those that the config's rules and splits
    read (outcome is null where there is no verdict; text_hash is equal for equal texts). `signatures` gives those of rows by their
    numbers; they are a column of `keys` when it is left out.
    """
    import polars as pl

    fetch = signatures or (lambda numbers: keys["signature"].gather(numbers))
    rates = pass_rates_of(keys.lazy().filter(~superseded()).select("problem_id", "outcome").collect()).select("problem_id", "pass_rate")
    rate = keys.select("problem_id").join(rates, on="problem_id", how="left", maintain_order="left")["pass_rate"]
    rows = keys.with_row_index("row").with_columns(rate)
    failed = _failed_rule(rows, config, fetch)
    passed = rows.lazy().filter(failed.is_null())
    places = {split.name: _placed(select(passed, split, fetch), rows.height) for split in config.splits}
    member = [pl.when(place).then(pl.lit(name)) for name, place in places.items()]
    fits = pl.any_horizontal(in_band(split) for split in config.splits)
    unplaced = pl.when(fits).then(pl.lit(_over(config))).otherwise(pl.lit("outside every split's length band"))
    kept = pl.any_horizontal(*places.values())
    reason = pl.when(~kept).then(pl.coalesce(failed, unplaced)).alias("reason")
    decisions = rows.select("sample_id", kept.alias("kept"), reason, pl.concat_list(member).list.drop_nulls().alias("splits"))
    return decisions.select(pl.col(name).cast(dtype) for name, dtype in Decision.polars_schema().items())


def _placed(taken: pl.Series, height: int) -> pl.Series:
    """Say of each of `height` rows whether its number was taken."""
    import numpy as np
    import polars as pl

    place = np.zeros(height, bool)
    place[taken.to_numpy()] = True
    return pl.Series(place)


def curate_run(
    run: RunFolder, config: CurateConfig, part: Part = WHOLE, workers: int | None = None, progress: Progress | None = None
) -> Computed:
    """Decide on all samples of a run and write the shards of decisions that are stale.

    A part of several only reads the texts of its shards: curating the whole run afterwards finds that done. Raises CotkitError when
    verdicts or tags are missing, or are of other samples.
    """
    wanted = wanted_by_filters(config) | wanted_by_splits(config) | _wanted_by_doubles(config)
    if part.count > 1:
        return key_shards(run, config, part, workers, progress)
    numbers = run.shard_numbers()
    task = StageTask("decisions", curate, content_hash(VERSION, config.fingerprint(), benchmarks_fingerprint(config)), INPUTS)
    # every decision depends on every shard
    fingerprint = content_hash([shard_fingerprint(run, task, number) for number in numbers])
    stale = [number for number in numbers if run.fingerprint("decisions", number) != fingerprint]
    if not stale:
        return Computed(0, len(numbers))
    problems = run.problems()
    hits = benchmark_hits(problems, config)
    of_problems = problem_keys(problems, wanted, config, hits)
    if wanted & set(OF_TEXTS):
        key_shards(run, config, part, workers, progress)
    decisions = _decide(run, config, wanted, of_problems)
    if config.decontaminate:
        write_parquet(hits, run.path / CONTAMINATION, fingerprint)
    else:
        (run.path / CONTAMINATION).unlink(missing_ok=True)
    for number in stale:
        run.write("decisions", number, decisions[number], fingerprint)
    return Computed(len(stale), len(numbers) - len(stale))


def _decide(run: RunFolder, config: CurateConfig, wanted: set[str], of_problems: pl.DataFrame) -> dict[int, pl.DataFrame]:
    """Give the decisions of each shard."""
    import polars as pl

    shards = [read_keys(run, number, wanted - {"signature"}) for number in run.shard_numbers()]
    heights = dict(zip(run.shard_numbers(), (shard.height for shard in shards), strict=True))
    keys = pl.concat(shards)
    del shards
    check_measured(keys, wanted)
    if of_problems.width > 1:
        keys = keys.join(of_problems, on="problem_id", how="left", maintain_order="left")
    decisions = curate(keys, config, stored_signatures(run, heights))
    starts = accumulate(heights.values(), initial=0)
    return {number: decisions.slice(start, height) for (number, height), start in zip(heights.items(), starts, strict=False)}


def _failed_rule(rows: pl.DataFrame, config: CurateConfig, signatures: Signatures) -> pl.Series:
    """Give the first rule that each row fails; null where it passes them all."""
    import polars as pl

    failed = rows.select(reasons(config).alias("failed")).to_series()
    if not config.keep_duplicates:
        so_far = rows.lazy().filter(failed.is_null()).select("row", "problem_id", "text_hash").collect()
        doubles = so_far.filter(~pl.struct("problem_id", "text_hash").is_first_distinct())["row"]
        double = pl.when(_placed(doubles, rows.height)).then(pl.lit("double of an earlier sample"))
        failed = pl.select(pl.coalesce(failed, double).alias("failed")).to_series()
    if config.max_similarity is not None:
        so_far = rows.lazy().filter(failed.is_null()).select("row", "problem_id", "sample_id").collect()
        near = near_double(so_far, config.max_similarity, signatures)
        told = rows.select("row").join(near, on="row", how="left", maintain_order="left")["near"]
        failed = pl.select(pl.coalesce(failed, told).alias("failed")).to_series()
    return rows.select(pl.coalesce(failed, _pass_rate_rule(config)).alias("failed")).to_series()


def _wanted_by_doubles(config: CurateConfig) -> set[str]:
    return ({"text_hash"} if not config.keep_duplicates else set()) | ({"signature"} if config.max_similarity is not None else set())


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
