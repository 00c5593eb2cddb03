"""`cotkit pull`: one of the popular sets becomes a run, to be verified, tagged, curated and exported here, or a problem set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..schemas.errors import CotkitError
from .settings import JSON

app = typer.Typer()


@app.command()
def pull(
    source: Annotated[str, typer.Argument(help="A repository of the Hugging Face Hub, a folder of its data files, or one file")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder to make or to add to; with .parquet, a problem set")],
    config: Annotated[str | None, typer.Option("--config", help="Configuration of the repository, such as `metadata`")] = None,
    split: Annotated[str | None, typer.Option("--split", help="Split; `train`, or what the set has, when left out")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many rows")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing problem set")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Import one of the popular sets (OpenR1-Math, OpenThoughts, DAPO, Big-Math, …), streamed, to be verified again.

    Example: `cotkit pull open-r1/OpenR1-Math-220k --limit 1000 -o runs/openr1`
    """
    from ..pipelines.importing.pulling import Wanted
    from ..pipelines.importing.pulling import pull as pull_set

    if out.suffix == ".parquet" and out.exists() and not force:
        raise CotkitError(f"{out}: exists", "choose another name with -o, or replace it with --force")
    pulled = pull_set(Wanted(source, config, split, limit), out)
    drawn = f", {pulled.samples} samples added, {pulled.present} were there" if out.suffix != ".parquet" else ""
    typer.echo(f"{out}: {pulled.set}: {pulled.problems} problems{drawn}", err=True)
    for note in pulled.notes:
        typer.echo(f"note: {note}", err=True)
    if out.suffix != ".parquet":
        typer.echo(f"next: cotkit verify {out}", err=True)
    if as_json:
        typer.echo(json.dumps({"out": str(out), **pulled._asdict()}))
