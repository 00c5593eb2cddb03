"""A whole run: every step of a recipe in order, each resumed where an earlier run left it.

whole_run(recipe, Path("runs/demo"), Watches())
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..schemas.problem import Problem
from ..schemas.recipe import ProblemsConfig, Recipe
from .curation import curate_run
from .execute.stages import unwatched
from .export import Exported, export_rl, export_sft
from .importing import import_problems
from .report import write_report
from .run_folder import Resume, RunFolder, check_problems
from .sampling.progress import SamplingProgress, unseen
from .sampling.scheduler import sample_run
from .tagging import tag_run
from .verification import verify_run

if TYPE_CHECKING:
    import polars as pl


class WholeRun(NamedTuple):
    """What a whole run left behind."""

    run: RunFolder
    sampling: SamplingProgress
    exported: list[Exported]
    report: Path
    seconds: dict[str, float]
    """Wall-clock time of each step."""
    notes: list[str]
    """What the import of the problems has to say."""


class Watches(NamedTuple):
    """How progress is watched."""

    sampling: Callable[[], AbstractContextManager[Callable[[SamplingProgress], None]]] = lambda: nullcontext(unseen)
    shards: Callable[[str], AbstractContextManager[Callable[[int, int], None]]] = lambda _name: nullcontext(unwatched)


def whole_run(recipe: Recipe, path: Path, watches: Watches, resume: Resume = "if-possible") -> WholeRun:
    """Run a recipe into the folder `path`; raises CotkitError before anything is sampled when an input is bad."""
    seconds: dict[str, float] = {}
    problems, notes = take_problems(recipe.problems)
    run = RunFolder.create(path, recipe, problems, resume)
    with _timed(seconds, "sample"), watches.sampling() as watch:
        sampling = sample_run(run, watch)
    with _timed(seconds, "verify"), watches.shards("verifying") as progress:
        verify_run(run, recipe.verify, progress=progress)
    with _timed(seconds, "tag"), watches.shards("tagging") as progress:
        tag_run(run, recipe.tag, progress=progress)
    with _timed(seconds, "curate"), watches.shards("curating") as progress:
        curate_run(run, recipe.curate, progress=progress)
    with _timed(seconds, "export"):
        exported = export_sft(run, recipe.export.sft) + export_rl(run, recipe.export.rl)
    with _timed(seconds, "report"):
        report = write_report(run)
    run.log("run finished", **{name: round(value, 3) for name, value in seconds.items()})
    return WholeRun(run, sampling, exported, report, seconds, notes)


def take_problems(config: ProblemsConfig) -> tuple[pl.DataFrame, list[str]]:
    """Read a problem set as it is, or import any other source; gives the problems and the import's notes."""
    import polars as pl

    path = Path(config.source)
    if path.suffix == ".parquet" and set(Problem.polars_schema()) <= _columns(path):
        problems = check_problems(pl.read_parquet(path), str(path))
        return (problems.head(config.limit) if config.limit else problems), []
    imported = import_problems(config)
    rejected = [f"{imported.rejected.height} rows have no usable problem and are left out"] if imported.rejected.height else []
    return check_problems(imported.problems, config.source), imported.notes + rejected


def _columns(path: Path) -> set[str]:
    """Name the columns of a Parquet file; none when it is no such file, which the import then says."""
    import polars as pl

    try:
        return set(pl.read_parquet_schema(path))
    except (OSError, pl.exceptions.PolarsError):
        return set()


@contextmanager
def _timed(seconds: dict[str, float], name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    seconds[name] = time.monotonic() - started
