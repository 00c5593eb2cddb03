"""`cotkit report`: runs in one HTML file that works offline; the same numbers as JSON, Markdown, tables and plots."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..schemas.errors import CotkitError
from .settings import JSON

if TYPE_CHECKING:
    from ..pipelines.report import RunNumbers
    from ..pipelines.run_folder import RunFolder

app = typer.Typer()
Traces = Annotated[int, typer.Option("--traces", min=0, help="Traces to put into the file, at most")]


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(help="Run folders; several are put side by side", show_default=False)],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write", show_default="RUN/report.html")] = None,
    traces: Traces = 500,
    plots: Annotated[Path | None, typer.Option("--plots", help="Write every chart here as SVG and PNG", show_default=False)] = None,
    as_json: Annotated[bool, JSON] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print the tables as Markdown on stdout")] = False,
) -> None:
    """Write a report of one or several runs as one HTML file, and its numbers as tables, JSON, Markdown or plots.

    Example: `cotkit report runs/qwq --plots figures`
    """
    import json

    from ..pipelines import report as reports

    if out is None and len(runs) > 1:
        raise CotkitError(f"{len(runs)} runs and no file named", "give -o comparison.html")
    folders = [open_to_look(run) for run in runs]
    numbers = [reports.run_numbers(folder) for folder in folders]
    path = reports.write_report(folders, out, traces, numbers=numbers)
    written, notes = reports.write_plots(numbers, plots) if plots else ([], [])
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    if as_json:
        said = {"report": str(path), "plots": [str(file) for file in written], "runs": [reports.as_json(each) for each in numbers]}
        typer.echo(json.dumps(said, ensure_ascii=False))
    elif as_markdown:
        typer.echo(reports.markdown(numbers), nl=False)
    else:
        if sys.stdout.isatty():
            _print_tables(numbers)
        typer.echo(str(path))


def open_to_look(path: Path) -> RunFolder:
    """Open a run, sealing what an interrupted one left; one that is being sampled can be looked at, too."""
    from ..pipelines.run_folder import RunFolder

    folder = RunFolder.open(path)
    try:
        folder.seal_leftovers()
    except CotkitError as error:
        typer.echo(f"note: {error.message}; its newest samples are not in the report", err=True)
    return folder


def _print_tables(numbers: list[RunNumbers]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from ..pipelines.report import tables_of

    console = Console()
    for each in numbers:
        console.rule(escape(each.recipe.name))
        for table in tables_of(each):
            drawn: Any = Table(title=table.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
            for place, head in enumerate(table.heads):
                drawn.add_column(head, justify="right" if place else "left", style="" if place else "cyan", overflow="fold")
            for row in table.rows:
                drawn.add_row(*(escape(cell) for cell in row))
            console.print(drawn, "")
