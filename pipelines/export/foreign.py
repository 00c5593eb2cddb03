"""Anybody's SFT dataset as conversations: what `cotkit export check` reads.

| columns | read as |
|---|---|
| `prompt`, `completion` | prompt–completion, lists of turns or plain strings |
| `messages` | turns with `role` and `content` |
| `conversations` | turns with `from` and `value` (ShareGPT), or with `role` and `content` |
| `instruction`, `output` (`input`, `system`) | Alpaca |

A folder is read as its `train-*.parquet`, or else as all its Parquet and JSON lines files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...schemas.errors import CotkitError
from .conversation import Malformed
from .proof import Conversation

ROLES = {"human": "user", "gpt": "assistant", "user": "user", "assistant": "assistant", "system": "system", "observation": "tool"}
LAYOUTS = (("prompt", "completion"), ("messages",), ("conversations",), ("instruction", "output"))
KINDS = (".parquet", ".jsonl", ".json")
AT_ONCE = 256


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Read the rows of a file, or of a folder's files in the order of their names; raises CotkitError on what is no dataset."""
    files = _files(path)
    for file in files:
        yield from _parquet(file) if file.suffix == ".parquet" else _json_lines(file)


def layout_of(row: dict[str, Any], path: Path) -> tuple[str, ...]:
    """Tell the layout from a row's columns; raises CotkitError naming those that are known."""
    for layout in LAYOUTS:
        if all(name in row for name in layout):
            return layout
    known = "; ".join(", ".join(layout) for layout in LAYOUTS)
    raise CotkitError(f"{path}: no conversation in the columns {', '.join(row)}", f"the columns that are read: {known}")


def conversation_in(row: dict[str, Any], layout: tuple[str, ...]) -> Conversation:
    """Give a row's messages and the first one that is trained; raises Malformed with the reason when there are none."""
    if missing := [name for name in layout if row.get(name) is None]:
        raise Malformed(f"the column {missing[0]} is null")
    if layout == ("instruction", "output"):
        return _alpaca(row), 0
    if layout != ("prompt", "completion"):
        return _turns(row[layout[0]], layout[0]), 0
    prompt, completion = row["prompt"], row["completion"]
    if isinstance(prompt, str) and isinstance(completion, str):
        return [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}], 1
    return _turns(prompt, "prompt") + _turns(completion, "completion"), len(prompt)


def is_plain(row: dict[str, Any]) -> bool:
    """Say whether a row is two strings, which a trainer joins without any template."""
    return isinstance(row.get("prompt"), str) and isinstance(row.get("completion"), str)


def _turns(value: Any, name: str) -> list[dict[str, Any]]:
    if not isinstance(value, list) or not value or not all(isinstance(turn, dict) for turn in value):
        raise Malformed(f"{name} is not a list of turns")
    if "from" not in value[0]:
        return value
    unknown = [turn.get("from") for turn in value if turn.get("from") not in ROLES]
    if unknown:
        raise Malformed(f"{name} has a turn from {unknown[0]!r}")
    return [{"role": ROLES[turn["from"]], "content": turn.get("value")} for turn in value]


def _alpaca(row: dict[str, Any]) -> list[dict[str, Any]]:
    asked = "\n".join(part for part in (row["instruction"], row.get("input")) if part)
    system = [{"role": "system", "content": row["system"]}] if row.get("system") else []
    return [*system, {"role": "user", "content": asked}, {"role": "assistant", "content": row["output"]}]


def _files(path: Path) -> list[Path]:
    if not path.exists():
        raise CotkitError(f"{path}: no such file or folder", "name a dataset")
    if path.is_file():
        if path.suffix not in KINDS:
            raise CotkitError(f"{path}: not a dataset", f"the kinds of files that are read: {', '.join(KINDS)}")
        return [path]
    files = sorted(path.glob("train-*.parquet")) or sorted(path.glob("train*.jsonl"))
    files = files or sorted(file for file in path.rglob("*") if file.suffix in (".parquet", ".jsonl") and not file.name.startswith("."))
    if not files:
        raise CotkitError(f"{path}: no Parquet and no JSON lines", "name the folder that holds the rows")
    return files


def _parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(AT_ONCE):
                yield from batch.to_pylist()
    except pa.ArrowInvalid as error:
        raise CotkitError(f"{path}: not a Parquet file: {error}", "name a dataset") from None


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    number = 0
    with path.open(encoding="utf-8") as lines:
        listed = path.suffix == ".json" and lines.read(1) == "["
        lines.seek(0)
        try:
            if listed:
                yield from json.load(lines)
                return
            for number, line in enumerate(lines, 1):  # noqa: B007
                if line.strip():
                    yield json.loads(line)
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            where = f"{path}" if listed else f"{path}:{number}"
            raise CotkitError(f"{where}: not valid JSON: {error}", "one object per line, or one list of objects") from None
