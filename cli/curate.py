"""`cotkit curate`: decide which samples of a run are kept; every dropped one has its one reason."""

from __future__ import annotations

from typing import Annotated

import typer

from ..schemas.errors import CotkitError
from ..schemas.recipe import Recipe
from .progress import watch_shards
from .stages import AsJson, RecipeFile, Run, ShardPart, StageExecutor, open_run, say_computed

app = typer.Typer()


@app.command()
def curate(
    run: Run,
    recipe: RecipeFile = None,
    tokens: Annotated[
        str | None, typer.Option("--tokens", help="Token budget of every split, such as 0.25B; smaller ones are nested in larger ones")
    ] = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Worker processes", show_default="one per core")] = None,
    shard: ShardPart = "0/1",
    executor: StageExecutor = "local",
    as_json: AsJson = False,
) -> None:
    """Decide which samples are kept, with one reason for each that is not.

    The rules are the section `[curate]` of the run's recipe. With --shard only the texts of those shards are read, for signatures
    and the like; when that is done for all parts, the command without it decides.

    Example: `cotkit curate runs/qwq --recipe stricter.toml`
    """
    from ..pipelines.curation import curate_run, split_totals
    from ..pipelines.execute.stages import parse_part
    from ..schemas.decision import reason_kind

    folder = open_run(run, "curate", recipe)
    if tokens is not None:
        folder.save_recipe(_with_budget(folder.recipe, token_count(tokens)))
    part = parse_part(shard, executor)
    with watch_shards("curating") as progress:
        done = curate_run(folder, folder.recipe.curate, part, workers, progress)
    if part.count > 1:
        say_computed(folder, done, {f"shards of part {shard}": done.computed + done.fresh}, as_json)
        return
    counts = {("kept" if kind is None else kind): count for kind, count in folder.count("decisions", reason_kind()).items()}
    totals = split_totals(folder)
    say_computed(folder, done, counts, as_json, splits=[total._asdict() for total in totals])
    for total in totals:
        typer.echo(f"  {total.name}: {total.samples:,} samples of {total.problems:,} problems, {total.tokens:,} tokens", err=True)


def token_count(text: str) -> int:
    """Read a number of tokens such as 250000000, 250M or 0.25B; raises CotkitError.

    >>> token_count("0.25B")
    250000000
    """
    digits, unit = (text[:-1], text[-1].upper()) if text[-1:].isalpha() else (text, "")
    try:
        count = round(float(digits) * {"": 1, "K": 10**3, "M": 10**6, "B": 10**9}[unit])
    except (ValueError, OverflowError, KeyError):
        count = 0
    if count < 1:
        raise CotkitError(f"--tokens {text}: not a number of tokens", "give one such as 250000000, 250M or 0.25B")
    return count


def _with_budget(recipe: Recipe, tokens: int) -> Recipe:
    splits = [split.model_copy(update={"token_budget": tokens}) for split in recipe.curate.splits]
    return recipe.model_copy(update={"curate": recipe.curate.model_copy(update={"splits": splits})})
