"""`cotkit report`: the run's report, one HTML file that works offline."""

from __future__ import annotations

import typer

from .stages import AsJson, Run, open_run

app = typer.Typer()


@app.command()
def report(run: Run, as_json: AsJson = False) -> None:
    """Write the run's report as one HTML file.

    Example: `cotkit report runs/qwq`
    """
    import json

    from ..pipelines.report import write_report

    path = write_report(open_run(run, "report"))
    typer.echo(json.dumps({"report": str(path)}) if as_json else str(path))
