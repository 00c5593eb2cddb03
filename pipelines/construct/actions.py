"""The log of actions: append-only in SQLite while samples are made, then `actions/00000.parquet` beside each shard of samples."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ...schemas.construct import ActionTaken
from ...schemas.errors import CotkitError
from ..run_folder import RunFolder, disk_errors, read_fingerprint, write_parquet

if TYPE_CHECKING:
    import polars as pl


class ActionLog:
    """Actions in the order in which they were taken; one that is there already stays as it is."""

    def __init__(self, path: Path) -> None:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(
                "CREATE TABLE IF NOT EXISTS actions (sample_id TEXT, step INTEGER, row TEXT, PRIMARY KEY (sample_id, step))"
            )
        except sqlite3.Error as error:
            raise CotkitError(f"{path}: not a log of actions: {error}", "restore the file, or move it away") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add(self, taken: ActionTaken) -> None:
        """Append an action; when this returns, it is on disk."""
        row = (taken.sample_id, taken.step, taken.model_dump_json())
        self._database.execute("INSERT OR IGNORE INTO actions VALUES (?, ?, ?)", row)

    def of(self, sample_ids: list[str]) -> pl.DataFrame:
        """Give the actions of samples, in the order of the samples and their steps."""
        import polars as pl

        rows = []
        for key in sample_ids:
            found = self._database.execute("SELECT row FROM actions WHERE sample_id = ? ORDER BY step", (key,))
            rows += [json.loads(text) for (text,) in found]
        return pl.DataFrame(rows, schema=ActionTaken.polars_schema())


def write_actions(run: RunFolder, log: ActionLog) -> None:
    """Write the actions of every shard of samples that has none yet."""
    for number in run.shard_numbers():
        path, mark = run.path / "actions" / f"{number:05}.parquet", run.fingerprint("samples", number) or ""
        if read_fingerprint(path) != mark:
            write_parquet(log.of(run.read("samples", number, ["sample_id"])["sample_id"].to_list()), path, mark)
