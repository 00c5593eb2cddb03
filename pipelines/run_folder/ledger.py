"""The live ledger: finished samples and their verdicts in SQLite, one transaction per finished sample.

WAL mode: a sample that `add` returned for survives `kill -9` at any moment. Rows are sealed into Parquet shards and removed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...schemas.errors import CotkitError
from ...schemas.sample import Sample
from ...schemas.verdict import SampleVerdict, Verdict

if TYPE_CHECKING:
    import polars as pl

DRAWN = ("problem_id", "index", "prompt_hash", "teacher_fingerprint", "parameters", "finish_reason", "completion_tokens")
"""Columns of a sample that tell which draw it is and what came of it."""
_TABLE = "CREATE TABLE IF NOT EXISTS samples (sample_id TEXT PRIMARY KEY, problem_id TEXT NOT NULL, sample TEXT NOT NULL, verdict TEXT)"


class Ledger:
    """Finished samples that are not in a shard yet. One process writes at a time (`RunFolder.lock`)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        with self._errors():
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            # NORMAL loses nothing when the process dies, and up to the last few samples when the power does; FULL costs an
            # fsync per sample.
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute(_TABLE)

    def add(self, sample: Sample, verdict: Verdict | None = None) -> None:
        """Commit one finished sample; when this returns, it is on disk. A sample that is there already stays as it is."""
        row = (sample.sample_id, sample.problem_id, sample.model_dump_json(), verdict and verdict.model_dump_json())
        with self._errors():
            self._database.execute("INSERT OR IGNORE INTO samples VALUES (?, ?, ?, ?)", row)

    def add_verdict(self, sample_id: str, verdict: Verdict) -> None:
        """Commit the verdict on a sample that is in the ledger."""
        with self._errors():
            self._database.execute("UPDATE samples SET verdict = ? WHERE sample_id = ?", (verdict.model_dump_json(), sample_id))

    def sample_ids(self) -> set[str]:
        """Give the ids of all samples in the ledger."""
        return {row[0] for row in self._query("SELECT sample_id FROM samples")}

    def unverified(self) -> Iterator[Sample]:
        """Give the samples without a verdict."""
        for (text,) in self._query("SELECT sample FROM samples WHERE verdict IS NULL"):
            yield Sample.model_validate_json(text)

    def drawn(self) -> pl.DataFrame:
        """Give what tells the samples apart, without their texts: the columns `DRAWN`, and the outcome, null before a verdict."""
        import polars as pl

        columns = ", ".join(f"json_extract(sample, '$.{name}')" for name in DRAWN)
        rows = self._query(f"SELECT {columns}, json_extract(verdict, '$.outcome') FROM samples")
        schema = {name: Sample.polars_schema()[name] for name in DRAWN} | {"outcome": pl.String}
        return pl.DataFrame(rows, schema=schema, orient="row")

    def frames(self, sample_ids: Iterable[str] | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Give (samples, verdicts) as frames with the same rows in the same order; a row without a verdict has a null outcome."""
        import polars as pl

        wanted = None if sample_ids is None else set(sample_ids)
        rows = [row for row in self._query("SELECT sample_id, sample, verdict FROM samples") if wanted is None or row[0] in wanted]
        samples = _json_frame([row[1] for row in rows], Sample.polars_schema())
        verdicts = _json_frame([row[2] or "{}" for row in rows], pl.Schema(SampleVerdict.polars_schema()))
        return samples, verdicts.with_columns(pl.Series("sample_id", [row[0] for row in rows], pl.String))

    def counts(self) -> tuple[int, int]:
        """Give (samples, samples with a verdict)."""
        return next(iter(self._query("SELECT count(*), count(verdict) FROM samples")))

    def remove(self, sample_ids: Iterable[str]) -> None:
        """Remove sealed samples, all or none."""
        with self._errors():
            self._database.execute("BEGIN")
            self._database.executemany("DELETE FROM samples WHERE sample_id = ?", ((key,) for key in sample_ids))
            self._database.execute("COMMIT")

    def close(self) -> None:
        """Close the database; the write-ahead log is folded in."""
        self._database.close()

    def _query(self, query: str) -> list[tuple]:
        with self._errors():
            return self._database.execute(query).fetchall()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            text = str(error)
            if "full" in text or "disk I/O" in text or "unable to open" in text or "readonly" in text:
                hint = "free some space (or mend the permissions) and run the same command again: finished samples are kept"
                raise CotkitError(f"{self.path}: cannot write: {text}", hint) from error
            raise
        except sqlite3.DatabaseError as error:
            raise CotkitError(f"{self.path}: not a cotkit ledger: {error}", "restore the file, or move it away") from error


def _json_frame(lines: list[str], schema: pl.Schema) -> pl.DataFrame:
    import polars as pl

    decoded = pl.Series("row", lines, pl.String).str.json_decode(pl.Struct(dict(schema)))
    return decoded.struct.unnest() if lines else pl.DataFrame(schema=schema)
