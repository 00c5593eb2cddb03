"""`cotkit samples import`: responses that were drawn elsewhere become a run, to be verified, tagged and curated here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .settings import JSON, parse_map

app = typer.Typer(no_args_is_help=True)


@app.callback()
def samples() -> None:
    """Import samples that were drawn elsewhere."""


@app.command("import")
def import_(
    source: Annotated[Path, typer.Argument(help="A JSONL, Parquet or CSV file with a problem, a gold answer and a response per row")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder to make or to add to")],
    map: Annotated[list[str] | None, typer.Option("--map", help="OURS=THEIRS, such as response=raw; may be repeated")] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Import samples into a run folder; the reasoning is told from the response by its delimiters.

    Example: `cotkit samples import traces.parquet -o runs/traces`
    """
    from ..pipelines.importing import import_samples, problems_of
    from ..pipelines.run_folder import RunFolder
    from ..schemas.recipe import Recipe

    mapping = parse_map(map)
    if (out / "recipe.toml").exists():
        run = RunFolder.open(out)
    else:
        run = RunFolder.create(out, Recipe(name=source.stem), problems_of(source, mapping))
    imported = import_samples(run, source, mapping)
    typer.echo(f"{out}: {imported.added} samples added, {imported.present} were there, {imported.rejected} left out", err=True)
    for note in imported.notes:
        typer.echo(f"note: {note}", err=True)
    typer.echo(f"next: cotkit verify {out}", err=True)
    if as_json:
        typer.echo(json.dumps({"out": str(out), "added": imported.added, "present": imported.present, "rejected": imported.rejected}))
