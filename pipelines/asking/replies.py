"""The replies that models gave, kept in SQLite under a hash of the question: none is asked twice, whatever dies when.

WAL mode: a reply that `add` returned for survives `kill -9` at any moment.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from ...schemas.errors import CotkitError
from ..run_folder import disk_errors


class Replies:
    """One file of replies. One process writes at a time."""

    def __init__(self, path: Path) -> None:
        with disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        with self._errors():
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT NOT NULL) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def get(self, key: str) -> dict[str, Any] | None:
        """Give the reply to a question; None when there is none yet."""
        with self._errors():
            row = self._database.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        return None if row is None else json.loads(row[0])

    def add(self, key: str, reply: dict[str, Any]) -> None:
        """Keep a reply; when this returns, it is on disk. A reply that is there already stays."""
        with self._errors():
            self._database.execute("INSERT OR IGNORE INTO replies VALUES (?, ?)", (key, json.dumps(reply, ensure_ascii=False)))

    def __len__(self) -> int:
        with self._errors():
            return self._database.execute("SELECT count(*) FROM replies").fetchone()[0]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            hint = "free some space, or stop the other cotkit that writes here, and run the same command again: replies are kept"
            raise CotkitError(f"{self.path}: cannot be used: {error}", hint) from error
        except sqlite3.DatabaseError as error:
            raise CotkitError(f"{self.path}: not a file of replies: {error}", "move it away: the questions are then asked again") from error
