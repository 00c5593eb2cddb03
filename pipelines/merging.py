"""Merge runs into one: the parts of a job array, or runs of several teachers over the same problems.

    merge_runs([RunFolder.open(Path("runs/part-0")), RunFolder.open(Path("runs/part-1"))], Path("runs/all"))

Shards are copied as they are, with the verdicts and tags that belong to them, so that nothing is judged or tagged again. A sample
that several runs hold is kept once. The runs stay as they are.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..schemas.errors import CotkitError
from ..schemas.record import content_hash
from .run_folder import RunFolder, Stage, disk_errors
from .run_folder.parquet import replacing

if TYPE_CHECKING:
    import polars as pl

CARRIED: tuple[Stage, ...] = ("tags", "verdicts", "samples")
"""Stages that are copied, samples last: a shard counts once they are there. Decisions look at a whole run and are made anew."""


class Merged(NamedTuple):
    """What came together."""

    run: RunFolder
    problems: int
    samples: int
    doubles: int
    """Samples that were in several runs, and are kept once."""


def merge_runs(runs: Sequence[RunFolder], path: Path) -> Merged:
    """Merge runs into a new one, with the recipe of the first; raises CotkitError when the folder exists or a run is being sampled."""
    import polars as pl

    if path.exists():
        raise CotkitError(f"{path}: exists", "choose another folder with -o")
    for run in runs:
        run.seal_leftovers()
    problems = pl.concat([run.problems() for run in runs]).unique("problem_id", keep="first", maintain_order=True)
    merged = RunFolder.create(path, runs[0].recipe, problems)
    have: set[str] = set()
    number = doubles = 0
    for run in runs:
        for shard in run.shard_numbers():
            ids = run.read("samples", shard, ["sample_id"])["sample_id"]
            new = ~ids.is_in(have) if have else pl.repeat(True, len(ids), eager=True)
            doubles += int((~new).sum())
            have.update(ids)
            if new.all():
                _copy(run, shard, merged, number)
            elif new.any():
                _write_new(run, shard, merged, number, new)
            number += bool(new.any())
    return Merged(merged, problems.height, len(have), doubles)


def _copy(run: RunFolder, shard: int, merged: RunFolder, number: int) -> None:
    for stage in CARRIED:
        source, target = run.shard_path(stage, shard), merged.shard_path(stage, number)
        if source.exists():
            with disk_errors(target), replacing(target) as temporary:
                shutil.copyfile(source, temporary)


def _write_new(run: RunFolder, shard: int, merged: RunFolder, number: int, new: pl.Series) -> None:
    """Write the samples of a shard that are new; their verdicts and tags no longer belong to a whole shard and are made again."""
    samples = run.read("samples", shard).filter(new)
    merged.write("samples", number, samples, content_hash(samples["sample_id"].to_list()))
