"""The funnel: how many problems, samples and exported rows are left after each step, with their tokens.

Example row: `FunnelRow(name="correct", unit="samples", count=412, tokens=803114)`
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..run_folder import RunFolder
from .facts import complete_stages, facts

if TYPE_CHECKING:
    import polars as pl


class FunnelRow(NamedTuple):
    """One stage of the funnel."""

    name: str
    unit: str
    """What is counted: `problems`, `samples` or `rows`."""
    count: int  # pyright: ignore[reportIncompatibleMethodOverride]  # nobody counts values in a row
    tokens: int | None
    """Generated tokens; None where there are none to count."""


def funnel(run: RunFolder) -> list[FunnelRow]:
    """Count problems, solved problems, samples, correct ones, kept ones, and the rows of each exported dataset on disk.

    A stage that has not run yet has no row.
    """
    import polars as pl

    samples = facts(run)
    there = complete_stages(run)
    solved = samples.filter(pl.col("outcome") == "correct").select(pl.col("problem_id").n_unique()).collect().item()
    rows = [FunnelRow("problems", "problems", run.problems().height, None)]
    if "verdicts" in there:
        rows.append(FunnelRow("problems with a correct sample", "problems", solved, None))
    rows.append(_count(samples, "samples"))
    if "verdicts" in there:
        rows.append(_count(samples.filter(pl.col("outcome") == "correct"), "correct"))
    if "decisions" in there:
        rows.append(_count(samples.filter(pl.col("kept")), "kept"))
    return rows + exported_rows(run)


def exported_rows(run: RunFolder) -> list[FunnelRow]:
    """Count the rows of the datasets in the run's `exports`, as they are on disk, and the tokens where they are Parquet."""
    import polars as pl

    rows = []
    # SFT datasets first
    for folder in sorted((run.path / "exports").glob("*"), key=lambda folder: (not folder.name.startswith("sft-"), folder.name)):
        if (lines := folder / "train.jsonl").is_file():
            rows.append(FunnelRow(folder.name, "rows", _lines(lines), None))
        pieces = sorted(folder.glob("train-*-of-*.parquet"))
        if not pieces:
            continue
        scan = pl.scan_parquet(pieces)
        tokens = pl.col("completion_tokens").sum() if "completion_tokens" in scan.collect_schema() else pl.lit(None, pl.Int64)
        rows.append(FunnelRow(folder.name, "rows", *scan.select(pl.len(), tokens.alias("tokens")).collect().row(0)))
    return rows


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(2**20), b""))


def _count(samples: pl.LazyFrame, name: str) -> FunnelRow:
    import polars as pl

    return FunnelRow(name, "samples", *samples.select(pl.len(), pl.col("tokens").sum()).collect().row(0))
