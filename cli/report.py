"""`cotkit report`: the run's report, one HTML file that works offline."""

from __future__ import annotations

import typer

from ..schemas.errors import CotkitError
from .stages import AsJson, Run

app = typer.Typer()


@app.command()
def report(run: Run, as_json: AsJson = False) -> None:
    """Write the run's report as one HTML file.

    Example: `cotkit report runs/qwq`
    """
    import json

    from ..pipelines.report import write_report
    from ..pipelines.run_folder import RunFolder

    folder = RunFolder.open(run)
    try:
        folder.seal_leftovers()
    except CotkitError as error:  # a run that is being sampled can be looked at, too
        typer.echo(f"note: {error.message}; its newest samples are not in the report", err=True)
    path = write_report(folder)
    typer.echo(json.dumps({"report": str(path)}) if as_json else str(path))
