r"""Grade anything: a file with a gold answer and a response in every row, or a single pair, no run folder needed.

    {"gold": "\\frac12", "response": "… so it is \\boxed{0.5}."}
 -> {…, "outcome": "correct", "answer": "0.5", "found_by": "boxed", "decided_by": "exact", "milliseconds": 0.05}

Rows keep their order and their columns. An added column whose name is taken gets `graded_` before it: a file's own `answer`
stays. Reasoning before a response is split off. A row without a gold answer or a response is an outcome, a bad file an error.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import IO, Any

from ..schemas.errors import CotkitError, unknown_name
from ..schemas.problem import KINDS, Kind, Problem
from ..schemas.recipe import VerifyConfig
from .delimiters import split_reasoning
from .execute.judging import Judged, Response, judge_all
from .execute.pool import VerifierPool
from .importing.columns import ANSWER_TYPES, WORKED, cell, column_names, kind_of_cell
from .importing.gold import LONGEST_BARE, bare_gold, kind_of
from .importing.options import LETTERS, gold_index, read_options
from .importing.row_files import Block, Row, open_output, stream_blocks
from .importing.samples import FINISH_REASONS

ADDED = ("outcome", "answer", "found_by", "decided_by", "milliseconds")
# ours -> names in the order in which they are taken; compared without regard to case
GUESSES: dict[str, tuple[str, ...]] = {
    "gold": (
        "gold",
        "gold_answer",
        "ground_truth",
        "reward_model.ground_truth",
        "reward_spec.ground_truth",
        "expected_answer",
        "expected",
        "reference_answer",
        "correct_answer",
        "target",
        "answer",
        "final_answer",
        "answerkey",
        "solution",
        "label",
    ),
    "response": (
        "response",
        "completion",
        "output",
        "generation",
        "prediction",
        "raw",
        "raw_response",
        "model_output",
        "generated_text",
        "model_answer",
        "text",
    ),
    "kind": ("kind",),
    "prompt": ("prompt", "problem", "question", "query", "instruction"),
    "options": ("options", "choices"),
    "finish_reason": ("finish_reason", "stop_reason"),
    "answer_type": ANSWER_TYPES,
}
NEEDED = ("gold", "response")


@dataclass
class Summary:
    """What a file's grading has given so far."""

    rows: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    decided_by: Counter[str] = field(default_factory=Counter)
    columns: dict[str, str] = field(default_factory=dict)
    """Which column was taken for what, ours to theirs."""
    added: dict[str, str] = field(default_factory=dict)
    """The names of the added columns, ours to those in the output."""


class RowReader:
    """Makes what a verifier needs of a row."""

    def __init__(self, names: list[str], mapping: dict[str, str], kind: Kind | None, place: str) -> None:
        self.columns = choose_columns(names, mapping, place)
        self.kind = kind
        self._problem = lru_cache(maxsize=256)(self._open_problem)

    def item(self, row: Row) -> Response:
        """Give response, problem and finish reason of a row."""
        reason = FINISH_REASONS.get(str(self._cell(row, "finish_reason")).lower(), "unknown")
        text = response_text(self._cell(row, "response"))
        return split_reasoning(text).response, self.problem(row), reason

    def problem(self, row: Row) -> Problem:
        """Make a problem of a row; its answer is empty when the row has none."""
        kind = self.kind or kind_of_cell(self._cell(row, "kind"))
        prompt = self._cell(row, "prompt")
        prompt = prompt if isinstance(prompt, str) else ""
        gold, options = self._cell(row, "gold"), read_options(self._cell(row, "options"))
        if options is not None and kind in (None, "choice") and gold not in (None, ""):
            place = gold_index(gold, options, digits_are_indices=False)
            place = gold_index(bare_gold(gold), options, digits_are_indices=False) if place is None else place
            if place is not None:
                return Problem.make(prompt, LETTERS[place], "choice", options=options.texts)
        return self._problem(self._bare(gold), kind, prompt, self._cell(row, "answer_type"))

    def _open_problem(self, gold: str, kind: Kind | None, prompt: str, answer_type: Any) -> Problem:
        told, written = kind_of(gold, prompt, answer_type)
        return Problem.make("", written if kind in (None, told) else gold, kind or told)

    def _bare(self, value: Any) -> str:
        gold = bare_gold(value) or ""
        worked = self.columns["gold"].lower() in WORKED and gold == str(value).strip()
        stated = not worked or (len(gold) <= LONGEST_BARE and "\n" not in gold)  # else a worked solution that states no answer
        return gold.encode("utf-8", "replace").decode() if stated else ""

    def _cell(self, row: Row, ours: str) -> Any:
        return cell(row, self.columns.get(ours))


def choose_columns(names: list[str], mapping: dict[str, str], place: str) -> dict[str, str]:
    """Give ours -> theirs; raises CotkitError when a mapped column is not there, or none can be the gold or the response."""
    listed = ", ".join(name for name in names if "." not in name)
    for ours, theirs in mapping.items():
        if ours not in GUESSES:
            raise unknown_name("column", ours, list(GUESSES))
        if theirs not in names:
            raise CotkitError(f"{place}: no column {theirs!r}", f"its columns: {listed}")
    folded = {name.lower(): name for name in reversed(names)}
    columns = dict(mapping)
    for ours, guesses in GUESSES.items():
        free = (folded[guess] for guess in guesses if guess in folded and folded[guess] not in columns.values())
        if ours not in columns and (found := next(free, None)) is not None:
            columns[ours] = found
    missing = [ours for ours in NEEDED if ours not in columns]
    if missing:
        message = f"{place}: cannot tell which column is the {' and the '.join(missing)}; columns: {listed}"
        raise CotkitError(message, "name it with " + " ".join(f"--{ours} COLUMN" for ours in missing))
    return columns


def response_text(value: Any) -> str:
    """Give a response cell's text: of a chat, the last assistant turn."""
    if isinstance(value, list):
        turns = [turn for turn in value if isinstance(turn, dict) and turn.get("role", turn.get("from")) in ("assistant", "gpt")]
        value = (turns[-1].get("content", turns[-1].get("value")) if turns else None) or ""
    return "" if value is None else str(value)


def grade_file(
    source: Path, out: Path | IO[str] | None, reader: Callable[[list[str]], RowReader], config: VerifyConfig
) -> Iterator[Summary]:
    """Grade a file, giving the summary so far after every block; `out` is a Parquet or JSONL file, or an open stream.

    `reader` makes the RowReader for the column names of the first rows. What is written appears under its name when it is whole.
    """
    blocks = stream_blocks(source)
    first = next(blocks, None)
    if first is None:
        raise CotkitError(f"{source}: no rows", "give a file that has some")
    names = column_names(first.rows)
    rows = reader(names)
    summary = Summary(columns=rows.columns, added=added_names(names, source) if out is not None else {})
    started = time.monotonic()
    with VerifierPool(config) as pool, open_output(out, source) as write:
        for block, judged in _graded(first, blocks, rows, pool):
            write(block, [_cells(one, summary) for one in judged])
            summary.rows += len(judged)
            summary.seconds = time.monotonic() - started
            yield summary


def _graded(first: Block, blocks: Iterator[Block], rows: RowReader, pool: VerifierPool) -> Iterator[tuple[Block, list[Judged]]]:
    pending: deque[Block] = deque()

    def items() -> Iterator[Response]:
        block: Block | None = first
        while block is not None:
            pending.append(block)
            yield from map(rows.item, block.rows)
            block = next(blocks, None)

    done = judge_all(pool, items())
    for one in done:
        block = pending.popleft()
        yield block, [one, *islice(done, len(block.rows) - 1)]


def _cells(judged: Judged, summary: Summary) -> Row:
    verdict = judged.result()
    summary.outcomes[verdict.outcome] += 1
    summary.decided_by[verdict.decided_by] += 1
    values = (verdict.outcome, verdict.answer, verdict.found_by, verdict.decided_by, round(judged.milliseconds, 3))
    return dict(zip(summary.added.values(), values, strict=False))


def added_names(names: list[str], source: Path) -> dict[str, str]:
    """Name the added columns, ours to those in the output."""
    added = {ours: f"graded_{ours}" if ours in names else ours for ours in ADDED}
    taken = sorted(set(added.values()) & set(names))
    if taken:
        raise CotkitError(f"{source}: has the columns {', '.join(taken)} already", "it has been graded; grade the file it was made from")
    return added


def grade_one(gold: str, response: str, kind: Kind | None, config: VerifyConfig) -> tuple[Problem, Judged]:
    """Grade a single response against a gold answer."""
    row = {"gold": gold, "response": response}
    text, problem, reason = RowReader(list(row), {}, kind, "").item(row)
    with VerifierPool(config.model_copy(update={"workers": 1})) as pool:
        judged = pool.submit(text, problem, reason)
        judged.result()
    return problem, judged


def parse_kind(name: str) -> Kind:
    """Check the name of a kind; raises CotkitError naming the kinds."""
    if name not in KINDS:
        raise unknown_name("kind", name, list(KINDS))
    return name
