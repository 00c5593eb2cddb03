"""`cotkit run`: a whole recipe, from problems to exports and report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..pipelines.run_folder.resume import Resume
from .progress import Progress, ProgressStyle
from .settings import JSON, RESUME, find_recipe

app = typer.Typer()


@app.command()
def run(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped one")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder to make or resume")],
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

    chosen = find_recipe(recipe)
    if problems:
        chosen = chosen.model_copy(update={"problems": chosen.problems.model_copy(update={"source": problems})})
    if teacher:
        chosen = chosen.model_copy(update={"sample": chosen.sample.model_copy(update={"teacher": teacher})})
    run_and_tell(chosen, out, resume, progress, as_json)
