"""`cotkit construct`: constructed reasoning by action prompting, two models, as samples of a run like any other."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..pipelines.run_folder.resume import Resume
from ..schemas.asking import ModelConfig
from ..schemas.construct import ConstructConfig
from ..schemas.recipe import ProblemsConfig
from .progress import watch_shards
from .settings import ENGINE, JSON, RESUME, engine_settings, setting, with_changes

app = typer.Typer()
ACTOR = typer.Option("--actor", help="The model that takes the actions, named as a teacher", show_default=False)
REFLECTOR = typer.Option("--reflector", help="The model that reflects; the actor when left out", show_default=False)


@app.command()
def construct(
    problems: Annotated[str, typer.Argument(help="A problem set, or anything `problems import` reads")],
    actor: Annotated[str, ACTOR],
    out: Annotated[Path, typer.Option("--out", "-o", help="The run folder to make or resume")],
    reflector: Annotated[str | None, REFLECTOR] = None,
    n: Annotated[int | None, setting(ConstructConfig, "n", "-n", "--n")] = None,
    max_steps: Annotated[int | None, setting(ConstructConfig, "max_steps")] = None,
    max_tokens: Annotated[int | None, setting(ConstructConfig, "max_tokens")] = None,
    reply_tokens: Annotated[int | None, setting(ModelConfig, "max_tokens", "--reply-tokens")] = None,
    attempts: Annotated[int | None, setting(ModelConfig, "attempts")] = None,
    temperature: Annotated[float | None, setting(ModelConfig, "temperature")] = None,
    prompts: Annotated[str | None, setting(ConstructConfig, "prompts")] = None,
    concurrency: Annotated[int | None, setting(ModelConfig, "concurrency")] = None,
    engine: Annotated[list[str] | None, ENGINE] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many problems", show_default="all")] = None,
    resume: Annotated[Resume, RESUME] = "if-possible",
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Construct long reasoning action by action: clarify, decompose, solve, reflect, answer; each walk becomes a verified sample.

    Example: `cotkit construct problems.parquet --actor openai:http://gpu1:8000/v1 --reflector openai:http://gpu2:8000/v1 -o runs/built`
    """
    from ..pipelines.construct import construct_run, make_construct_run
    from ..pipelines.verification import verify_run
    from ..pipelines.whole_run import take_problems

    base = ConstructConfig()
    shared = {"max_tokens": reply_tokens, "attempts": attempts, "temperature": temperature, "concurrency": concurrency}
    shared["engine"] = engine_settings(engine) if engine else None
    models = {"actor": with_changes(base.actor, teacher=actor, **shared).model_dump()}
    models["reflector"] = with_changes(base.reflector, teacher=reflector or actor, **shared).model_dump()
    config = with_changes(base, **models, n=n, max_steps=max_steps, max_tokens=max_tokens, prompts=prompts)
    taken, notes = take_problems(ProblemsConfig(source=problems, limit=limit))
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    run = make_construct_run(out, config, taken, resume)
    with watch_shards("constructing") as progress:
        made = construct_run(run, config, lambda so_far: progress(so_far.done, so_far.total))
    verify_run(run, run.recipe.verify)
    outcomes = run.count("verdicts", "outcome")
    listed = ", ".join(f"{count} {ending}" for ending, count in made.endings.most_common()) or "none new"
    judged = ", ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
    typer.echo(f"{out}: {made.done} of {made.total} samples ({listed}; {made.asked} replies asked for); {judged}", err=True)
    if as_json:
        said = {"run": str(out), "total": made.total, "done": made.done, "new": made.done - made.resumed, "asked": made.asked}
        typer.echo(json.dumps(said | {"endings": dict(made.endings), "outcomes": outcomes}))
    if made.unanswered:
        typer.echo(f"note: {made.unanswered} samples wait for questions that failed for now; run the same command again", err=True)
        raise typer.Exit(1)
