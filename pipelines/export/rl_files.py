"""The folder of an RL prompt set: its rows as Parquet pieces or one file of JSON lines, the reward module and the launch line."""

from __future__ import annotations

import enum
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data import data_file
from ..run_folder.parquet import replacing, write_text
from .dataset import DatasetFolder
from .lines import LINES, MADE_FROM

if TYPE_CHECKING:
    import polars as pl

REWARD = "cotkit_reward.py"
PACKAGE = "pyproject.toml"
"""For a module that its trainer wants installed, such as verifiers'."""
LAUNCH = "launch.sh"
SUMMARY = "export.json"


class Written(enum.Enum):
    """What became of the reward module."""

    NEW = "written"
    KEPT = "changed by the user, and left as it is"


class PromptSet(DatasetFolder):
    """The files of one prompt set; `fingerprints` has one entry per piece, at most one for JSON lines."""

    def __init__(self, path: Path, fingerprints: list[str], schema: pl.Schema, one_file: bool) -> None:
        super().__init__(path, fingerprints, schema)
        self.one_file = one_file
        if one_file:
            self.wanted = {path / LINES: fingerprints[0]} if fingerprints else {}
            self.pieces = list(self.wanted)

    def names(self) -> list[str]:
        """Name the files of the rows."""
        return [piece.name for piece in self.pieces]

    def remove_stale(self) -> None:
        """Remove the rows of an older export; see `DatasetFolder`."""
        super().remove_stale()
        made_from = self.path / MADE_FROM
        if made_from.exists() and (not self.pieces or not self.is_fresh(0)):
            made_from.unlink()
            (self.path / LINES).unlink(missing_ok=True)

    def is_fresh(self, number: int) -> bool:
        """Say whether the rows are there and made from what they would be made from now."""
        if not self.one_file:
            return super().is_fresh(number)
        made_from = self.path / MADE_FROM
        return self.pieces[number].exists() and made_from.exists() and made_from.read_text() == self.wanted[self.pieces[number]]

    def write(self, number: int, frame: pl.DataFrame) -> None:
        """Write the rows of a piece."""
        if not self.one_file:
            super().write(number, frame)
            return
        with replacing(self.pieces[number]) as temporary:
            frame.select(list(self.schema)).write_ndjson(temporary)
        write_text(self.wanted[self.pieces[number]], self.path / MADE_FROM)

    def write_beside(self, reward: str, launch: str, summary: dict[str, Any]) -> Written:
        """Write reward module, launch line and summary; a module that the user has changed is left as it is."""
        if not self.pieces:
            for name in (REWARD, LAUNCH, PACKAGE, SUMMARY):
                (self.path / name).unlink(missing_ok=True)
            return Written.NEW
        told = json.dumps(summary, ensure_ascii=False, indent=2) + "\n"
        texts = {REWARD: data_file("rewards", f"{reward}.py.template").read_text(encoding="utf-8"), LAUNCH: launch, SUMMARY: told}
        if (package := data_file("rewards", f"{reward}.toml")).exists():
            texts[PACKAGE] = package.read_text(encoding="utf-8")
        kept = False
        for name, text in texts.items():
            there = (self.path / name).read_text(encoding="utf-8") if (self.path / name).exists() else None
            if there is None or (there != text and name in (LAUNCH, SUMMARY)):
                write_text(text, self.path / name)
            kept |= name == REWARD and there not in (None, text)
        return Written.KEPT if kept else Written.NEW
