"""`cotkit problems import`: any file or dataset of problems with checkable answers, as one problem set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..schemas.errors import CotkitError
from ..schemas.problem import KINDS
from ..schemas.recipe import ProblemsConfig
from .problems_make import app as make_app
from .settings import JSON, parse_map, setting, with_changes

app = typer.Typer(no_args_is_help=True)
app.add_typer(make_app, name="make")


@app.callback()
def problems() -> None:
    """Import or make problems with checkable answers."""


@app.command("import")
def import_(
    source: Annotated[str, typer.Argument(help="A JSONL, Parquet or CSV file, a Hugging Face dataset id, or `demo`")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The problem set to write")] = Path("problems.parquet"),
    map: Annotated[list[str] | None, typer.Option("--map", help="OURS=THEIRS, such as answer=final; may be repeated")] = None,
    kind: Annotated[str | None, setting(ProblemsConfig, "kind")] = None,
    split: Annotated[str | None, setting(ProblemsConfig, "split")] = None,
    limit: Annotated[int | None, setting(ProblemsConfig, "limit")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Import problems; columns and kinds are guessed where not given.

    Example: `cotkit problems import gsm8k.jsonl -o problems.parquet`
    """
    from ..pipelines.importing import import_problems
    from ..pipelines.run_folder import write_parquet

    if kind is not None and kind not in KINDS:
        raise CotkitError(f"--kind {kind}: unknown kind", f"choose one of: {', '.join(KINDS)}")
    if out.exists() and not force:
        raise CotkitError(f"{out}: exists", "choose another name with -o, or replace it with --force")
    given = ProblemsConfig(source=source, map=parse_map(map))
    imported = import_problems(with_changes(given, kind=kind, split=split, limit=limit))
    write_parquet(imported.problems, out)
    rejected = out.with_suffix(".rejected.jsonl")
    if imported.rejected.height:
        imported.rejected.write_ndjson(rejected)
    kinds = dict(imported.problems["kind"].value_counts(sort=True).iter_rows())
    typer.echo(f"{out}: {imported.problems.height} problems ({', '.join(f'{n} {name}' for name, n in kinds.items())})", err=True)
    for note in imported.notes:
        typer.echo(f"note: {note}", err=True)
    if imported.rejected.height:
        typer.echo(f"note: {imported.rejected.height} rows are left out; each with its reason in {rejected}", err=True)
    if as_json:
        summary = {"out": str(out), "problems": imported.problems.height, "rejected": imported.rejected.height, "kinds": kinds}
        typer.echo(json.dumps(summary | {"notes": imported.notes}))
