"""Pull a popular set: rows of the Hub, a folder or a file, streamed into a problem set or into a run with its samples.

    pull(Wanted("open-r1/OpenR1-Math-220k", limit=1000), Path("runs/openr1"))      # a run: verify, tag, curate, export it
    pull(Wanted("BytedTsinghua-SIA/DAPO-Math-17k"), Path("dapo.parquet"))          # problems alone, each once

What the source thinks of a sample stands in the sample's `parameters`, under `source_says`; it is no verdict. A list of such flags
that is not as long as the list of responses is kept whole, under `unaligned`: which flag is whose is not known.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.problem import Problem, problem_id
from ...schemas.recipe import ProblemsConfig, Recipe
from ...schemas.record import content_hash
from ..run_folder import RunFolder, write_parquet
from .columns import column_names
from .popular import Drawn, Told, cells, split_of, tell_set
from .problems import NoAnswer, ProblemReader, Rejected, clean
from .reading import Row, Source, stream_dataset
from .row_files import stream_blocks
from .sample_shards import SHARD_ROWS, ForeignSample, SampleShards, finish_reason, numbered, problems_among
from .shapes import ABSENT

if TYPE_CHECKING:
    import polars as pl

FIRST_ROWS = 200
"""Rows from which a set and its columns are told."""
FILES = (".parquet", ".jsonl", ".ndjson", ".csv", ".tsv", ".jsonl.gz", ".jsonl.zst")


class Wanted(NamedTuple):
    """What is pulled."""

    source: str
    config: str | None = None
    """Configuration of a repository, or folder below a folder."""
    split: str | None = None
    limit: int | None = None
    """Only the first so many rows."""


class Pulled(NamedTuple):
    """What a pull did."""

    set: str
    problems: int
    samples: int
    """Samples added."""
    present: int
    """Samples that the run had already."""
    notes: list[str]


def pull(wanted: Wanted, out: Path) -> Pulled:
    """Pull a set into `out`: a problem set when it is named `.parquet`, else a run folder, which is made or added to.

    Raises CotkitError when the source cannot be read, is of no known set, or has no responses for a run.
    """
    rows = itertools.islice(_stream(wanted), wanted.limit)
    first = list(itertools.islice(rows, FIRST_ROWS))
    if not first:
        raise CotkitError(f"{wanted.source}: no rows", "name another split with --split, or another configuration with --config")
    reader = SetReader(wanted, first)
    every = itertools.chain(first, rows)
    if out.suffix == ".parquet":
        return _pull_problems(reader, every, out)
    if not reader.told.set.drawn:
        raise CotkitError(
            f"{wanted.source}: {reader.told.set.name} has problems and no responses", "name a problem set, such as -o problems.parquet"
        )
    return _pull_samples(reader, every, out)


class SetReader:
    """Reads the rows of one set."""

    def __init__(self, wanted: Wanted, first: list[Row]) -> None:
        self.wanted = wanted
        self.told: Told = tell_set(wanted.source, column_names(first))
        self.counts: Counter[str] = Counter()
        """What was left out, or is not as it should be, by reason."""
        self.seen: Counter[str] = Counter()
        drawn = self.told.set.drawn
        names = [(d.text, d.reasoning, d.teacher_column, d.finish_reasons, *d.flags) for d in drawn]
        self._of_samples = {name for group in names for name in group if name}
        rows = [row for row in map(self._problem_row, map(self.flat, first)) if row]
        if not rows:
            reason = self.counts.most_common(1)[0][0]
            raise CotkitError(f"{wanted.source}: none of its first {len(first)} rows holds a problem: {reason}", "name another --split")
        self.counts.clear()  # these rows are read again
        source = Source(wanted.source, wanted.source, rows)
        self.problems = ProblemReader(source, self._mapping(source.rows), None)

    def flat(self, row: Row) -> Row | None:
        """Give a row with plain columns; None, and counted, when it holds nothing of use."""
        try:
            return self.told.set.flatten(row)
        except Rejected as reason:
            self.counts[str(reason)] += 1
            return None

    def problem(self, flat: Row, number: int, needs_gold: bool) -> dict[str, Any] | None:
        """Make a row's problem; None, and counted, when it holds none. Without a gold answer it is `""`, which no verdict passes."""
        row = self._problem_row(flat) or {}
        try:
            return self.problems.problem(row, number)
        except NoAnswer as reason:
            if not needs_gold:
                self.counts["no gold answer"] += 1
                return self._without_gold(row, number)
            self.counts[str(reason)] += 1
        except Rejected as reason:
            self.counts[str(reason)] += 1
        return None

    def samples(self, row: Row, number: int) -> Iterator[ForeignSample]:
        """Give the samples of a row."""
        flat = self.flat(row)
        problem = None if flat is None else self.problem(flat, number, needs_gold=False)
        if flat is None or problem is None:
            return
        for drawn in self.told.set.drawn:
            texts = cells(flat.get(drawn.text))
            for place, text in enumerate(texts):
                if not isinstance(text, str) or text.strip() in ABSENT:
                    self.counts["no response"] += 1
                    continue
                yield numbered(self._sample(flat, problem, drawn, place, len(texts)), self.seen)

    def notes(self) -> list[str]:
        """Say what was left out, and what the user should know of the set."""
        counted = [f"{count} rows or responses: {reason}" for reason, count in self.counts.most_common()]
        by_columns = "told by its columns alone: the teacher is `unknown`" if self.told.set.drawn and not self.told.by_name else ""
        return [note for note in (*counted, by_columns, self.told.set.note) if note]

    def _sample(self, flat: Row, problem: dict[str, Any], drawn: Drawn, place: int, count: int) -> ForeignSample:
        says: Row = {}
        unaligned: Row = {}
        for name in drawn.flags:
            values = flat.get(name)
            if not isinstance(values, list):
                says[name] = values
            elif len(values) == count:
                says[name] = values[place]
            elif place == 0:
                unaligned[name] = values
                self.counts[f"{name} is not as long as {drawn.text}"] += 1
        reasons = cells(flat.get(drawn.finish_reasons or ""))
        settings = {
            "imported_from": self.wanted.source,
            "set": self.told.set.name,
            "config": self.wanted.config,
            "split": self.wanted.split,
        }
        settings |= {"source_says": {name: value for name, value in says.items() if value is not None}, "unaligned": unaligned}
        return ForeignSample(
            problem,
            self._teacher(flat, drawn),
            clean(cells(flat[drawn.text])[place]),
            self._reasoning(flat, drawn, place, count),
            finish_reason(reasons[place]) if len(reasons) == count else "unknown",
            {"prompt_tokens": None, "completion_tokens": None, "seed": None},
            {name: value for name, value in settings.items() if value},
        )

    def _reasoning(self, flat: Row, drawn: Drawn, place: int, count: int) -> str | None:
        thoughts = cells(flat.get(drawn.reasoning)) if drawn.reasoning else []
        if len(thoughts) > count:
            self.counts[f"{drawn.reasoning} is longer than {drawn.text}: its first is taken"] += 1
        thought = thoughts[place] if place < len(thoughts) else None
        return clean(thought) if isinstance(thought, str) else None

    def _teacher(self, flat: Row, drawn: Drawn) -> str:
        named = flat.get(drawn.teacher_column) if drawn.teacher_column else None
        return str(named) if named else drawn.teacher if self.told.by_name else "unknown"

    def _problem_row(self, flat: Row | None) -> Row | None:
        return flat and {name: value for name, value in flat.items() if name not in self._of_samples}

    def _mapping(self, rows: list[Row]) -> dict[str, str]:
        names = set(column_names(rows))
        return {ours: theirs for ours, theirs in self.told.set.problem.items() if theirs in names}

    def _without_gold(self, row: Row, number: int) -> dict[str, Any]:
        made = self.problems.problem(row | {self.problems.columns["answer"]: "0"}, number)
        return made | {"problem_id": problem_id("math", made["prompt"], ""), "kind": "math", "answer": "", "options": []}


def _pull_samples(reader: SetReader, rows: Iterator[Row], out: Path) -> Pulled:
    """Stream rows into a run; it holds one shard's samples in memory, and the ids of all."""
    waiting: list[ForeignSample] = []
    shards: SampleShards | None = None
    added = total = 0
    samples = (sample for number, row in enumerate(rows, 1) for sample in reader.samples(row, number))
    run: RunFolder | None = None
    while waiting := list(itertools.islice(samples, SHARD_ROWS)):
        if run is None:
            run = _run(reader, out, waiting)
        with run.lock():
            shards = shards or SampleShards(run)
            added += shards.add(waiting)
        total += len(waiting)
    if run is None:
        reasons = "; ".join(reader.notes())
        raise CotkitError(f"{reader.wanted.source}: no row holds a response: {reasons}", "name another split or configuration")
    run.log("set pulled", source=reader.wanted.source, set=reader.told.set.name, added=added, present=total - added)
    return Pulled(reader.told.set.name, run.problems().height, added, total - added, reader.notes())


def _run(reader: SetReader, out: Path, samples: list[ForeignSample]) -> RunFolder:
    if (out / "recipe.toml").exists():
        run = RunFolder.open(out)
        run.seal_leftovers()
        return run
    recipe = Recipe(name=reader.told.set.name, problems=ProblemsConfig(source=reader.wanted.source))
    return RunFolder.create(out, recipe, problems_among(samples))


def _pull_problems(reader: SetReader, rows: Iterator[Row], out: Path) -> Pulled:
    """Stream rows into a problem set, each problem once: DAPO-Math-17k has each of its own a hundred times."""
    import polars as pl

    blocks: list[pl.DataFrame] = []
    known: set[str] = set()
    fresh = _fresh_problems(reader, rows, known)
    while block := list(itertools.islice(fresh, SHARD_ROWS)):
        blocks.append(pl.DataFrame(block, schema=Problem.polars_schema()))
    if not blocks:
        raise CotkitError(
            f"{reader.wanted.source}: no row holds a problem: {'; '.join(reader.notes())}", "name another split or configuration"
        )
    problems = pl.concat(blocks)
    write_parquet(problems, out)
    return Pulled(reader.told.set.name, problems.height, 0, 0, reader.notes())


def _fresh_problems(reader: SetReader, rows: Iterator[Row], known: set[str]) -> Iterator[dict[str, Any]]:
    asked, gold = reader.problems.columns["prompt"], reader.problems.columns["answer"]
    repeated: set[str] = set()
    for number, row in enumerate(rows, 1):
        flat = reader.flat(row)
        if flat is None:
            continue
        key = content_hash(str(flat.get(asked)), str(flat.get(gold)))  # an equal row costs no reading
        problem = None if key in repeated else reader.problem(flat, number, needs_gold=True)
        if key in repeated or (problem and problem["problem_id"] in known):
            reader.counts["a double of an earlier one"] += 1
        elif problem:
            known.add(problem["problem_id"])
            yield problem
        repeated.add(key)


def _stream(wanted: Wanted) -> Iterator[Row]:
    path = Path(wanted.source).expanduser()
    if path.is_dir():
        for file in _files(path, wanted):
            yield from _file_rows(file)
    elif path.exists() or path.suffix.lower() in FILES or wanted.source.startswith((".", "/", "~")):
        yield from _file_rows(path)
    else:
        name = wanted.source if wanted.config is None else f"{wanted.source}:{wanted.config}"
        yield from stream_dataset(name, wanted.split or split_of(wanted.source))


def _file_rows(path: Path) -> Iterator[Row]:
    for block in stream_blocks(path):
        yield from block.rows


def _files(folder: Path, wanted: Wanted) -> list[Path]:
    """Give the data files of a folder, those of the configuration and split that are asked for."""
    every = sorted(
        file for file in folder.rglob("*") if file.is_file() and file.name.lower().endswith(FILES) and not file.name.startswith(".")
    )
    found = [file for file in every if wanted.config is None or wanted.config in file.relative_to(folder).parts[:-1]]
    split = wanted.split or split_of(wanted.source)
    of_split = [file for file in found if file.name.startswith((f"{split}-", f"{split}.", f"{split}_")) or file.parent.name == split]
    chosen = of_split or ([] if wanted.split else found)
    if not chosen:
        listed = ", ".join(str(file.relative_to(folder)) for file in every[:10]) or "none"
        raise CotkitError(f"{folder}: no data files of that configuration and split", f"its data files: {listed}")
    return chosen
