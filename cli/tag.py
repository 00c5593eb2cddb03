"""`cotkit tag`: tag how every sample of a run reasons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..schemas.recipe import TagConfig
from .progress import watch_shards
from .settings import setting, with_changes
from .stages import AsJson, RecipeFile, Run, ShardPart, StageExecutor, open_run, say_computed

app = typer.Typer()


@app.command()
def tag(
    run: Run,
    lexicon: Annotated[list[str] | None, setting(TagConfig, "lexicons", "--lexicon")] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Worker processes", show_default="one per core")] = None,
    recipe: RecipeFile = None,
    shard: ShardPart = "0/1",
    executor: StageExecutor = "local",
    as_json: AsJson = False,
) -> None:
    """Tag how every sample reasons.

    Example: `cotkit tag runs/qwq --lexicon demystify`
    """
    from ..pipelines.execute.stages import parse_part
    from ..pipelines.tagging import tag_run

    folder = open_run(run, "tag", recipe)
    config = with_changes(folder.recipe.tag, lexicons=lexicon).beside(Path())
    folder.save_recipe(folder.recipe.model_copy(update={"tag": config}))
    with watch_shards("tagging") as progress:
        done = tag_run(folder, config, parse_part(shard, executor), workers, progress)
    say_computed(folder, done, {"samples tagged": sum(folder.count("tags", "tokens_estimated").values())}, as_json)
