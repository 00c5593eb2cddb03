"""`cotkit train`: thin trainers on what `cotkit export` wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..schemas.training import RlTrainConfig, SftTrainConfig
from .settings import JSON, find_recipe, setting, with_changes

if TYPE_CHECKING:
    from ..pipelines.training import Trained

app = typer.Typer(no_args_is_help=True)
Export = Annotated[Path, typer.Argument(help="A folder that `cotkit export --format trl` wrote", show_default=False)]
Model = Annotated[str, typer.Option("--model", help="A Hub id or a folder", show_default=False)]
Out = Annotated[Path, typer.Option("--output", "-o", help="Folder of the training; run again, it goes on from its last checkpoint")]
RecipeFile = Annotated[str | None, typer.Option("--recipe", help="Take [train_sft] or [train_rl] from a recipe", show_default=False)]


@app.callback()
def train() -> None:
    """Train on an export: SFT and RL with TRL.

    Example: `cotkit train sft runs/qwq/exports/sft-trl-long --model Qwen/Qwen2.5-7B-Instruct -o runs/qwq/training/sft`
    """


@app.command("sft")
def sft(
    export: Export,
    model: Model,
    output: Out,
    recipe: RecipeFile = None,
    epochs: Annotated[float | None, setting(SftTrainConfig, "epochs")] = None,
    max_steps: Annotated[int | None, setting(SftTrainConfig, "max_steps")] = None,
    batch_size: Annotated[int | None, setting(SftTrainConfig, "batch_size")] = None,
    learning_rate: Annotated[float | None, setting(SftTrainConfig, "learning_rate")] = None,
    max_length: Annotated[int | None, setting(SftTrainConfig, "max_length")] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Fine-tune a model on responses, after the export is proven for it.

    Example: `cotkit train sft runs/qwq/exports/sft-trl-long --model Qwen/Qwen2.5-7B-Instruct -o runs/qwq/training/sft`
    """
    from ..pipelines.training import train_sft

    config = find_recipe(recipe).train_sft if recipe else SftTrainConfig()
    changes = {"epochs": epochs, "max_steps": max_steps, "batch_size": batch_size}
    config = with_changes(config, learning_rate=learning_rate, max_length=max_length, **changes)
    say_trained(train_sft(export, model, output, config, say_step), as_json)


@app.command("rl")
def rl(
    export: Export,
    model: Model,
    output: Out,
    recipe: RecipeFile = None,
    algorithm: Annotated[str | None, setting(RlTrainConfig, "algorithm")] = None,
    max_steps: Annotated[int | None, setting(RlTrainConfig, "max_steps")] = None,
    batch_size: Annotated[int | None, setting(RlTrainConfig, "batch_size")] = None,
    learning_rate: Annotated[float | None, setting(RlTrainConfig, "learning_rate")] = None,
    max_completion_tokens: Annotated[int | None, setting(RlTrainConfig, "max_completion_tokens")] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Train a model by rewards of cotkit's verifiers.

    Example: `cotkit train rl runs/qwq/exports/rl-trl --model runs/qwq/training/sft/model -o runs/qwq/training/rl`
    """
    from ..pipelines.training import train_rl

    config = find_recipe(recipe).train_rl if recipe else RlTrainConfig()
    changes = {"algorithm": algorithm, "max_steps": max_steps, "batch_size": batch_size}
    config = with_changes(config, learning_rate=learning_rate, max_completion_tokens=max_completion_tokens, **changes)
    say_trained(train_rl(export, model, output, config, say_step), as_json)


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
