"""`cotkit verify`: judge every sample of a run by rule, verdicts that still hold are left; or check the gold answers of problems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..schemas.recipe import VerifyConfig
from .progress import watch_shards
from .settings import RUN, setting, with_changes
from .stages import AsJson, RecipeFile, ShardPart, StageExecutor, open_run, say_computed

app = typer.Typer()


@app.command()
def verify(
    run: Annotated[Path | None, RUN] = None,
    check_gold: Annotated[
        str | None, typer.Option("--check-gold", metavar="PROBLEMS", help="Prove instead that every gold answer verifies itself")
    ] = None,
    deadline_seconds: Annotated[float | None, setting(VerifyConfig, "deadline_seconds")] = None,
    memory_mib: Annotated[int | None, setting(VerifyConfig, "memory_mib")] = None,
    workers: Annotated[int | None, setting(VerifyConfig, "workers")] = None,
    recipe: RecipeFile = None,
    shard: ShardPart = "0/1",
    executor: StageExecutor = "local",
    as_json: AsJson = False,
) -> None:
    """Judge every sample's answer by rule.

    With --check-gold, list the problems whose gold answer does not verify itself, of a problem set or anything that can be
    imported as one, before anything is paid for; exit 1 when there are any.

    Example: `cotkit verify runs/qwq` or `cotkit verify --check-gold problems.parquet`
    """
    if check_gold is not None:
        config = with_changes(VerifyConfig(), deadline_seconds=deadline_seconds, memory_mib=memory_mib, workers=workers)
        _check_gold(check_gold, config, as_json)
        return
    if run is None:
        raise typer.BadParameter("name a run folder, or a problem set with --check-gold")
    from ..pipelines.execute.stages import parse_part
    from ..pipelines.verification import verify_run

    folder = open_run(run, "verify", recipe)
    config = with_changes(folder.recipe.verify, deadline_seconds=deadline_seconds, memory_mib=memory_mib, workers=workers)
    folder.save_recipe(folder.recipe.model_copy(update={"verify": config}))
    with watch_shards("verifying") as progress:
        done = verify_run(folder, config, parse_part(shard, executor), progress=progress)
    say_computed(folder, done, folder.count("verdicts", "outcome"), as_json)


def _check_gold(source: str, config: VerifyConfig, as_json: bool) -> None:
    from ..pipelines.importing import import_problems
    from ..pipelines.verification import check_gold
    from ..schemas.recipe import ProblemsConfig

    imported = import_problems(ProblemsConfig(source=source))
    listed = check_gold(imported.problems, config)
    for note in imported.notes:
        typer.echo(f"note: {note}", err=True)
    count = imported.problems.height
    typer.echo(f"{source}: {listed.height} of {count} gold answers do not verify themselves", err=True)
    failures = listed.to_dicts()
    if as_json:
        typer.echo(json.dumps({"problems": count, "rejected": imported.rejected.height, "failures": failures}, ensure_ascii=False))
    else:
        for row in failures:
            typer.echo(f"{row['problem_id']}\t{row['outcome']}\t{row['answer']!r}")
    if failures:
        raise typer.Exit(1)
