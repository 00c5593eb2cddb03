"""`cotkit view`: chosen traces of a run in one HTML file, opened in the browser."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from .report import Traces, open_to_look
from .settings import JSON, RUN

app = typer.Typer()


@app.command()
def view(
    run: Annotated[Path, RUN],
    sample: Annotated[
        list[str] | None, typer.Argument(help="Ids of samples, or their beginnings: with the others of their problems", show_default=False)
    ] = None,
    problem: Annotated[list[str] | None, typer.Option("--problem", help="Only this problem's samples", show_default=False)] = None,
    outcome: Annotated[list[str] | None, typer.Option("--outcome", help="Only samples of this outcome", show_default="all")] = None,
    traces: Traces = 500,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The file to write", show_default="RUN/view.html")] = None,
    opened: Annotated[bool | None, typer.Option("--open/--no-open", help="Open it in the browser", show_default="on a desktop")] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Look at traces of a run in the browser: right and wrong ones side by side, behaviours and loops marked.

    Example: `cotkit view runs/qwq --outcome wrong` or `cotkit view runs/qwq 9c1e04`
    """
    import json

    from ..pipelines.report import Wanted, write_report

    folder = open_to_look(run)
    wanted = Wanted(tuple(outcome or ()), tuple(sample or ()), tuple(problem or ()))
    path = write_report(folder, out or run / "view.html", traces, wanted)
    address = f"{path.absolute().as_uri()}#{sample[0] if sample else 'traces'}"
    typer.echo(json.dumps({"view": str(path), "address": address}) if as_json else address)
    desktop = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if opened or (opened is None and desktop and sys.stdout.isatty()):
        import webbrowser

        if not webbrowser.open(address):
            typer.echo("note: no browser was found; open the address above", err=True)
