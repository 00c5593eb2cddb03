"""Turn the rows of a source into problems; a row that is none is rejected with its reason, never silently dropped."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.problem import Kind, Problem, problem_id
from ...schemas.recipe import ProblemsConfig
from ...verifiers.kinds import one_formula
from .columns import ANSWER_TYPES, WORKED, cell, choose_columns, column_names, kind_of_cell
from .gold import LONGEST_BARE, bare_gold, boxed, kind_of
from .options import LETTERS, Options, embedded_options, gold_index, is_index, read_options, render_options, without_padding
from .reading import Row, Source, read_source

if TYPE_CHECKING:
    import polars as pl


class ImportedProblems(NamedTuple):
    """What a source gave."""

    problems: pl.DataFrame
    """Distinct problems in the order of the source, with the columns of `Problem`."""
    rejected: pl.DataFrame
    """Rows without a usable problem: row (from 1), reason, record (the row as JSON)."""
    notes: list[str]
    """What the user should know of the rest."""
    columns: dict[str, str]
    """Which column was taken for what, ours to theirs."""


class Rejected(Exception):
    """A row is no problem; the text says why."""


class NoAnswer(Rejected):
    """A row states no gold answer."""


class ProblemReader:
    """Makes problems of rows that have the same columns."""

    def __init__(self, source: Source, mapping: dict[str, str], kind: Kind | None) -> None:
        names = column_names(source.rows)
        self.columns = choose_columns(names, mapping, source.place)
        self.kind: Kind | None = kind
        self.origin = source.name
        self.answer_type = next((name for name in names if name.lower() in ANSWER_TYPES), None)
        self.worked = [name for name in names if name.lower() in WORKED and name != self.columns["answer"]]
        self.digits_are_indices = "options" in self.columns and self._all_digits(source.rows)
        self.from_solution = 0

    def problem(self, row: Row, number: int) -> dict[str, Any]:
        """Make a problem of a row, as a dict; raises Rejected."""
        question = clean(last_user_turn(self._cell(row, "prompt"))).strip()
        if not question:
            raise Rejected("no prompt")
        options = read_options(self._cell(row, "options"))
        if options is not None and self.kind in (None, "choice"):
            kind, prompt, answer, texts = self._choice(row, question, options)
        else:
            kind, prompt, answer, texts = self._open(row, question)
        return {
            "problem_id": problem_id(kind, prompt, answer),
            "prompt": prompt,
            "answer": answer,
            "kind": kind,
            "options": texts,
            "source": words(self._cell(row, "source")) or self.origin,
            "subject": words(self._cell(row, "subject")),
            "level": words(self._cell(row, "level")),
            "meta": self._meta(row, number, answer),
        }

    def _cell(self, row: Row, ours: str) -> Any:
        return cell(row, self.columns.get(ours))

    def _all_digits(self, rows: list[Row]) -> bool:
        """Say whether the answers are indices written as text: all digits, all within the options, not all option texts."""
        cells = [(str(self._cell(row, "answer")).strip(), read_options(self._cell(row, "options"))) for row in rows]
        pairs = [(answer, options) for answer, options in cells if options]
        inside = all(is_index(answer, options) for answer, options in pairs)
        return inside and not all(answer in options.texts or answer in options.labels for answer, options in pairs)

    def _choice(self, row: Row, question: str, options: Options) -> tuple[Kind, str, str, list[str]]:
        answer = self._cell(row, "answer")
        if answer is None or answer == "":
            raise NoAnswer("no answer")
        place = gold_index(answer, options, self.digits_are_indices)
        if place is None:
            place = gold_index(bare_gold(answer), options, digits_are_indices=False)
        if place is None:
            raise Rejected(f"the answer {str(answer)[:80]!r} is none of the {len(options.texts)} options")
        texts = [clean(text) for text in without_padding(options, place)]
        if len(texts) > len(LETTERS):
            raise Rejected(f"{len(texts)} options; there are letters for {len(LETTERS)}")
        return "choice", render_options(question, texts), LETTERS[place], texts

    def _open(self, row: Row, question: str) -> tuple[Kind, str, str, list[str]]:
        given = self.kind or kind_of_cell(self._cell(row, "kind"))
        gold = clean(self._gold(row))
        kind, written = kind_of(gold, question, cell(row, self.answer_type))
        if given is None or given == kind:
            given, gold = kind, written
        texts = embedded_options(question) if given == "choice" else []
        if given == "choice" and kind != "choice":
            gold = gold.strip("(). ").upper()
            if gold not in LETTERS[: len(texts) or len(LETTERS)] or len(gold) != 1:
                raise Rejected(f"the answer {gold[:80]!r} is no option's letter")
        return given, question, one_formula(gold) if given == "math" else gold, texts

    def _gold(self, row: Row) -> str:
        value = self._cell(row, "answer")
        gold = bare_gold(value)
        if gold is not None and self.columns["answer"].lower() in WORKED and isinstance(value, str) and gold == value.strip():
            gold = gold if len(gold) <= LONGEST_BARE and "\n" not in gold else None  # a worked solution that states no answer
        if gold is not None:
            return gold
        for name in self.worked:
            text = row.get(name)
            text = "\n".join(map(str, text)) if isinstance(text, list) else text
            gold = bare_gold(boxed(text)) if isinstance(text, str) else None
            if gold:
                self.from_solution += 1
                return gold
        raise NoAnswer("no answer")

    def _meta(self, row: Row, number: int, answer: str) -> str:
        used = {theirs for ours, theirs in self.columns.items() if ours != "answer"}
        value = self._cell(row, "answer")
        if not isinstance(value, str) or len(value) <= len(answer) + 8:  # no more than the gold and its wrapping
            used.add(self.columns["answer"])
        own = "meta" in row and "kind" in self.columns
        rest = {name: text for name, text in row.items() if name not in used and name != "problem_id" and not (own and name == "meta")}
        if own and isinstance(row["meta"], str):
            rest = _own_meta(row["meta"]) | rest
        return compact_json({"row": number} | {name: text for name, text in rest.items() if text is not None})


def import_problems(config: ProblemsConfig) -> ImportedProblems:
    """Import the problems of a source; raises CotkitError when the source is bad or has no usable problem at all."""
    return import_rows(read_source(config), config)


def import_rows(source: Source, config: ProblemsConfig) -> ImportedProblems:
    """Import problems from the rows of a source that is read already; raises CotkitError when none of them is one."""
    reader = ProblemReader(source, config.map, config.kind)
    problems, rejected = [], []
    for number, row in enumerate(source.rows, 1):
        try:
            problems.append(reader.problem(row, number))
        except Rejected as reason:
            rejected.append({"row": number, "reason": str(reason), "record": compact_json(row)})
    if not problems:
        reasons = Counter(row["reason"] for row in rejected).most_common(1)
        hint = f"columns taken: {', '.join(f'{ours} from {theirs!r}' for ours, theirs in reader.columns.items())}; name others with --map"
        raise CotkitError(f"{config.source}: none of its {len(source.rows)} rows is a problem: {reasons[0][0]}", hint)
    return _imported(config, reader, problems, rejected)


def _imported(config: ProblemsConfig, reader: ProblemReader, rows: list[dict], rejected: list[dict]) -> ImportedProblems:
    import polars as pl

    every = pl.DataFrame(rows, schema=Problem.polars_schema())
    problems = every.unique("problem_id", keep="first", maintain_order=True)
    doubles = every.height - problems.height
    problems = problems.head(config.limit) if config.limit else problems
    contested = problems.select(pl.col("prompt").filter(pl.col("prompt").is_duplicated()).n_unique()).item()
    boxes = reader.from_solution
    counted = {
        f"{doubles} double{'' if doubles == 1 else 's'} left out": doubles,
        f"{contested} prompt{' stands' if contested == 1 else 's stand'} there with different answers": contested,
        f"{boxes} empty answer{' was' if boxes == 1 else 's were'} taken from the solution's box": boxes,
    }
    notes = [note for note, count in counted.items() if count]
    schema = {"row": pl.Int64, "reason": pl.String, "record": pl.String}
    return ImportedProblems(problems, pl.DataFrame(rejected, schema=schema), notes, reader.columns)


def last_user_turn(value: Any) -> str:
    """Give a prompt's text: of a chat, the last user turn."""
    if isinstance(value, list):
        turns = [turn for turn in value if isinstance(turn, dict) and turn.get("role", turn.get("from")) in ("user", "human")]
        value = (turns[-1].get("content", turns[-1].get("value")) if turns else None) or ""
    if isinstance(value, list):  # content parts
        value = "\n".join(str(part["text"]) for part in value if isinstance(part, dict) and "text" in part)
    return "" if value is None else str(value)


def clean(text: str) -> str:
    """Replace lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def words(value: Any) -> str | None:
    """Write a subject, level or source cell as text: 4.0 as `4`, a list with semicolons; None when it says nothing."""
    if isinstance(value, list):
        return "; ".join(filter(None, map(words, value))) or None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None or isinstance(value, dict | bytes) else clean(str(value)).strip() or None


def compact_json(row: dict[str, Any]) -> str:
    """Write a row as compact JSON; bytes (images) are left out, and what JSON has no form for is written as text."""
    return clean(json.dumps(_without_bytes(row), ensure_ascii=False, separators=(",", ":"), default=str))


def _own_meta(text: str) -> dict[str, Any]:
    try:
        meta = json.loads(text or "{}")
    except ValueError:
        meta = None
    if not isinstance(meta, dict):
        raise Rejected("meta is not a JSON object")
    return meta


def _without_bytes(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _without_bytes(inner) for key, inner in value.items() if not isinstance(inner, bytes)}
    return [_without_bytes(inner) for inner in value if not isinstance(inner, bytes)] if isinstance(value, list) else value
