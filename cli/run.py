"""`cotkit run`: a whole recipe, from problems to exports and report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..pipelines.run_folder.resume import Resume
from ..schemas.errors import CotkitError
from ..schemas.recipe import Recipe
from .progress import Progress, ProgressStyle
from .settings import JSON, RESUME, find_recipe

app = typer.Typer()


@app.command()
def run(
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder to make or resume")],
    recipe: Annotated[str | None, typer.Argument(help="A recipe file, or the name of a shipped one", show_default=False)] = None,
    from_hub: Annotated[
        str | None,
        typer.Option("--from-hub", help="Repeat a dataset that cotkit pushed: OWNER/NAME or OWNER/NAME@REVISION", show_default=False),
    ] = None,
    problems: Annotated[str | None, typer.Option("--problems", help="Other problems than the recipe's", show_default=False)] = None,
    teacher: Annotated[str | None, typer.Option("--teacher", help="Another teacher than the recipe's", show_default=False)] = None,
    resume: Annotated[Resume, RESUME] = "if-possible",
    progress: Progress = ProgressStyle.auto,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Run a recipe from problems to exports and report; run it again to resume.

    Example: `cotkit run long_cot_math --problems math_train.parquet --teacher openai:http://127.0.0.1:8000/v1#Qwen/QwQ-32B -o runs/qwq`
    """
    from .whole import run_and_tell

    chosen = _chosen(recipe, from_hub, teacher)
    if problems:
        chosen = chosen.model_copy(update={"problems": chosen.problems.model_copy(update={"source": problems})})
    if teacher:
        chosen = chosen.model_copy(update={"sample": chosen.sample.model_copy(update={"teacher": teacher})})
    run_and_tell(chosen, out, resume, progress, as_json)


def _chosen(recipe: str | None, from_hub: str | None, teacher: str | None) -> Recipe:
    if (recipe is None) == (from_hub is None):
        raise CotkitError("name either a recipe or, with --from-hub, a dataset", "see `cotkit run --help`")
    if recipe is not None:
        return find_recipe(recipe)
    from ..pipelines.hub.fetch import fetch_recipe

    assert from_hub is not None
    fetched = fetch_recipe(from_hub, teacher)
    for note in fetched.notes:
        typer.echo(f"note: {note}", err=True)
    return fetched.recipe
