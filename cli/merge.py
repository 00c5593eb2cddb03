"""`cotkit merge`: several runs become one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .settings import JSON

app = typer.Typer()


@app.command()
def merge(
    runs: Annotated[list[Path], typer.Argument(help="The run folders, such as the parts of a job array", show_default=False)],
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder to make")],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Merge runs into a new one; verdicts and tags come along.

    Example: `cotkit merge runs/part-* -o runs/all`
    """
    from ..pipelines.merging import merge_runs
    from ..pipelines.run_folder import RunFolder

    merged = merge_runs([RunFolder.open(path) for path in runs], out)
    doubles = f"; {merged.doubles} samples were in several runs and are kept once" if merged.doubles else ""
    typer.echo(f"{out}: {merged.samples} samples of {merged.problems} problems from {len(runs)} runs{doubles}", err=True)
    if as_json:
        counts = {"problems": merged.problems, "samples": merged.samples, "doubles": merged.doubles}
        typer.echo(json.dumps({"run": str(out), **counts, "runs": len(runs)}))
