"""The whole life of one sample: who drew it and how, what was said of it, whether it was kept and why.

Behind `cotkit why SAMPLE_ID`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ..schemas.errors import CotkitError
from .run_folder import RunFolder, Stage


class Life(NamedTuple):
    """What the run knows of one sample; a stage that has not run yet is None."""

    sample: dict[str, Any]
    problem: dict[str, Any]
    verdict: dict[str, Any] | None
    tags: dict[str, Any] | None
    decision: dict[str, Any] | None
    shard: int | None
    """Number of the shard that holds it; None while it is in the ledger."""


def life_of(run: RunFolder, sample_id: str) -> Life:
    """Look a sample up by its id or the start of it; raises CotkitError when none or several match."""
    import polars as pl

    matches = _matches(run, sample_id)
    if not matches:
        raise CotkitError(f"{run.path}: no sample {sample_id!r}", f"ids are in {run.path}/samples/*.parquet, column sample_id")
    if len(matches) > 1:
        raise CotkitError(f"{run.path}: {len(matches)} samples start with {sample_id!r}", "give more of the id")
    key, shard = matches[0]
    sample, verdict = _live_rows(run, key) if shard is None else (_row(run, "samples", shard, key), _row(run, "verdicts", shard, key))
    assert sample is not None
    problem = run.problems().row(by_predicate=pl.col("problem_id") == sample["problem_id"], named=True)
    tags, decision = (None, None) if shard is None else (_row(run, "tags", shard, key), _row(run, "decisions", shard, key))
    return Life(sample, problem, verdict, tags, decision, shard)


def _matches(run: RunFolder, start: str) -> list[tuple[str, int | None]]:
    """Give (sample_id, shard number) of every sample whose id begins with `start`; the number is None in the ledger."""
    sealed: dict[str, int | None] = {}
    for number in run.shard_numbers():
        ids = run.read("samples", number, ["sample_id"])["sample_id"]
        sealed |= dict.fromkeys(ids.filter(ids.str.starts_with(start)), number)
    live = [key for key in run.live_sample_ids() if key.startswith(start) and key not in sealed]
    return [*sealed.items(), *((key, None) for key in live)]


def _row(run: RunFolder, stage: Stage, number: int, key: str) -> dict[str, Any] | None:
    import polars as pl

    path = run.shard_path(stage, number)
    if not path.exists():
        return None
    rows = pl.scan_parquet(path).filter(pl.col("sample_id") == key).collect()
    return rows.row(0, named=True) if rows.height else None


def _live_rows(run: RunFolder, key: str) -> tuple[dict[str, Any], dict[str, Any] | None]:
    ledger = run.ledger()
    try:
        samples, verdicts = ledger.frames([key])
    finally:
        ledger.close()
    verdict = verdicts.row(0, named=True)
    return samples.row(0, named=True), verdict if verdict["outcome"] is not None else None
