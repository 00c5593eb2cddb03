"""Import samples that were drawn elsewhere: a file of problem, gold answer, response and teacher becomes shards of a run.

    {"problem": "What is 3 + 4?", "gold": "7", "raw": "<think>…</think>So 7.", "teacher": "QwQ-32B"}

Columns, ours to theirs, are mapped or guessed: those of a problem (`prompt`, `answer`, `options`, `kind`, …), then
- `text`: the teacher's whole text, split by the delimiters that the run's recipe names (`auto`), or
- `reasoning` and `response`: two columns, taken as they are; `response` alone is split like `text`;
- `teacher`, `finish_reason`, `prompt_tokens`, `completion_tokens`, `seed`.

A sample's id is a hash of its problem, its teacher, its text, and how many equal ones came before it in the file: importing
a file again, or a longer one, adds only what is new. What was asked is not known, so `prompt_hash` is that of the problem
alone, and `parameters` holds what the file says about the settings.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.errors import CotkitError
from ..run_folder import RunFolder
from .columns import MAPPABLE, cell, column_names
from .problems import ProblemReader, Rejected, clean
from .reading import Row, Source, read_rows
from .sample_shards import FINISH_REASONS, ForeignSample, SampleShards, finish_reason, numbered, problems_among

__all__ = ["FINISH_REASONS", "ImportedSamples", "import_samples", "problems_of", "read_samples"]

if TYPE_CHECKING:
    import polars as pl

GUESSES: dict[str, tuple[str, ...]] = {
    "text": ("raw", "raw_response", "text", "completion", "generation", "generated_text", "output", "model_output", "prediction"),
    "response": ("response", "final"),
    "reasoning": ("reasoning", "reasoning_content", "thinking"),
    "teacher": ("teacher", "model", "model_name", "generator"),
    "finish_reason": ("finish_reason", "stop_reason"),
    "prompt_tokens": ("prompt_tokens", "input_tokens"),
    "completion_tokens": ("completion_tokens", "output_tokens", "generated_tokens", "num_tokens", "tokens"),
    "seed": ("seed",),
}
SETTINGS = ("source", "setting", "temperature", "top_p", "top_k", "max_tokens")
"""Columns that say how a sample was drawn; they go into its `parameters`."""
FLAGS = ("source_correct", "is_correct", "correct", "correctness")
"""Columns of true and false in which a source says whether a sample is right: into its `parameters`, under `source_says`; no verdicts."""


class ImportedSamples(NamedTuple):
    """What an import did."""

    added: int
    present: int
    """Samples of the file that the run had already."""
    rejected: int
    """Rows without a problem, a gold answer or a text."""
    notes: list[str]


@dataclass
class SampleFile:
    """A file of samples: its rows, and which column is what."""

    path: Path
    rows: list[Row]
    columns: dict[str, str]
    """Columns of the sample, ours to theirs."""
    reader: ProblemReader

    def samples(self, rejected: Counter[str]) -> Iterator[ForeignSample]:
        """Give the usable rows in their order; the reasons of the others are counted in `rejected`."""
        seen: Counter[str] = Counter()
        # the other columns say something about the sample, and stay out of the problem's meta
        used = {name for name in (*self.reader.columns.values(), self.reader.answer_type) if name}
        used |= {name.partition(".")[0] for name in used}
        for number, row in enumerate(self.rows, 1):
            try:
                problem = self.reader.problem({name: row[name] for name in used if name in row}, number)
                text, reasoning = self._texts(row)
            except Rejected as reason:
                rejected[str(reason)] += 1
                continue
            teacher = clean(str(self._cell(row, "teacher") or "unknown"))
            yield numbered(self._sample(row, problem, teacher, text, reasoning), seen)

    def _sample(self, row: Row, problem: dict[str, Any], teacher: str, text: str, reasoning: str | None) -> ForeignSample:
        settings = {name: row[name] for name in SETTINGS if row.get(name) is not None}
        if says := {name: row[name] for name in FLAGS if isinstance(row.get(name), bool)}:
            settings["source_says"] = says
        return ForeignSample(
            problem,
            teacher,
            text,
            reasoning,
            finish_reason(self._cell(row, "finish_reason")),
            {ours: _whole_number(self._cell(row, ours)) for ours in ("prompt_tokens", "completion_tokens", "seed")},
            {"imported_from": self.path.name, **settings},
        )

    def _cell(self, row: Row, ours: str) -> Any:
        return cell(row, self.columns.get(ours))

    def _texts(self, row: Row) -> tuple[str, str | None]:
        text, reasoning = self._cell(row, "text"), self._cell(row, "reasoning")
        if not isinstance(text, str):
            raise Rejected("no response" if text is None else "the response is not a text")
        return clean(text), clean(reasoning) if isinstance(reasoning, str) else None


def problems_of(source: Path, mapping: dict[str, str]) -> pl.DataFrame:
    """Give the distinct problems of a file of samples, in their order, as a frame of `Problem`'s columns."""
    rejected: Counter[str] = Counter()
    file = read_samples(source, mapping)
    problems = problems_among(list(file.samples(rejected)))
    if problems.is_empty():
        raise CotkitError(f"{source}: none of its {len(file.rows)} rows is a sample: {rejected.most_common(1)[0][0]}", _columns_hint(file))
    return problems


def import_samples(run: RunFolder, source: Path, mapping: dict[str, str]) -> ImportedSamples:
    """Add the samples of a file to a run, and their problems; raises CotkitError when the file is bad."""
    file, reasons = read_samples(source, mapping), Counter[str]()
    every = list(file.samples(reasons))
    run.seal_leftovers()
    with run.lock():
        shards = SampleShards(run)
        added = shards.add(every)
        run.log("samples imported", source=str(source), added=added, present=len(every) - added, rejected=reasons.total())
    notes = [f"{count} row{'' if count == 1 else 's'} left out: {reason}" for reason, count in reasons.most_common()]
    if "teacher" not in file.columns:
        notes.append("no column names the teacher: it is `unknown`; name one with --map teacher=COLUMN")
    return ImportedSamples(added, len(every) - added, reasons.total(), notes)


def read_samples(source: Path, mapping: dict[str, str]) -> SampleFile:
    """Read a file of samples; raises CotkitError when a column is missing."""
    rows = read_rows(source)
    names = column_names(rows)
    top = ", ".join(name for name in names if name in rows[0])
    for ours, theirs in mapping.items():
        if ours not in MAPPABLE and ours not in GUESSES:
            raise CotkitError(f"--map {ours}={theirs}: no column of a sample", f"map one of: {', '.join([*MAPPABLE, *GUESSES])}")
        if theirs not in names:
            raise CotkitError(f"{source}: no column {theirs!r}", f"its columns: {top}")
    columns = _sample_columns(names, {ours: theirs for ours, theirs in mapping.items() if ours in GUESSES}, set(mapping.values()))
    if "text" not in columns:
        hint = "name it with --map text=COLUMN, or --map reasoning=COLUMN --map response=COLUMN"
        raise CotkitError(f"{source}: cannot tell which column is the response; columns: {top}", hint)
    return SampleFile(source, rows, columns, _problem_reader(source, rows, mapping, columns))


def _problem_reader(source: Path, rows: list[Row], mapping: dict[str, str], columns: dict[str, str]) -> ProblemReader:
    """Make the reader of the rows' problems; the columns that belong to samples are kept from it."""
    of_problem = {ours: theirs for ours, theirs in mapping.items() if ours in MAPPABLE}
    if any("kind" in row for row in rows):
        of_problem.setdefault("kind", "kind")
    of_sample = ({name for guesses in GUESSES.values() for name in guesses} | set(columns.values())) - set(of_problem.values())
    rest = [{name: value for name, value in row.items() if name not in of_sample and name.lower() not in of_sample} for row in rows]
    return ProblemReader(Source.of_file(source, rest), of_problem, None)


def _sample_columns(names: list[str], mapped: dict[str, str], taken: set[str]) -> dict[str, str]:
    """Give ours -> theirs. `text` is what is split, or with `reasoning` beside it the response as it is."""
    folded = {name.lower(): name for name in reversed(names)}
    guessed = {ours: next((folded[guess] for guess in guesses if guess in folded), None) for ours, guesses in GUESSES.items()}
    columns = dict(mapped)
    columns |= {ours: name for ours, name in guessed.items() if name and ours not in columns and name not in taken}
    if "text" in mapped or ("text" in columns and "response" not in mapped):
        columns.pop("reasoning", None)
    elif "response" in columns:
        columns["text"] = columns["response"]
        if "response" in mapped and "reasoning" not in mapped:
            columns.pop("reasoning", None)
    columns.pop("response", None)
    return columns


def _columns_hint(file: SampleFile) -> str:
    taken = {**file.reader.columns, **file.columns}
    return f"columns taken: {', '.join(f'{ours} from {theirs!r}' for ours, theirs in taken.items())}; name others with --map"


def _whole_number(value: Any) -> int | None:
    if isinstance(value, str) and value.strip().isdecimal() and len(value) < 19:
        return int(value)
    return int(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 2**63 else None
