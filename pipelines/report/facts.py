"""What a report counts: small columns of every stage that is there, one row per sample, no texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..run_folder import STAGES, RunFolder, Stage

if TYPE_CHECKING:
    import polars as pl

COLUMNS: dict[Stage, tuple[str, ...]] = {
    "samples": ("problem_id", "sample_id", "finish_reason", "completion_tokens"),
    "verdicts": ("outcome",),
    "tags": ("tokens",),
    "decisions": ("kept", "reason", "splits"),
}


def complete_stages(run: RunFolder) -> set[Stage]:
    """Name the stages that every shard has; a stage that is only begun does not count."""
    numbers = run.shard_numbers()
    return {stage for stage in STAGES if numbers and all(run.shard_path(stage, number).exists() for number in numbers)}


def facts(run: RunFolder) -> pl.LazyFrame:
    """Scan `COLUMNS` of every sample; the columns of a stage that is not complete are null. `tokens` falls back to the engine's count."""
    import polars as pl

    there = complete_stages(run)
    types = {name: STAGES[stage].polars_schema()[name] for stage, names in COLUMNS.items() for name in names}
    if "samples" not in there:
        return pl.LazyFrame(schema=types)
    shards = [_shard_facts(run, number, there) for number in run.shard_numbers()]
    missing = [pl.lit(None, types[name]).alias(name) for stage, names in COLUMNS.items() if stage not in there for name in names]
    rows = pl.concat(shards).with_columns(missing)
    return rows.with_columns(pl.coalesce("tokens", "completion_tokens").alias("tokens")).select(list(types))


def _shard_facts(run: RunFolder, number: int, there: set[Stage]) -> pl.LazyFrame:
    import polars as pl

    rows = pl.scan_parquet(run.shard_path("samples", number)).select(COLUMNS["samples"])
    for stage, names in COLUMNS.items():
        if stage in there and stage != "samples":
            said = pl.scan_parquet(run.shard_path(stage, number)).select("sample_id", *names)
            rows = rows.join(said, on="sample_id", how="left", maintain_order="left")
    return rows
