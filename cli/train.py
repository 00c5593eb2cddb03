"""`cotkit train`: thin trainers on what `cotkit export` wrote."""

from __future__ import annotations

from typing import Annotated

import typer

from ..schemas.training import SftTrainConfig
from .settings import JSON, find_recipe, setting, with_changes
from .train_rl import rl
from .trained import Export, Model, Out, RecipeFile, say_step, say_trained

app = typer.Typer(no_args_is_help=True)


@app.callback()
def train() -> None:
    """Train on an export: SFT with TRL, RL with TRL, verl or OpenRLHF.

    Example: `cotkit train sft runs/qwq/exports/sft-trl-long --model Qwen/Qwen2.5-7B-Instruct`
    """


@app.command("sft")
def sft(
    export: Export,
    model: Model,
    output: Out = None,
    recipe: RecipeFile = None,
    epochs: Annotated[float | None, setting(SftTrainConfig, "epochs")] = None,
    max_steps: Annotated[int | None, setting(SftTrainConfig, "max_steps")] = None,
    batch_size: Annotated[int | None, setting(SftTrainConfig, "batch_size")] = None,
    learning_rate: Annotated[float | None, setting(SftTrainConfig, "learning_rate")] = None,
    max_length: Annotated[int | None, setting(SftTrainConfig, "max_length")] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Fine-tune a model on responses, after the export is proven for it.

    Example: `cotkit train sft runs/qwq/exports/sft-trl-long --model Qwen/Qwen2.5-7B-Instruct`
    """
    from ..pipelines.training import default_folder, train_sft

    config = find_recipe(recipe).train_sft if recipe else SftTrainConfig()
    changes = {"epochs": epochs, "max_steps": max_steps, "batch_size": batch_size}
    config = with_changes(config, learning_rate=learning_rate, max_length=max_length, **changes)
    out = output or default_folder(export, model, "sft")
    say_trained(train_sft(export, model, out, config, say_step), as_json)


app.command("rl")(rl)
