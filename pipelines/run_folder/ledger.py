"""The live ledger: finished samples and their verdicts in SQLite.

WAL mode: a sample that `add` returned for survives `kill -9` at any moment; samples that finish together share a transaction.
Rows are sealed into Parquet shards and removed.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING

from ...schemas.errors import CotkitError
from ...schemas.sample import Sample
from ...schemas.verdict import SampleVerdict, Verdict

if TYPE_CHECKING:
    import polars as pl

DRAWN = ("problem_id", "index", "prompt_hash", "teacher_fingerprint", "parameters", "finish_reason", "completion_tokens")
"""Columns of a sample that tell which draw it is and what came of it."""
CHECKPOINT_PAGES = 8_000
"""Pages of 4 KiB in the write-ahead log before it is folded in."""
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
            self._database.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
            self._database.execute(_TABLE)

    def add(self, sample: Sample, verdict: Verdict | None = None) -> None:
        """Commit one finished sample; when this returns, it is on disk. A sample that is there already stays as it is."""
        self.add_all([sample], [verdict])

    def add_all(self, samples: Sequence[Sample], verdicts: Sequence[Verdict | None] = ()) -> None:
        """Commit finished samples, all or none, with the verdicts of the first of them."""
        rows = [
            (sample.sample_id, sample.problem_id, sample.model_dump_json(), verdict and verdict.model_dump_json())
            for sample, verdict in zip_longest(samples, verdicts)
        ]
        self._write_all("INSERT OR IGNORE INTO samples VALUES (?, ?, ?, ?)", rows)

    def add_verdicts(self, verdicts: Iterable[tuple[str, Verdict]]) -> None:
        """Commit verdicts on samples that are in the ledger, by their ids, all or none."""
        self._write_all(
            "UPDATE samples SET verdict = ? WHERE sample_id = ?", [(verdict.model_dump_json(), key) for key, verdict in verdicts]
        )

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
        self._write_all("DELETE FROM samples WHERE sample_id = ?", [(key,) for key in sample_ids])

    def close(self) -> None:
        """Close the database; the write-ahead log is folded in."""
        self._database.close()

    def _write_all(self, statement: str, rows: Sequence[tuple]) -> None:
        """Run a statement for all rows, in one transaction."""
        with self._errors():
            if len(rows) == 1:
                self._database.execute(statement, rows[0])
            elif rows:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    self._database.executemany(statement, rows)
                    self._database.execute("COMMIT")
                finally:
                    if self._database.in_transaction:
                        self._database.execute("ROLLBACK")

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
