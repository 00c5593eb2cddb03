"""Tables of evaluations on the terminal: shares in per cent, intervals in brackets; data to stdout."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from ..schemas.evaluation import RESULT, AtK, Estimate, EvaluationResult, Score

if TYPE_CHECKING:
    from rich.table import Table

GROUPS_SHOWN = 14


def per_cent(estimate: Estimate) -> str:
    """Write a share in per cent with its interval."""
    return written(estimate, 100, 1)


def written(estimate: Estimate, scale: float = 1, digits: int = 0) -> str:
    """Write an estimate with its interval.

    >>> written(Estimate(value=0.5, low=0.25, high=0.75), 100, 1)
    '50.0 (25.0 to 75.0)'
    """
    if estimate.value is None:
        return "–"
    number = f"{scale * estimate.value:,.{digits}f}"
    if estimate.low is None or estimate.high is None:
        return number
    return f"{number} ({scale * estimate.low:,.{digits}f} to {scale * estimate.high:,.{digits}f})"


def print_result(result: EvaluationResult, folder: Path, as_json: bool) -> None:
    """Print the scores of an evaluation."""
    if as_json:
        typer.echo(result.model_dump_json())
        return
    table = new_table("benchmark", "problems", "samples", "avg %", "pass@k %", "maj@k %", "no answer %", "cut off %", "tokens per sample")
    for name, found in result.benchmarks.items():
        rates = [f"{100 * (found.rates[rate].value or 0):.1f}" for rate in ("no_answer", "truncated")]
        scores = (per_cent(found.avg), _last(found.passing), _last(found.majority))
        table.add_row(name, f"{found.asked:,}", f"{found.samples:,}", *scores, *rates, written(found.tokens))
    show(table)
    for name, found in result.benchmarks.items():
        for title, groups in (("level", found.levels), ("subject", found.subjects)):
            if groups:
                show(_groups(f"{name}, {title}", groups))
    for name, found in result.benchmarks.items():
        left = found.rates["not_judged"]
        if left.value:
            typer.echo(f"note: {name}: {per_cent(left)} % of samples could not be judged, and count as not correct", err=True)
    typer.echo(f"result   {folder / RESULT}", err=True)


def _last(scores: list[AtK]) -> str:
    return f"@{scores[-1].k}  {per_cent(scores[-1])}" if scores else "–"


def _groups(title: str, groups: list[Score]) -> Table:
    table = new_table(title, "problems", "avg %", "tokens per sample")
    for group in sorted(groups, key=lambda group: group.name if "level" in title else -group.problems)[:GROUPS_SHOWN]:
        table.add_row(group.name, f"{group.problems:,}", per_cent(group.avg), written(group.tokens))
    if len(groups) > GROUPS_SHOWN:
        table.add_row(f"… and {len(groups) - GROUPS_SHOWN} more", "", "", "")
    return table


def new_table(first: str, *rest: str) -> Table:
    """Make an empty table; all columns but the first, and those of words, are aligned to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, overflow="fold")
    for name in rest:
        table.add_column(name, justify="left" if name in ("from", "what it asks", "verifiers") else "right", overflow="fold")
    return table


def show(table: Table) -> None:
    """Print a table on stdout, as wide as the terminal, or wide enough where there is none."""
    import shutil
    import sys

    from rich.console import Console

    width = shutil.get_terminal_size((160, 50)).columns if sys.stdout.isatty() else 180
    Console(width=width, soft_wrap=False).print(table)
