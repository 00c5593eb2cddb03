"""`cotkit judge`: a model judges a run's samples, beside the rule; the rule's verdicts stay as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..schemas.asking import ModelConfig
from ..schemas.judgement import JudgeConfig
from .progress import watch_shards
from .settings import ENGINE, JSON, RUN, engine_settings, setting, with_changes

app = typer.Typer()


@app.command()
def judge(
    run: Annotated[Path, RUN],
    teacher: Annotated[str | None, setting(ModelConfig, "teacher")] = None,
    name: Annotated[str, typer.Option("--name", help="What the judgements are called: several judges stand side by side")] = "judge",
    prompt: Annotated[str | None, setting(JudgeConfig, "prompt")] = None,
    last_lines: Annotated[int | None, setting(JudgeConfig, "last_lines")] = None,
    reference: Annotated[str | None, setting(JudgeConfig, "reference")] = None,
    temperature: Annotated[float | None, setting(ModelConfig, "temperature")] = None,
    max_tokens: Annotated[int | None, setting(ModelConfig, "max_tokens")] = None,
    concurrency: Annotated[int | None, setting(ModelConfig, "concurrency")] = None,
    engine: Annotated[list[str] | None, ENGINE] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Judge every sample by a model that sees the reference answer, beside the rule, and compare the two.

    Example: `cotkit judge runs/qwq --teacher openai:http://127.0.0.1:8000/v1#Qwen/Qwen2.5-7B-Instruct`
    """
    from ..pipelines.model_judge import agreement, judge_run
    from ..pipelines.run_folder import RunFolder

    folder = RunFolder.open(run)
    folder.seal_leftovers()
    changes = {"teacher": teacher, "temperature": temperature, "max_tokens": max_tokens, "concurrency": concurrency}
    changes["engine"] = engine_settings(engine) if engine else None
    model = with_changes(JudgeConfig().model, **changes)
    config = with_changes(JudgeConfig(), model=model.model_dump(), prompt=prompt, last_lines=last_lines, reference=reference)
    with watch_shards("judging") as progress:
        done = judge_run(folder, config, name, progress)
    listed = ", ".join(f"{count} {outcome}" for outcome, count in done.outcomes.items()) or "no samples"
    if done.unanswered:
        typer.echo(f"note: {done.unanswered} questions failed for now; run the same command again to ask them", err=True)
        raise typer.Exit(1)
    typer.echo(f"{run}: {listed} ({done.computed} shards judged, {done.fresh} were fresh; {done.asked} questions asked)", err=True)
    judged_by_rule = all(folder.fingerprint("verdicts", number) for number in folder.shard_numbers())
    found = agreement(folder, name) if judged_by_rule else None
    if as_json:
        typer.echo(json.dumps(done._asdict() | {"run": str(run), "name": name, "agreement": found and found.as_dict()}))
    elif found and found.samples:
        typer.echo("\n".join(found.lines()))
