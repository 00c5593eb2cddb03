"""The archive: traces as they lie in the page, compressed, with an index that is read at once and texts that are read when opened.

    index   {"runs": ["qwq"], "teachers": […], "behaviours": [["reflection", "verification"], …], "problems": […], "traces": […]}
    blocks  [{"texts": [reasoning or null, response], "marks": [behaviour, start, length, …], "loops": [start, length, …]}, …]

Index and blocks are JSON, deflated without a header (RFC 1951), in base64: letters that can close no element and start no script.
Places in texts are UTF-16 units of reasoning, line break, response; starts are counted from the mark before.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.verdict import OUTCOMES
from ..lexicon import Lexicon, load_lexicons
from ..run_folder import RunFolder
from .marks import behaviour_marks, behaviour_names, loop_marks
from .text import shown_text
from .traces import Wanted, viewer_traces

BLOCK_CHARACTERS = 500_000
"""Texts of one block: opening a trace unpacks its block alone."""

PROMPT_CHARACTERS = 20_000
"""Longer problems lose their middle."""

LONGEST_EXTRA = 2_000
"""Answers, errors and the like lose their middle above."""


class Archive(NamedTuple):
    """Traces, ready to be written into a page."""

    traces: int
    directory: str
    blocks: list[str]
    outcomes: list[str]
    """Outcomes that occur, in their own order."""
    teachers: list[str]
    behaviours: list[tuple[str, str]]
    """Behaviours that can be marked, as (lexicon, behaviour)."""
    has_math: bool
    """True when a text may hold a formula."""
    notes: list[str]
    """What could not be marked, and why."""


def archive(runs: Sequence[RunFolder], count: int, wanted: Wanted | None = None) -> Archive:
    """Choose and pack up to `count` traces, the same number of each run."""
    lexicons, notes = _lexicons(runs)
    names = behaviour_names(lexicons)
    packer = _Packer(lexicons)
    for place, run in enumerate(runs):
        packer.add(place, viewer_traces(run, max(1, count // len(runs)), wanted).to_dicts())
    blocks = [pack(block) for block in packer.blocks()]
    index = {
        "runs": [run.recipe.name for run in runs],
        "teachers": [shown_text(name, LONGEST_EXTRA) for name in packer.teachers],
        "behaviours": names,
        "problems": list(packer.problems.values()),
        "traces": packer.traces,
    }
    there = {trace.get("outcome") for trace in packer.traces}
    outcomes = [outcome for outcome in OUTCOMES if outcome in there]
    return Archive(len(packer.traces), pack(index), blocks, outcomes, index["teachers"], names, packer.has_math(), notes)


def pack(value: Any) -> str:
    """Write a value as JSON, deflate it, and spell it in base64.

    >>> zlib.decompress(base64.b64decode(pack({"a": "</script>"})), -15)
    b'{"a":"</script>"}'
    """
    deflate = zlib.compressobj(6, zlib.DEFLATED, -15)
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return base64.b64encode(deflate.compress(data) + deflate.flush()).decode()


class _Packer:
    """Collects the traces of runs: what the index says, and the texts in blocks."""

    def __init__(self, lexicons: Sequence[Lexicon]) -> None:
        self.lexicons = lexicons
        self.numbers = {name: number for number, name in enumerate(behaviour_names(lexicons))}
        self.problems: dict[tuple[int, str], dict[str, Any]] = {}
        self.teachers: list[str] = []
        self.traces: list[dict[str, Any]] = []
        self.texts: list[dict[str, Any]] = []

    def add(self, run: int, rows: list[dict[str, Any]]) -> None:
        """Add the traces of one run."""
        pairs = [(row["reasoning"] and shown_text(row["reasoning"]), shown_text(row["response"])) for row in rows]
        joined = ["\n".join(part for part in pair if part is not None) for pair in pairs]
        marks = behaviour_marks(joined, self.lexicons)
        for row, pair, text, own in zip(rows, pairs, joined, marks, strict=True):
            # without the measure, every text may hold a loop
            loops = loop_marks(text) if row["repeated_share"] is None or row["repeated_share"] > 0 else []
            self.texts.append({"texts": pair, "marks": list(_steps(own)), "loops": list(_loop_steps(loops))})
            self.traces.append(self._entry(run, row))

    def _entry(self, run: int, row: dict[str, Any]) -> dict[str, Any]:
        problem = self.problems.setdefault((run, row["problem_id"]), _problem(row, len(self.problems)))
        if row["teacher"] not in self.teachers:
            self.teachers.append(row["teacher"])
        counts = {(entry["lexicon"], entry["behaviour"]): entry["count"] for entry in row["behaviours"] or []}
        said = {"id": row["sample_id"], "problem": problem["number"], "run": run, "teacher": self.teachers.index(row["teacher"])}
        said |= {name: row[name] for name in ("outcome", "kept", "splits", "index", "seed", "finish_reason", "repeated_share")}
        said |= {name: _short(row[name]) for name in ("answer", "found_by", "decided_by", "reason", "error")}
        said["tokens"] = row["completion_tokens"] if row["tokens"] is None else row["tokens"]
        said["counts"] = [number for name, count in counts.items() if name in self.numbers for number in (self.numbers[name], count)]
        return {name: value for name, value in said.items() if value is not None}

    def has_math(self) -> bool:
        """Say whether a text may hold a formula."""
        golds = (problem.get("gold", "") + problem["prompt"] for problem in self.problems.values())
        return any("$" in text or "\\" in text for text in golds) or any(
            "$" in text or "\\" in text for entry in self.texts for text in entry["texts"] if text
        )

    def blocks(self) -> Iterable[list[dict[str, Any]]]:
        """Give the texts in blocks, and tell each trace in which one it lies."""
        block: list[dict[str, Any]] = []
        number = size = 0
        for trace, entry in zip(self.traces, self.texts, strict=True):
            length = sum(len(text or "") for text in entry["texts"])
            if block and size + length > BLOCK_CHARACTERS:
                yield block
                block, number, size = [], number + 1, 0
            trace["block"], trace["at"] = number, len(block)
            block.append(entry)
            size += length
        if block:
            yield block


def _problem(row: dict[str, Any], number: int) -> dict[str, Any]:
    about = {name: _short(row[name]) for name in ("gold", "kind", "source", "subject", "level") if row[name]}
    return {"number": number, "id": row["problem_id"], "prompt": shown_text(row["prompt"] or "", PROMPT_CHARACTERS)} | about


def _short(value: str | None) -> str | None:
    return None if value is None else shown_text(value, LONGEST_EXTRA)


def _steps(marks: Iterable[tuple[int, int, int]]) -> Iterable[int]:
    before = 0
    for behaviour, start, end in marks:
        yield from (behaviour, start - before, end - start)
        before = start


def _loop_steps(loops: Iterable[tuple[int, int]]) -> Iterable[int]:
    before = 0
    for start, end in loops:
        yield from (start - before, end - start)
        before = start


def _lexicons(runs: Sequence[RunFolder]) -> tuple[list[Lexicon], list[str]]:
    """Load the lexicons that tagged the runs; one that is gone is a note."""
    found: dict[str, Lexicon] = {}
    notes = []
    for name in dict.fromkeys(name for run in runs for name in run.recipe.tag.lexicons):
        try:
            for lexicon in load_lexicons([name]):
                found.setdefault(lexicon.name, lexicon)
        except CotkitError as error:
            notes.append(f"behaviours of {name} are not marked: {error.message}")
    return list(found.values()), notes
