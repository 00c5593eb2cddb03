"""What `cotkit push` says: of the folder that a dry run built, and of what a push did."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from ..pipelines.hub import Built
    from ..pipelines.hub.push import Pushed


def show_built(built: Built, as_json: bool) -> None:
    """Show the files with their sizes, then the card."""
    if as_json:
        typer.echo(json.dumps({"path": str(built.path), "files": built.files, "rows": built.rows, "card": built.card}, ensure_ascii=False))
        return
    width = max(map(len, built.files))
    for name, size in built.files.items():
        typer.echo(f"{name:<{width}}  {size:>14,} bytes")
    typer.echo(f"{'all':<{width}}  {sum(built.files.values()):>14,} bytes\n\n{built.card}")
    typer.echo(f"nothing was sent; the folder is {built.path}", err=True)


def say_pushed(pushed: Pushed, notes: int, as_json: bool) -> None:
    """Say what was sent, and print where it is."""
    if as_json:
        typer.echo(json.dumps(pushed._asdict() | {"notes": notes}))
        return
    kind = "private" if pushed.private else "public"
    commits = f"{pushed.commits} commit{'s' if pushed.commits != 1 else ''}"
    done = f"{len(pushed.uploaded)} files in {commits}" if pushed.commits else "nothing to push, all of it is there"
    gone = f", {len(pushed.deleted)} old ones deleted" if pushed.deleted else ""
    typer.echo(f"{pushed.repo} ({kind}, {pushed.revision}): {done}{gone}", err=True)
    typer.echo(pushed.url)
