"""What the commands of the stages share: open the run, take a changed section of its recipe, say what was computed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..schemas.recipe import Executor
from .settings import JSON, RECIPE, RUN, find_recipe

if TYPE_CHECKING:
    from ..pipelines.execute.stages import Computed
    from ..pipelines.run_folder import RunFolder

Run = Annotated[Path, RUN]
RecipeFile = Annotated[str | None, RECIPE]
AsJson = Annotated[bool, JSON]
StageExecutor = Annotated[Executor, typer.Option("--executor", help="Compute the shards here, or as tasks of a Ray cluster")]
ShardPart = Annotated[str, typer.Option("--shard", help="Only part i of n of the shards, such as 0/4: for a job array")]


def open_run(path: Path, section: str, recipe: str | None = None) -> RunFolder:
    """Open a run whose leftovers are sealed; a recipe file's section replaces the run's own."""
    from ..pipelines.run_folder import RunFolder

    run = RunFolder.open(path)
    run.seal_leftovers()
    if recipe is not None:
        run.save_recipe(run.recipe.model_copy(update={section: getattr(find_recipe(recipe), section)}))
    return run


def say_computed(run: RunFolder, done: Computed, counts: dict[str, int], as_json: bool, **more: Any) -> None:
    """Say how many shards were computed, and what the stage counts; `more` goes into the JSON."""
    listed = ", ".join(f"{count} {name}" for name, count in counts.items()) or "no samples"
    typer.echo(f"{run.path}: {listed} ({done.computed} shards computed, {done.fresh} were fresh)", err=True)
    if as_json:
        typer.echo(json.dumps({"run": str(run.path), "computed": done.computed, "fresh": done.fresh, "counts": counts, **more}))
