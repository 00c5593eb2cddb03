"""`cotkit train rl`: RL on a prompt set, by TRL here, or by verl or OpenRLHF on a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..schemas.training import RlTrainConfig
from .settings import JSON, find_recipe, setting, with_changes
from .trained import Export, Model, Out, RecipeFile, say_step, say_trained

Print = Annotated[bool, typer.Option("--print", help="Write what verl or OpenRLHF needs and print the command, but start nothing")]


def rl(
    export: Export,
    model: Model,
    output: Out = None,
    recipe: RecipeFile = None,
    preset: Annotated[str | None, setting(RlTrainConfig, "preset")] = None,
    engine: Annotated[str | None, setting(RlTrainConfig, "engine")] = None,
    algorithm: Annotated[str | None, setting(RlTrainConfig, "algorithm")] = None,
    max_steps: Annotated[int | None, setting(RlTrainConfig, "max_steps")] = None,
    batch_size: Annotated[int | None, setting(RlTrainConfig, "batch_size")] = None,
    learning_rate: Annotated[float | None, setting(RlTrainConfig, "learning_rate")] = None,
    max_completion_tokens: Annotated[int | None, setting(RlTrainConfig, "max_completion_tokens")] = None,
    print_only: Print = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Train a model by rewards of cotkit's verifiers.

    Example: `cotkit train rl runs/qwq/exports/rl-trl --model runs/qwq/training/sft-qwen2.5-7b/model --engine verl --preset table-7`
    """
    changes = {"engine": engine, "algorithm": algorithm, "max_steps": max_steps, "batch_size": batch_size, "learning_rate": learning_rate}
    config = with_changes(_settings(recipe, preset, max_completion_tokens), **changes)
    _train(export, model, output, config, print_only, as_json)


def _settings(recipe: str | None, preset: str | None, max_completion_tokens: int | None) -> RlTrainConfig:
    """Take the settings of a recipe or a preset; the budget of the rewards follows that of the completions."""
    if recipe and preset:
        raise typer.BadParameter("a recipe names its preset itself: [train_rl] preset = ...", param_hint="--preset")
    config = find_recipe(recipe).train_rl if recipe else with_changes(RlTrainConfig(), preset=preset)
    if preset:
        config = RlTrainConfig.model_validate({"preset": preset})
    if max_completion_tokens is None:
        return config
    reward = config.reward_within(max_completion_tokens).model_dump()
    return with_changes(config, max_completion_tokens=max_completion_tokens, reward=reward)


def _train(export: Path, model: str, output: Path | None, config: RlTrainConfig, print_only: bool, as_json: bool) -> None:
    from ..pipelines.training import default_folder, launch, prepare, train_rl

    out = output or default_folder(export, model, "rl", config.engine, config.method)
    if config.engine == "trl":
        if print_only:
            raise typer.BadParameter("TRL is started in this process: --print is for verl and OpenRLHF", param_hint="--print")
        say_trained(train_rl(export, model, out, config, say_step), as_json)
        return
    prepared = prepare(export, model, out, config)
    for note in prepared.notes:
        typer.echo(f"note: {note}", err=True)
    if print_only:
        typer.echo(f"{out}: rows, reward module, settings and launch.sh written", err=True)
        typer.echo(prepared.line())
        return
    say_trained(launch(prepared, config), as_json)
