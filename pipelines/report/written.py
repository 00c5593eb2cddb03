"""The report's tables in words: for a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from .numbers import RunNumbers
from .text import number, percent, short_number


class Table(NamedTuple):
    """A table whose first column is text and whose others are numbers."""

    title: str
    heads: list[str]
    rows: list[list[str]]


def tables_of(numbers: RunNumbers) -> list[Table]:
    """Give the tables of a run that have rows."""
    outcomes = sum(row.count for row in numbers.outcomes) or 1
    dropped = sum(row.count for row in numbers.reasons) or 1
    spent = sum(row.tokens for row in numbers.tokens) or 1
    funnel = [[row.name, row.unit, number(row.count), "–" if row.tokens is None else short_number(row.tokens)] for row in numbers.funnel]
    judged = [[row.outcome, number(row.count), percent(row.count / outcomes), _median(row.quantiles)] for row in numbers.outcomes]
    reasons = [[row.reason, number(row.count), percent(row.count / dropped)] for row in numbers.reasons]
    tokens = [[row.fate, number(row.samples), short_number(row.tokens), percent(row.tokens / spent)] for row in numbers.tokens]
    tokens += [["never drawn (estimate)", "", short_number(numbers.tokens_saved), ""]] if numbers.tokens_saved else []
    passing = [[f"pass@{row.k}", _share(row.value, row.low, row.high), number(row.problems)] for row in numbers.pass_at_k]
    found = [
        Table("Funnel", ["step", "of", "count", "tokens"], funnel),
        Table("Outcomes", ["outcome", "samples", "share", "median tokens"], judged),
        Table("Why samples were dropped", ["reason", "samples", "share"], reasons),
        Table("Tokens spent", ["fate", "samples", "tokens", "share"], tokens),
        Table("Problems by pass rate", ["correct", "problems"], [[entry.label, number(entry.count)] for entry in numbers.pass_rates]),
        Table("pass@k", ["k", "value (95 %)", "problems"], passing),
        _behaviours(numbers),
        _contamination(numbers),
        _accuracy(numbers),
    ]
    return [table for table in found if table.rows]


def markdown(numbers: Sequence[RunNumbers]) -> str:
    """Write the tables of runs as Markdown."""
    parts = []
    for each in numbers:
        parts.append(f"# {_cell(each.recipe.name)}\n\n{_cell(each.recipe.description)}".strip())
        for table in tables_of(each):
            marks = ["---", *["---:"] * (len(table.heads) - 1)]
            lines = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in (table.heads, marks, *table.rows)]
            parts.append(f"## {table.title}\n\n" + "\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _behaviours(numbers: RunNumbers) -> Table:
    groups = list(dict.fromkeys(rate.group for rate in numbers.behaviours))
    rows: dict[str, list[str]] = {}
    for rate in numbers.behaviours:
        rows.setdefault(f"{rate.lexicon}: {rate.behaviour}", []).append(_share(rate.share, rate.share_low, rate.share_high))
    return Table("Samples that show a behaviour (95 %)", ["behaviour", *groups], [[name, *shares] for name, shares in rows.items()])


def _contamination(numbers: RunNumbers) -> Table:
    benchmarks = numbers.contamination.benchmarks if numbers.contamination else []
    return Table("Problems that stand in a benchmark", ["benchmark", "problems"], [[name, number(count)] for name, _, count in benchmarks])


def _accuracy(numbers: RunNumbers) -> Table:
    rows = [
        [
            f"{point.benchmark}: {point.evaluation}",
            short_number(point.tokens),
            str(point.samples),
            _share(point.value, point.low, point.high),
        ]
        for point in numbers.accuracy
    ]
    return Table("Accuracy against SFT tokens", ["benchmark and evaluation", "SFT tokens", "samples per problem", "accuracy (95 %)"], rows)


def _median(quantiles: tuple[float, ...]) -> str:
    return number(quantiles[2]) if quantiles else "–"


def _share(value: float, low: float | None, high: float | None) -> str:
    return percent(value) + ("" if low is None or high is None else f" ({100 * low:.0f}–{100 * high:.0f})")


def _cell(text: str) -> str:
    """Give a text that breaks no table and starts no markup."""
    return " ".join(text.split()).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
