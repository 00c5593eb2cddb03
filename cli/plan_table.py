"""How `cotkit plan` shows a plan: the prompt and the checks, then a row for each way to sample."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

if TYPE_CHECKING:
    from ..pipelines.planning import Estimate, Forecast, Plan

UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


class Column(NamedTuple):
    """One column: a field of `Forecast`, its heading and its unit."""

    field: str
    heading: str
    unit: str = ""


COLUMNS = (
    Column("tokens", "tokens"),
    Column("seconds", "wall clock", "time"),
    Column("gpu_hours", "GPU-hours"),
    Column("cost", "cost"),
    Column("disk_bytes", "disk", "B"),
    Column("correct", "correct", "count"),
    Column("kept", "kept", "count"),
    Column("solved", "solved", "count"),
    Column("tokens_per_kept", "tokens/kept"),
)


def plan_summary(plan: Plan) -> dict[str, Any]:
    """Give a plan as JSON-able data; an estimate is an object of expected, low and high."""
    rows = [row._asdict() for row in plan.forecasts]
    named = [{field: _fields(value) for field, value in row.items()} for row in rows]
    return vars(plan) | {"checks": [check._asdict() for check in plan.checks], "forecasts": named, "ok": plan.ok()}


def _fields(value: Estimate | str | None) -> Any:
    return value if value is None or isinstance(value, str) else value._asdict()


def describe_prompt(plan: Plan) -> None:
    """Print the first prompt as the teacher gets it."""
    typer.echo(typer.style("first prompt", bold=True))
    for message in plan.prompt:
        text = message["content"].replace("\n", "\n             ")
        typer.echo(f"  {message['role']:<11}{text}")


def describe_checks(plan: Plan) -> None:
    """Print what was checked, a line each, with a hint where it failed."""
    typer.echo(typer.style("checks", bold=True))
    for check in plan.checks:
        typer.echo(f"  {'ok' if check.ok else 'fail':<6}{check.name}: {check.said}" + (f" ({check.hint})" if check.hint else ""))


def print_table(plan: Plan) -> None:
    """Print what the figures rest on and the table: expectations with their 90 % intervals; * marks the recipe's own row."""
    if not plan.forecasts:
        typer.echo("no pilot was drawn: mend what failed first", err=True)
        return
    typer.echo(typer.style("forecast", bold=True) + f" for {plan.problems:,} problems: expected [90 % interval]")
    for line in plan.basis:
        typer.echo(f"  {line}")
    columns = [column for column in COLUMNS if any(getattr(row, column.field) is not None for row in plan.forecasts)]
    headings = ["samples per problem", *(column.heading for column in columns)]
    rows = [[_mode(row, plan.own), *(_cell(getattr(row, c.field), c.unit) for c in columns)] for row in plan.forecasts]
    if sys.stdout.isatty():
        _rich_table(headings, rows)
    else:
        _plain_table(headings, rows)


def _mode(row: Forecast, own: str) -> str:
    return f"{row.mode} *" if row.mode == own else row.mode


def _cell(estimate: Estimate | None, unit: str) -> str:
    if estimate is None:
        return "–"
    write = {"time": _duration, "count": lambda value: f"{value:,.0f}" if value < 99_950 else _number(value)}
    expected, low, high = (write.get(unit, lambda value: _number(value) + unit)(value) for value in estimate)
    return f"{expected} [{low}, {high}]"


def _number(value: float) -> str:
    """Write a number with three digits.

    >>> [_number(value) for value in (7, 0.123, 1234, 45_600_000)]
    ['7', '0.12', '1.23k', '45.6M']
    """
    size, letter = next(((size, letter) for size, letter in UNITS if value >= 0.9995 * size), (1.0, ""))
    scaled = value / size
    digits = 0 if scaled >= 99.95 or (not letter and scaled == int(scaled)) else 1 if scaled >= 9.995 else 2
    return f"{scaled:.{digits}f}{letter}"


def _duration(seconds: float) -> str:
    """Write a time in its largest fitting unit.

    >>> [_duration(value) for value in (42, 1000, 20_000, 500_000)]
    ['42 s', '16.7 min', '5.56 h', '5.79 d']
    """
    limits = ((172_800, 86_400, "d"), (7200, 3600, "h"), (120, 60, "min"))
    size, unit = next(((size, unit) for limit, size, unit in limits if seconds >= limit), (1, "s"))
    return f"{_number(seconds / size)} {unit}"


def _plain_table(headings: list[str], rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in [headings, *rows]:
        typer.echo("  ".join([row[0].ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(row[1:], widths[1:], strict=True))]).rstrip())


def _rich_table(headings: list[str], rows: list[list[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*headings)
    for row in rows:
        table.add_row(*(cell.replace(" [", "\n[").replace("[", "\\[") for cell in row), style="bold" if row[0].endswith("*") else None)
    Console().print(table)
