"""`cotkit curate`: decide which samples of a run are kept; every dropped one has its one reason."""

from __future__ import annotations

import typer

from .progress import watch_shards
from .stages import AsJson, RecipeFile, Run, open_run, say_computed

app = typer.Typer()


@app.command()
def curate(run: Run, recipe: RecipeFile = None, as_json: AsJson = False) -> None:
    """Decide which samples are kept, with one reason for each that is not.

    The rules are the section `[curate]` of the run's recipe. Example: `cotkit curate runs/qwq --recipe stricter.toml`
    """
    from ..pipelines.curation import curate_run

    folder = open_run(run, "curate", recipe)
    with watch_shards("curating") as progress:
        done = curate_run(folder, folder.recipe.curate, progress=progress)
    counts = {("kept" if reason is None else reason): count for reason, count in folder.count("decisions", "reason").items()}
    say_computed(folder, done, counts, as_json)
