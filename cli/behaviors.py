"""`cotkit behaviors`: how often the samples of runs show each behaviour, with confidence intervals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..schemas.errors import CotkitError
from .settings import JSON

app = typer.Typer()


@app.command()
def behaviors(
    runs: Annotated[list[Path], typer.Argument(help="Run folders, tagged; several are put side by side", show_default=False)],
    by: Annotated[str, typer.Option("--by", help="Groups of samples: none, outcome, teacher, source (of the problem)")] = "none",
    lexicon: Annotated[list[str] | None, typer.Option("--lexicon", help="Only this lexicon, or `code`", show_default="all")] = None,
    as_json: Annotated[bool, JSON] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print a Markdown table on stdout")] = False,
) -> None:
    """Compare how often samples show each behaviour, with confidence intervals.

    Example: `cotkit behaviors runs/qwq --by outcome --lexicon demystify`
    """
    from typing import get_args

    from ..pipelines.behaviors import By, behaviour_rates, markdown
    from ..pipelines.run_folder import RunFolder

    if by not in get_args(By):
        raise CotkitError(f"--by {by}: unknown", f"one of {', '.join(get_args(By))}")
    rates = [rate for run in runs for rate in behaviour_rates(RunFolder.open(run), by, lexicon or ())]  # type: ignore[arg-type]
    if as_json:
        typer.echo(json.dumps([rate._asdict() for rate in rates], ensure_ascii=False))
    elif not rates:
        typer.echo("no behaviour occurs in these samples", err=True)
    else:
        rates.sort(key=lambda rate: (rate.lexicon, rate.behaviour))
        table = markdown(rates)
        typer.echo(table if as_markdown else _aligned(table))


def _aligned(table: str) -> str:
    """Lay a Markdown table out in columns, without its marks."""
    rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines()]
    marks = rows.pop(1)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    sides = [str.rjust if mark.endswith(":") else str.ljust for mark in marks]
    return "\n".join("  ".join(side(cell, width) for side, cell, width in zip(sides, row, widths, strict=True)).rstrip() for row in rows)
