"""A dataset as one file of JSON lines, `train.jsonl`, for trainers that take one file; what it was made from stands beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ...schemas.record import content_hash
from ..run_folder.parquet import replacing, write_text
from .dataset import TOKENS, DatasetFolder

if TYPE_CHECKING:
    import polars as pl

LINES = "train.jsonl"
MADE_FROM = ".train.jsonl.fingerprint"


class LinesFolder(DatasetFolder):
    """A `DatasetFolder` whose pieces are parts of one file: it is fresh as a whole or written as a whole, part by part, in order."""

    def __init__(self, path: Path, fingerprints: list[str], schema: pl.Schema) -> None:
        super().__init__(path, fingerprints, schema)
        self.file = path / LINES
        self.made_from = content_hash(fingerprints)
        self._writing: Any = None
        self._open: IO[str] | None = None
        self._totals = (0, 0)

    def remove_stale(self) -> None:
        """Remove a file that was made from something else."""
        if (self.path / MADE_FROM).exists() and not self._is_fresh():
            (self.path / MADE_FROM).unlink()
            self.file.unlink(missing_ok=True)

    def is_fresh(self, number: int) -> bool:  # noqa: ARG002
        """Say whether the file is there and made from what it would be made from now."""
        return self._is_fresh()

    def write(self, number: int, frame: pl.DataFrame) -> None:  # noqa: ARG002
        """Append the rows of a piece; null keys are left out of turns."""
        file = self._open
        if file is None:
            self._writing = replacing(self.file)
            file = self._open = self._writing.__enter__().open("w", encoding="utf-8")
        for row in frame.select(list(self.schema)).iter_rows(named=True):
            row["messages"] = [{key: value for key, value in turn.items() if value is not None} for turn in row["messages"]]
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
        self._totals = (self._totals[0] + frame.height, self._totals[1] + int(frame[TOKENS].sum()))

    def close(self, failed: bool = False) -> None:
        """Finish the file, or drop it when writing failed."""
        if self._open is None:
            return
        self._open.close()
        self._open = None
        if failed:
            self._writing.__exit__(InterruptedError, InterruptedError(), None)
            return
        self._writing.__exit__(None, None, None)
        write_text(json.dumps([self.made_from, *self._totals]), self.path / MADE_FROM)

    def totals(self) -> tuple[int, int]:
        """Give (rows, tokens); a file without rows is removed."""
        _, rows, tokens = self._made_from() or ("", 0, 0)
        if rows == 0:
            for path in (self.file, self.path / MADE_FROM):
                path.unlink(missing_ok=True)
        return rows, tokens

    def _is_fresh(self) -> bool:
        made_from = self._made_from()
        return self.file.exists() and made_from is not None and made_from[0] == self.made_from

    def _made_from(self) -> list[Any] | None:
        path = self.path / MADE_FROM
        return json.loads(path.read_text()) if path.exists() else None
