"""Load a benchmark: its problems, from the Hub or from a local file, held against what its file says of them.

    load_problems(find_benchmark("math500"))                                     from the Hub
    load_problems(find_benchmark("math500"), Path("math500.parquet"))            from a file

Another number of rows or problems is an error, as it is another benchmark; another content at the right number is a warning and stands
in the result, as copies of a benchmark differ in small things. `accept_changed` makes a warning of both.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...data import data_file
from ...schemas.benchmark import Benchmark, Draw, load_benchmark
from ...schemas.errors import CotkitError, unknown_name
from ...schemas.evaluation import Origin
from ...schemas.recipe import ProblemsConfig
from ...schemas.record import content_hash
from ..importing.columns import cell
from ..importing.problems import import_rows
from ..importing.reading import Row, Source, read_source, stream_dataset

if TYPE_CHECKING:
    import polars as pl

_NOTHING_SAID = re.compile(r"[\W_]+")


class LoadedBenchmark(NamedTuple):
    """A benchmark's problems and where they came from."""

    problems: pl.DataFrame
    origin: Origin
    notes: list[str]
    """What the user should know, doubts about the content first."""


def shipped_benchmarks() -> dict[str, Benchmark]:
    """Give the benchmarks that ship, by name."""
    return {path.stem: load_benchmark(path) for path in sorted(data_file("benchmarks").glob("*.toml"))}


def find_benchmark(name: str) -> Benchmark:
    """Load a benchmark file, or a shipped one by its name; raises CotkitError naming the shipped ones."""
    if name.endswith(".toml") or "/" in name:
        return load_benchmark(Path(name))
    shipped = data_file("benchmarks", f"{name}.toml")
    if not shipped.is_file():
        raise unknown_name("benchmark", name, sorted(path.stem for path in data_file("benchmarks").glob("*.toml")))
    return load_benchmark(shipped)


def load_problems(benchmark: Benchmark, file: Path | None = None, accept_changed: bool = False) -> LoadedBenchmark:
    """Load a benchmark's problems; raises CotkitError when they cannot be read, or are not as many as they must be."""
    config, source = _read(benchmark, file)
    left_out = Counter(reason for row in source.rows if (reason := _reason(benchmark, row)))
    kept = source._replace(rows=[row for row in source.rows if _reason(benchmark, row) is None])
    if not kept.rows:
        raise CotkitError(f"{benchmark.name}: every row of {source.place} is left out", "name the right file or dataset with --from")
    imported = import_rows(kept, config)
    doubles = len(kept.rows) - imported.problems.height - imported.rejected.height
    counts = left_out + Counter({"asked twice": doubles, "not a problem": imported.rejected.height})
    problems = draw_problems(imported.problems, benchmark.draw) if benchmark.draw else imported.problems
    content = content_of(problems)
    mistakes = _mistakes(benchmark, len(source.rows), problems.height)
    if mistakes and not accept_changed:
        hint = "name the right copy with --from NAME=FILE, or take it as it is with --accept-changed: scores are then of another benchmark"
        raise CotkitError(f"{benchmark.name}: {source.place}: {'; '.join(mistakes)}", hint)
    changed = benchmark.content not in (None, content)
    notes = [f"{benchmark.name}: {mistake}" for mistake in mistakes]
    if changed and not mistakes:
        notes.append(f"{benchmark.name}: {source.place}: its texts or answers are not those of the known copy ({content})")
    notes += [f"{benchmark.name}: {count} of {len(source.rows)} rows left out: {reason}" for reason, count in counts.items() if count]
    origin = Origin(
        origin=_public_name(source),
        split=benchmark.split if source.place == benchmark.hub else None,
        revision=benchmark.revision if source.place == benchmark.hub else None,
        rows=len(source.rows),
        left_out={reason: count for reason, count in counts.items() if count},
        content=content,
        as_expected=not (mistakes or changed),
    )
    return LoadedBenchmark(problems, origin, notes)


def _read(benchmark: Benchmark, file: Path | None) -> tuple[ProblemsConfig, Source]:
    place = str(file) if file is not None else benchmark.file or benchmark.hub
    if place is None:
        raise CotkitError(f"{benchmark.name}: neither a dataset nor a file is named", f"add --from {benchmark.name}=FILE")
    config = ProblemsConfig(source=place, map=benchmark.columns, kind=benchmark.kind, split=benchmark.split)
    if file is not None or benchmark.file or place == "demo":
        return config, read_source(config)
    rows = list(stream_dataset(place, benchmark.split, benchmark.revision, benchmark.leave_out))
    if not rows:
        raise CotkitError(f"{place}: split {benchmark.split!r} has no rows", f"name a file with --from {benchmark.name}=FILE")
    return config, Source(place, place, rows)


def _reason(benchmark: Benchmark, row: Row) -> str | None:
    """Say why a row is left out; None for a row that is asked."""
    return next((reason for column, reason in benchmark.leave_out.items() if cell(row, column) not in (None, "", [])), None)


def _mistakes(benchmark: Benchmark, rows: int, problems: int) -> list[str]:
    expected = {"rows": (benchmark.rows, rows), "problems": (benchmark.problems, problems)}
    return [f"{found:,} {what}, and it must be {known:,}" for what, (known, found) in expected.items() if known not in (None, found)]


def _public_name(source: Source) -> str:
    return Path(source.place).name if Path(source.place).exists() else source.place


def content_of(problems: pl.DataFrame) -> str:
    """Hash what problems ask and answer, whatever their order, spacing, punctuation and letter case; leading zeros do not count."""
    return content_hash(sorted(asked_and_answered(prompt, answer) for prompt, answer in problems.select("prompt", "answer").iter_rows()))


def asked_and_answered(prompt: str, answer: str) -> str:
    """Write a problem as the letters and digits of its prompt, and its answer without spaces.

    >>> asked_and_answered("What is $3 + 4$?", "07")
    'whatis34=7'
    """
    bare = "".join(answer.split()).strip("$")
    return f"{_NOTHING_SAID.sub('', prompt.lower())}={(bare.lstrip('0') or '0') if bare.isdigit() else bare}"


def draw_problems(problems: pl.DataFrame, draw: Draw) -> pl.DataFrame:
    """Draw problems by the hash of what they ask, each group in its share (largest remainders); the order of the set is kept."""
    import polars as pl

    keys = [content_hash(draw.seed, asked_and_answered(*row)) for row in problems.select("prompt", "answer").iter_rows()]
    group = pl.col(draw.by).fill_null("") if draw.by else pl.lit("")
    ranked = problems.select(group.alias("group")).with_columns(pl.Series("key", keys)).with_row_index("place").sort("key")
    sizes = ranked.group_by("group").len().sort("group")
    exact = {name: draw.problems * size / problems.height for name, size in sizes.iter_rows()}
    quota = {name: int(share) for name, share in exact.items()}
    by_remainder = sorted(exact, key=lambda name: (quota[name] - exact[name], name))
    for name in by_remainder[: draw.problems - sum(quota.values())]:
        quota[name] += 1
    places = [place for name in exact for place in ranked.filter(pl.col("group") == name)["place"].to_list()[: quota[name]]]
    return problems[sorted(places)]
