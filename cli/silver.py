"""`cotkit silver`: checkable problems from questions with free-form solutions, kept when a teacher agrees with the extracted answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from ..schemas.recipe import SampleConfig
from ..schemas.silver import SilverConfig
from .progress import Progress, ProgressStyle, watch_sampling, watch_shards
from .settings import ENGINE, JSON, engine_settings, parse_map, setting, with_changes

app = typer.Typer()
EXTRACTOR = typer.Option("--extractor", help="The model that reads short answers out of solutions, named as a teacher", show_default=False)


@app.command()
def silver(
    source: Annotated[str, typer.Argument(help="A JSONL, Parquet or CSV file of questions with solutions, or a Hugging Face dataset")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder to make or to go on with")],
    extractor: Annotated[str, EXTRACTOR],
    teacher: Annotated[str, setting(SampleConfig, "teacher")],
    k: Annotated[int | None, typer.Option("-k", "--k", help="Responses of the teacher to each problem", show_default="2")] = None,
    agree: Annotated[Literal["any", "majority"] | None, setting(SilverConfig, "agree")] = None,
    max_similarity: Annotated[float | None, setting(SilverConfig, "max_similarity")] = None,
    prompt: Annotated[str | None, setting(SilverConfig, "prompt")] = None,
    temperature: Annotated[float | None, setting(SampleConfig, "temperature")] = None,
    top_p: Annotated[float | None, setting(SampleConfig, "top_p")] = None,
    max_tokens: Annotated[int | None, setting(SampleConfig, "max_tokens")] = None,
    engine: Annotated[list[str] | None, ENGINE] = None,
    extractor_engine: Annotated[list[str] | None, typer.Option("--extractor-engine", help="As --engine, of the extractor")] = None,
    concurrency: Annotated[int | None, setting(SampleConfig, "concurrency")] = None,
    map: Annotated[list[str] | None, typer.Option("--map", help="OURS=THEIRS, such as solution=answer; may be repeated")] = None,
    split: Annotated[str, typer.Option("--split", help="Split of a Hugging Face dataset")] = "train",
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many rows", show_default="all")] = None,
    progress: Progress = ProgressStyle.auto,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make silver problems: a model extracts short answers from free-form solutions, and a teacher must agree.

    Example: `cotkit silver TIGER-Lab/WebInstructSub --extractor openai:http://gpu1:8000/v1 --teacher openai:http://gpu2:8000/v1 -o silver`
    """
    from ..pipelines.silver.making import Origin, Watches, make_silver

    base = SilverConfig()
    asked = {"teacher": extractor, "concurrency": concurrency, "engine": engine_settings(extractor_engine) if extractor_engine else None}
    drawn = {"teacher": teacher, "n": k, "temperature": temperature, "top_p": top_p, "max_tokens": max_tokens, "concurrency": concurrency}
    drawn["engine"] = engine_settings(engine) if engine else None
    models = {"extractor": with_changes(base.extractor, **asked), "sample": with_changes(base.sample, **drawn)}
    sections = {name: model.model_dump() for name, model in models.items()}
    config = with_changes(base, **sections, agree=agree, max_similarity=max_similarity, prompt=prompt)
    watches = Watches(lambda: watch_shards("extracting", progress), lambda: watch_sampling(progress))
    funnel = make_silver(Origin(source, parse_map(map), split, limit), out, config, watches)
    steps = ("rows", "pairs", "distinct", "short", "checkable", "kept")
    typer.echo(f"{out}: " + " → ".join(f"{getattr(funnel, step):,} {step}" for step in steps), err=True)
    dropped = ", ".join(f"{count} {reason}" for reason, count in funnel.dropped.items()) or "nothing"
    typer.echo(f"dropped: {dropped}; {funnel.agreeing:,} of {funnel.responses:,} responses agree", err=True)
    if as_json:
        typer.echo(json.dumps(funnel._asdict() | {"out": str(out)}))
    if funnel.unanswered:
        typer.echo(f"note: responses to {funnel.unanswered} problems failed for now; run the same command again", err=True)
        raise typer.Exit(1)
