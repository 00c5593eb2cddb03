"""`cotkit verify`: judge every sample of a run by rule; verdicts that still hold are left."""

from __future__ import annotations

from typing import Annotated

import typer

from ..schemas.recipe import VerifyConfig
from .progress import watch_shards
from .settings import setting, with_changes
from .stages import AsJson, RecipeFile, Run, ShardPart, open_run, say_computed

app = typer.Typer()


@app.command()
def verify(
    run: Run,
    deadline_seconds: Annotated[float | None, setting(VerifyConfig, "deadline_seconds")] = None,
    memory_mib: Annotated[int | None, setting(VerifyConfig, "memory_mib")] = None,
    workers: Annotated[int | None, setting(VerifyConfig, "workers")] = None,
    recipe: RecipeFile = None,
    shard: ShardPart = "0/1",
    as_json: AsJson = False,
) -> None:
    """Judge every sample's answer by rule.

    Example: `cotkit verify runs/qwq`
    """
    from ..pipelines.execute.stages import parse_part
    from ..pipelines.verification import verify_run

    folder = open_run(run, "verify", recipe)
    config = with_changes(folder.recipe.verify, deadline_seconds=deadline_seconds, memory_mib=memory_mib, workers=workers)
    folder.save_recipe(folder.recipe.model_copy(update={"verify": config}))
    with watch_shards("verifying") as progress:
        done = verify_run(folder, config, parse_part(shard), progress=progress)
    say_computed(folder, done, folder.count("verdicts", "outcome"), as_json)
