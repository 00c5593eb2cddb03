"""RunFolder: create or open a run, read and write its shards, seal finished samples.

The rules of resuming: a run is resumed when the problems and the sampling settings that make a sample itself are the same
(raising `n` is not a change); `continue-truncated` lets `max_tokens` grow, too; `always` adds samples drawn with other settings
to the same run; `never` wants a new folder.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

from ...schemas.decision import Decision
from ...schemas.errors import CotkitError
from ...schemas.keys import Keys
from ...schemas.problem import Problem
from ...schemas.recipe import Recipe, dump_recipe, load_recipe
from ...schemas.record import Record, content_hash
from ...schemas.sample import Sample
from ...schemas.tags import Tags
from ...schemas.verdict import SampleVerdict
from .ledger import Ledger
from .parquet import TEMPORARY, disk_errors, read_fingerprint, write_parquet, write_text
from .resume import Resume

if TYPE_CHECKING:
    import polars as pl

Stage = Literal["samples", "verdicts", "tags", "decisions", "keys"]
STAGES: dict[Stage, type[Record]] = {"samples": Sample, "verdicts": SampleVerdict, "tags": Tags, "decisions": Decision}
"""What a run says of its samples; `keys` is what `curate` keeps for itself."""
_RECORDS: dict[Stage, type[Record]] = {**STAGES, "keys": Keys}


class RunFolder:
    """A run on disk. Reading needs no lock; sampling, importing and sealing hold `lock()`."""

    def __init__(self, path: Path, recipe: Recipe) -> None:
        self.path = path
        self.recipe = recipe

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open an existing run; raises CotkitError when `path` is none."""
        if not (path / "recipe.toml").is_file() or not (path / "problems.parquet").is_file():
            raise CotkitError(f"{path}: not a run folder", "make one with `cotkit sample PROBLEMS -o RUN` or `cotkit run RECIPE -o RUN`")
        return cls(path, load_recipe(path / "recipe.toml"))

    @classmethod
    def create(cls, path: Path, recipe: Recipe, problems: pl.DataFrame, resume: Resume = "if-possible") -> Self:
        """Create a run, or resume the one at `path`; raises CotkitError when the resume rules forbid it."""
        if path.exists() and not (path / "recipe.toml").exists() and not _begun(path):
            raise CotkitError(f"{path}: exists and is not a run folder", "choose another folder with -o")
        run = cls(path, recipe)
        if (path / "recipe.toml").exists():
            run._check_resumable(cls.open(path), problems, resume)
        with disk_errors(path):
            path.mkdir(parents=True, exist_ok=True)
        if problems_fingerprint(problems) != read_fingerprint(path / "problems.parquet"):
            write_parquet(problems, path / "problems.parquet", problems_fingerprint(problems))
        run.save_recipe(recipe)
        return run

    def _check_resumable(self, old: RunFolder, problems: pl.DataFrame, resume: Resume) -> None:
        if resume == "never":
            raise CotkitError(f"{self.path}: the run exists", "choose another folder with -o, or leave out --resume never")
        if resume == "always":
            missing = set(old.problems()["problem_id"]) - set(problems["problem_id"])
            if missing and old.sample_ids():
                raise CotkitError(
                    f"{self.path}: {len(missing)} problems of the run are not in the new set", "pass a set that holds them too"
                )
            return
        if problems_fingerprint(problems) != read_fingerprint(self.path / "problems.parquet"):
            raise CotkitError(
                f"{self.path}: the run was made from other problems", "choose another folder with -o, or pass --resume always to add to it"
            )
        if old.recipe.sample.fingerprint() != self.recipe.sample.fingerprint():
            changed = _changed_settings(old.recipe, self.recipe)
            hint = "choose another folder with -o, or pass --resume always to add samples drawn with the new settings"
            if _only_longer(old.recipe, self.recipe):
                if resume == "continue-truncated":
                    return
                hint = "pass --resume continue-truncated to draw again the samples that were cut off, or choose another folder with -o"
            raise CotkitError(f"{self.path}: the run was sampled with other settings ({changed})", hint)

    def save_recipe(self, recipe: Recipe) -> None:
        """Replace the run's recipe."""
        self.recipe = recipe
        write_text(dump_recipe(recipe), self.path / "recipe.toml")

    def problems(self) -> pl.DataFrame:
        """Read the problems, in their order."""
        import polars as pl

        return pl.read_parquet(self.path / "problems.parquet")

    def shard_path(self, stage: Stage, number: int) -> Path:
        """Give the path of a shard."""
        return self.path / stage / f"{number:05}.parquet"

    def shard_numbers(self) -> list[int]:
        """Give the numbers of the sealed shards, ascending."""
        return sorted(int(path.stem) for path in (self.path / "samples").glob("[0-9]*.parquet"))

    def fingerprint(self, stage: Stage, number: int) -> str | None:
        """Read a shard's fingerprint; None when the shard is absent."""
        return read_fingerprint(self.shard_path(stage, number))

    def read(self, stage: Stage, number: int, columns: list[str] | None = None) -> pl.DataFrame:
        """Read one shard, all columns or some."""
        import polars as pl

        return pl.read_parquet(self.shard_path(stage, number), columns=columns)

    def scan(self, stage: Stage) -> pl.LazyFrame:
        """Scan all shards of a stage; an empty frame with the right columns when there are none."""
        import polars as pl

        paths = [self.shard_path(stage, number) for number in self.shard_numbers()]
        missing = [path for path in paths if not path.exists()]
        if missing:
            verb = {"verdicts": "verify", "tags": "tag", "decisions": "curate"}.get(stage, "sample")
            raise CotkitError(f"{missing[0]}: no {stage} yet", f"run `cotkit {verb} {self.path}` first")
        return pl.scan_parquet(paths) if paths else pl.LazyFrame(schema=_RECORDS[stage].polars_schema())

    def count(self, stage: Stage, column: str | pl.Expr) -> dict[Any, int]:
        """Count the values of one column over the shards of a stage that are there, most frequent first."""
        import polars as pl

        paths = [self.shard_path(stage, number) for number in self.shard_numbers() if self.shard_path(stage, number).exists()]
        if not paths:
            return {}
        value = pl.col(column) if isinstance(column, str) else column
        counts = pl.scan_parquet(paths).group_by(value.alias("value")).len().sort("len", "value", descending=[True, False]).collect()
        return dict(counts.iter_rows())

    def write(self, stage: Stage, number: int, frame: pl.DataFrame, fingerprint: str) -> None:
        """Write one shard, whole or not at all; raises ValueError when the frame has not the stage's columns."""
        schema = _RECORDS[stage].polars_schema()
        if frame.schema != schema:
            raise ValueError(f"{stage} must have the columns {schema}, not {frame.schema}")
        write_parquet(frame, self.shard_path(stage, number), fingerprint)

    def ledger(self) -> Ledger:
        """Open the live ledger."""
        return Ledger(self.path / "samples" / "live.sqlite")

    def sample_ids(self) -> set[str]:
        """Give the ids of all finished samples, sealed and live."""
        return set(self.scan("samples").select("sample_id").collect()["sample_id"]) | self.live_sample_ids()

    def live_sample_ids(self) -> set[str]:
        """Give the ids of the finished samples that are still in the ledger."""
        if not (self.path / "samples" / "live.sqlite").exists():
            return set()
        ledger = self.ledger()
        try:
            return ledger.sample_ids()
        finally:
            ledger.close()

    def seal(self, ledger: Ledger, judged_with: str | None = None, only_verified: bool = False) -> int:
        """Move the ledger's samples into a new shard and give their number; needs the lock.

        Verdicts go along when every row has one and `judged_with` gives their settings' fingerprint. Rows are ordered by
        problem and index. Verdicts are written before samples, and the ledger is emptied last: a crash in between leaves
        either rows to seal again or rows that `reconcile` removes.
        """
        import polars as pl

        samples, verdicts = ledger.frames()
        if only_verified:
            judged = verdicts["outcome"].is_not_null()
            samples, verdicts = samples.filter(judged), verdicts.filter(judged)
        if samples.is_empty():
            return 0
        place = self.problems().select("problem_id").with_row_index("place")
        order = samples.select("problem_id", "index", "sample_id").with_row_index("row").join(place, on="problem_id", how="left")
        rows = order.sort("place", "index", "sample_id", nulls_last=True)["row"]
        samples, verdicts = samples[rows], verdicts[rows]
        number = max(self.shard_numbers(), default=-1) + 1
        samples_fingerprint = content_hash(samples["sample_id"].to_list())
        if judged_with is not None and verdicts["outcome"].null_count() == 0:
            fingerprint = stage_fingerprint("verdicts", judged_with, [samples_fingerprint])
            self.write("verdicts", number, verdicts.select(pl.col(list(STAGES["verdicts"].polars_schema()))), fingerprint)
        self.write("samples", number, samples, samples_fingerprint)
        ledger.remove(samples["sample_id"])
        return samples.height

    def seal_leftovers(self) -> int:
        """Seal what an interrupted run left in the ledger and give its number; raises CotkitError while the run is being sampled."""
        if not (self.path / "samples" / "live.sqlite").exists():
            return 0
        with self.lock():
            ledger = self.ledger()
            try:
                self.reconcile(ledger)
                return self.seal(ledger)
            finally:
                ledger.close()

    def reconcile(self, ledger: Ledger) -> None:
        """Remove from the ledger what a crash left both there and in a shard, and temporary files; needs the lock."""
        live = ledger.sample_ids()
        if live:
            ledger.remove(live & set(self.scan("samples").select("sample_id").collect()["sample_id"]))
        for leftover in [*self.path.glob(f".*{TEMPORARY}*"), *self.path.glob(f"*/.*{TEMPORARY}*")]:
            leftover.unlink(missing_ok=True)

    def problems_fingerprint(self) -> str:
        """Read the fingerprint of the run's problems."""
        return read_fingerprint(self.path / "problems.parquet") or ""

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for writing; raises CotkitError when another process holds it. The lock dies with the process."""
        (self.path / "samples").mkdir(parents=True, exist_ok=True)
        with (self.path / "samples" / ".lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise CotkitError(f"{self.path}: another cotkit is writing to this run", "wait until it is done, or stop it") from None
            yield

    def log(self, event: str, **fields: Any) -> None:
        """Append one line to `log.jsonl`."""
        line = json.dumps({"time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "event": event, **fields}, ensure_ascii=False)
        with disk_errors(self.path / "log.jsonl"), (self.path / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())


def _begun(path: Path) -> bool:
    """Say whether a folder holds nothing but what `create` leaves when it is killed."""
    return path.is_dir() and all(file.name == "problems.parquet" or TEMPORARY in file.name for file in path.iterdir())


def stage_fingerprint(stage: Stage, config: str, inputs: list[str | None]) -> str:
    """Give the fingerprint of a shard: a hash of the stage, its settings' fingerprint and its inputs' fingerprints."""
    return content_hash(stage, config, inputs)


def problems_fingerprint(problems: pl.DataFrame) -> str:
    """Hash the problems' ids, in their order."""
    return content_hash(problems["problem_id"].to_list())


def check_problems(problems: pl.DataFrame, origin: str) -> pl.DataFrame:
    """Check a frame of problems before anything is paid for; raises CotkitError when it is empty or has wrong columns or doubles."""
    schema = Problem.polars_schema()
    missing = [name for name in schema if name not in problems.columns]
    if missing:
        hint = f"make a problem set with `cotkit problems import {origin} -o problems.parquet`"
        raise CotkitError(f"{origin}: not a problem set: no column {', '.join(missing)}", hint)
    if problems.is_empty():
        raise CotkitError(f"{origin}: no problems", "import a file that has some")
    doubled = problems.filter(problems["problem_id"].is_duplicated())["problem_id"]
    if len(doubled):
        raise CotkitError(
            f"{origin}: problem {doubled[0]} is there {(doubled == doubled[0]).sum()} times", "import it again: doubles are left out"
        )
    return problems.select(list(schema)).cast(schema)


def _only_longer(old: Recipe, new: Recipe) -> bool:
    """Say whether a larger token budget is all that changed: what was not cut off is then as good as drawn with it."""
    same = old.sample.model_copy(update={"max_tokens": new.sample.max_tokens})
    return old.sample.max_tokens < new.sample.max_tokens and same.fingerprint() == new.sample.fingerprint()


def _changed_settings(old: Recipe, new: Recipe) -> str:
    before, after = old.sample.model_dump(), new.sample.model_dump()
    changed = [key for key in before if before[key] != after[key] and key not in new.sample.incidental()]
    return ", ".join(f"{key} {before[key]!r} → {after[key]!r}" for key in changed)
