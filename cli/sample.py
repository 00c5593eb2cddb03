"""`cotkit sample`: draw n responses per problem from a teacher; each is committed when it is finished and verified at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..pipelines.run_folder.resume import Resume
from ..schemas.errors import CotkitError
from ..schemas.recipe import Executor, ProblemsConfig, Recipe, SampleConfig
from .progress import Progress, ProgressStyle, describe_settled, watch_sampling
from .settings import ENGINE, JSON, RESUME, engine_settings, find_recipe, setting, with_changes

app = typer.Typer()


@app.command()
def sample(
    problems: Annotated[str, typer.Argument(help="A problem set, anything `problems import` reads, or a run folder to go on with")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The run folder to make or resume", show_default=False)] = None,
    teacher: Annotated[str | None, setting(SampleConfig, "teacher")] = None,
    n: Annotated[int | None, setting(SampleConfig, "n", "-n", "--n")] = None,
    until_correct: Annotated[int | None, setting(SampleConfig, "until_correct")] = None,
    max_samples: Annotated[int | None, setting(SampleConfig, "max_samples")] = None,
    give_up: Annotated[float | None, setting(SampleConfig, "give_up")] = None,
    useful_pass_rate: Annotated[float | None, setting(SampleConfig, "useful_pass_rate")] = None,
    token_budget: Annotated[int | None, setting(SampleConfig, "token_budget")] = None,
    temperature: Annotated[float | None, setting(SampleConfig, "temperature")] = None,
    top_p: Annotated[float | None, setting(SampleConfig, "top_p")] = None,
    max_tokens: Annotated[int | None, setting(SampleConfig, "max_tokens")] = None,
    seed: Annotated[int | None, setting(SampleConfig, "seed")] = None,
    system_prompt: Annotated[str | None, setting(SampleConfig, "system_prompt")] = None,
    prompt_template: Annotated[str | None, setting(SampleConfig, "prompt_template")] = None,
    concurrency: Annotated[int | None, setting(SampleConfig, "concurrency")] = None,
    engine: Annotated[list[str] | None, ENGINE] = None,
    executor: Annotated[Executor | None, setting(SampleConfig, "executor")] = None,
    replicas: Annotated[int | None, setting(SampleConfig, "replicas")] = None,
    recipe: Annotated[str | None, typer.Option("--recipe", help="Recipe file or shipped recipe to start from", show_default=False)] = None,
    resume: Annotated[Resume, RESUME] = "if-possible",
    continue_truncated: Annotated[
        bool, typer.Option("--continue-truncated", help="With a larger --max-tokens: draw again only the samples that were cut off")
    ] = False,
    shard: Annotated[
        str, typer.Option("--shard", help="Only every n-th problem, from the i-th: i/n, such as 0/4, for a job array")
    ] = "0/1",
    progress: Progress = ProgressStyle.auto,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Draw n responses per problem from a teacher, or as many as it takes, verifying each as it arrives.

    Example: `cotkit sample problems.parquet --teacher vllm:Qwen/QwQ-32B --until-correct 4 --max-samples 64 -o runs/qwq`
    """
    from ..pipelines.execute.stages import parse_part
    from ..pipelines.run_folder import RunFolder
    from ..pipelines.sampling.scheduler import sample_run
    from ..pipelines.whole_run import take_problems

    going_on = (Path(problems) / "recipe.toml").is_file()
    if out is None and not going_on:
        raise CotkitError("no run folder named", "add -o RUN")
    base = find_recipe(recipe) if recipe else RunFolder.open(Path(problems)).recipe if going_on else Recipe()
    changes = {"teacher": teacher, "n": n, "temperature": temperature, "top_p": top_p, "max_tokens": max_tokens, "seed": seed}
    changes |= {"system_prompt": system_prompt, "prompt_template": prompt_template, "concurrency": concurrency}
    changes |= {"until_correct": until_correct, "max_samples": max_samples, "give_up": give_up, "useful_pass_rate": useful_pass_rate}
    changes |= {"token_budget": token_budget, "executor": executor, "replicas": replicas}
    changes |= {"engine": {**base.sample.engine, **engine_settings(engine)} if engine else None}
    settings = base.model_copy(update={"sample": with_changes(base.sample, **changes)})
    if going_on:
        path, taken = out or Path(problems), RunFolder.open(Path(problems)).problems()
    else:
        source = ProblemsConfig(source=problems)
        (taken, notes), path = take_problems(source), out or Path()
        settings = settings.model_copy(update={"problems": source})
        for note in notes:
            typer.echo(f"note: {note}", err=True)
        part = parse_part(shard)
        taken = taken.gather_every(part.count, part.index)
    run = RunFolder.create(path, settings, taken, "continue-truncated" if continue_truncated and resume == "if-possible" else resume)
    with watch_sampling(progress) as watch:
        drawn = sample_run(run, watch)
    correct = drawn.outcomes.get("correct", 0)
    of_total = "" if settings.sample.is_adaptive() else f" of {drawn.total}"
    typer.echo(f"{path}: {drawn.done}{of_total} samples ({drawn.done - drawn.resumed} new, {correct} of them correct)", err=True)
    if drawn.settled:
        typer.echo(f"{describe_settled(drawn)}; {drawn.aborted} requests aborted", err=True)
    if drawn.failed:
        typer.echo(f"note: {drawn.failed} requests failed for now; run the same command again to draw them", err=True)
    if as_json:
        summary = {"run": str(path), "total": drawn.total, "done": drawn.done, "new": drawn.done - drawn.resumed, "failed": drawn.failed}
        summary |= {"tokens": drawn.tokens, "outcomes": drawn.outcomes, "settled": drawn.settled, "aborted": drawn.aborted}
        typer.echo(json.dumps(summary))
    if drawn.failed:
        raise typer.Exit(1)
