"""`cotkit demo`: the whole pipeline on shipped problems with a small real model on the CPU, in a few minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .progress import Progress, ProgressStyle
from .settings import JSON, find_recipe

app = typer.Typer()


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder to make or resume")] = Path("cotkit-demo"),
    progress: Progress = ProgressStyle.auto,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Run the whole pipeline on shipped problems with a small real model on the CPU.

    Example: `cotkit demo -o runs/demo`
    """
    from .whole import run_and_tell

    run_and_tell(find_recipe("demo"), out, "if-possible", progress, as_json)
