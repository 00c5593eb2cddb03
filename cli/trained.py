"""What `cotkit train sft` and `cotkit train rl` share: their options, and how they say what became of a training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..pipelines.training import Trained

OUT_HELP = "Folder of the training, where it goes on when it is run again; RUN/training/… of the export's run when left out"
Export = Annotated[Path, typer.Argument(help="A folder that `cotkit export --format trl` wrote", show_default=False)]
Model = Annotated[str, typer.Option("--model", help="A Hub id or a folder", show_default=False)]
Out = Annotated[Path | None, typer.Option("--output", "-o", help=OUT_HELP, show_default=False)]
RecipeFile = Annotated[str | None, typer.Option("--recipe", help="Take train_sft or train_rl from a recipe", show_default=False)]


def say_step(line: dict[str, float]) -> None:
    """Say how a step went."""
    shown = ("loss", "reward", "kl", "completions/mean_length", "learning_rate")
    parts = [f"{name.rpartition('/')[2].replace('_', ' ')} {line[name]:.4g}" for name in shown if name in line]
    typer.echo(f"step {line['step']:.0f} · {' · '.join(parts)}", err=True)


def say_trained(trained: Trained, as_json: bool) -> None:
    """Say what training left."""
    typer.echo(f"{trained.model}: {trained.steps} steps, {trained.resumed_from} of them by an earlier start", err=True)
    if as_json:
        typer.echo(json.dumps(trained._asdict() | {"model": str(trained.model)}))
