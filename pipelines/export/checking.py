"""Check anybody's dataset for a student: the proof of every row, as `cotkit export sft --student` makes it for ours."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.recipe import SftFormat
from ..rendering import Student
from ..run_folder.parquet import write_parquet
from .conversation import Malformed
from .foreign import AT_ONCE, conversation_in, is_plain, layout_of, read_rows
from .formats import FORMATS
from .proof import Proof, Proven
from .verdicts import first_failure

BYTES_PER_TOKEN = 3
DEFAULT_FORMAT: dict[str, SftFormat] = {
    "prompt": "trl",
    "messages": "messages",
    "conversations": "llamafactory",
    "instruction": "llamafactory",
}


class Checked(NamedTuple):
    """What a check found."""

    rows: int
    refused: dict[str, int]
    """How many rows fail, by reason."""
    examples: dict[str, int]
    """The first row of each reason, counted from 0."""
    longest_row: int
    lengths_counted: bool
    """Whether the student's tokenizer counted the tokens; else one is taken for three bytes."""
    failure: str | None
    """Where the template loses it, shown on the first skeleton that fails."""
    notes: list[str]
    format: SftFormat


class CheckSettings(NamedTuple):
    """How a dataset is checked."""

    format: SftFormat | None = None
    """The trainer; told from the columns when left out."""
    max_length: int | None = None
    refused: Path | None = None
    """Where to write the rows that fail: their number and the reason."""


def check_dataset(path: Path, student: Student, settings: CheckSettings | None = None) -> Checked:
    """Prove every row of a dataset; raises CotkitError when it has no conversations. Memory is that of 256 rows and the failures."""
    settings = settings or CheckSettings()
    rows = read_rows(path)
    first = next(rows, None)
    if first is None:
        return Checked(0, {}, {}, 0, student.tokenizer_file is not None, None, [], settings.format or "trl")
    layout = layout_of(first, path)
    format = settings.format or DEFAULT_FORMAT[layout[0]]
    FORMATS[format].check_kwargs(format, student.kwargs)
    proofs = _Proofs(student, _reading(first, format, layout), FORMATS[format].kwargs == "column")
    failed: list[tuple[int, str]] = []
    count = longest = 0
    for some in _batches(first, rows):
        for reason, tokens in _checked(some, layout, proofs, settings.max_length):
            if reason is None:
                longest = max(longest, tokens)
            else:
                failed.append((count, reason))
            count += 1
    _write(failed, settings.refused)
    counts = Counter(reason for _, reason in failed)
    examples = {reason: number for number, reason in reversed(failed)}
    failures = (first_failure(proof, "", FORMATS[format].reasoning) for proof in proofs.made.values())
    failure = next(filter(None, failures), None)
    notes = sorted({note for proof in proofs.made.values() for note in proof.notes()})
    return Checked(count, dict(counts.most_common()), examples, longest, student.tokenizer_file is not None, failure, notes, format)


class _Proofs:
    """A proof for each set of variables that rows give the chat template, in a column that only some trainers read."""

    def __init__(self, student: Student, reads: str, column: bool) -> None:
        self.student, self.reads, self.column = student, reads, column
        self.made: dict[str, Proof] = {}

    def prove(self, row: dict[str, Any], layout: tuple[str, ...]) -> Proven:
        kwargs = {**self.student.kwargs, **(row.get("chat_template_kwargs") or {})} if self.column else self.student.kwargs
        key = repr(sorted(kwargs.items()))
        try:
            if key not in self.made:
                self.made[key] = Proof(self.student.given(kwargs) if kwargs else self.student, self.reads)
            return self.made[key].prove([conversation_in(row, layout)])[0]
        except (Malformed, CotkitError) as error:
            return Proven(str(error))


def _reading(row: dict[str, Any], format: SftFormat, layout: tuple[str, ...]) -> str:
    if is_plain(row):
        return "joined"
    # TRL takes its loss from the template's own marks when there is no prompt column
    return "generation" if format == "trl" and layout != ("prompt", "completion") else FORMATS[format].reads


def _batches(first: dict[str, Any], rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    some = [first, *islice(rows, AT_ONCE - 1)]
    while some:
        yield some
        some = list(islice(rows, AT_ONCE))


def _checked(rows: list[dict[str, Any]], layout: tuple[str, ...], proofs: _Proofs, limit: int | None) -> Iterator[tuple[str | None, int]]:
    proven = [proofs.prove(row, layout) for row in rows]
    counted = proofs.student.count_tokens([row.text for row in proven])
    lengths = counted if counted is not None else [-(-len(row.text.encode()) // BYTES_PER_TOKEN) for row in proven]
    for row, tokens in zip(proven, lengths, strict=True):
        too_long = row.reason is None and limit is not None and tokens > limit
        yield (f"longer than max_length {limit}" if too_long else row.reason), tokens


def _write(failed: list[tuple[int, str]], path: Path | None) -> None:
    import polars as pl

    if path is not None:
        write_parquet(pl.DataFrame(failed, schema={"row": pl.Int64, "reason": pl.String}, orient="row"), path)
