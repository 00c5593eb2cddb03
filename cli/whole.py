"""What `cotkit run` and `cotkit demo` share: run a recipe, then show the funnel, a few traces and what was written."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..pipelines.run_folder.resume import Resume
from ..schemas.recipe import Recipe
from .progress import ProgressStyle, watch_sampling, watch_shards

if TYPE_CHECKING:
    from ..pipelines.report.funnel import FunnelRow
    from ..pipelines.whole_run import WholeRun

TRACES = 3


def run_and_tell(recipe: Recipe, path: Path, resume: Resume, style: ProgressStyle, as_json: bool) -> None:
    """Run a recipe into `path` and say what came of it."""
    from ..pipelines.report.funnel import funnel
    from ..pipelines.report.traces import example_traces
    from ..pipelines.whole_run import Watches, whole_run

    say = partial(typer.echo, err=True)
    say(f"{recipe.name}: {recipe.description}" if recipe.description else recipe.name)
    watches = Watches(lambda: watch_sampling(style), lambda name: watch_shards(name, style))
    done = whole_run(recipe, path, watches, resume)
    for note in dict.fromkeys([*done.notes, *(note for item in done.exported for note in item.notes)]):
        say(f"note: {note}")
    rows = funnel(done.run)
    if as_json:
        typer.echo(json.dumps(_summary(done, rows)))
    else:
        typer.echo(_funnel_table(rows))
        for trace in example_traces(done.run, TRACES).iter_rows(named=True):
            typer.echo(_trace(trace))
        for name, place in _written(done).items():
            typer.echo(f"{name:<8} {place}")
        typer.echo(f"\nnext: cotkit why {_first_id(done)} --run {path}")
    if done.sampling.failed:
        say(f"note: {done.sampling.failed} requests failed for now; run the same command again to draw them")
        raise typer.Exit(1)


def _funnel_table(rows: list[FunnelRow]) -> str:
    width = max(len(row.name) for row in rows)
    head = f"{'':<{width}}  {'count':>9}  {'':<8}  {'tokens':>11}"
    lines = [
        f"{row.name:<{width}}  {row.count:>9,}  {row.unit:<8}  {'' if row.tokens is None else format(row.tokens, ','):>11}" for row in rows
    ]
    return "\n".join(["", typer.style(head, bold=True), *lines, ""])


def _trace(trace: dict[str, Any]) -> str:
    tags = ", ".join(f"{tag['behaviour']} × {tag['count']}" for tag in trace["behaviours"] or []) or "none"
    fate = f"kept in {', '.join(trace['splits'])}" if trace["kept"] else f"dropped: {trace['reason']}"
    text = trace["response"] if trace["reasoning"] is None else f"<think>{trace['reasoning']}</think>{trace['response']}"
    found = f"found by {trace['found_by']}, " if trace["found_by"] else ""
    head = f"sample {trace['sample_id'][:12]}  outcome {trace['outcome']} ({found}gold {trace['gold']})  {fate}"
    shown = text.strip() if len(text) <= 500 else f"{text[:350].strip()} […] {text[-120:].strip()}"
    lines = [f"  asked    {trace['prompt']}", f"  said     {shown}", f"  tags     {tags}", ""]
    return "\n".join([typer.style(head, bold=True), *(line.replace("\n", "\n           ") for line in lines)])


def _written(done: WholeRun) -> dict[str, str]:
    sets = "\n         ".join(f"{item.path}  ({item.rows} rows)" for item in done.exported if item.rows)
    return {"run": str(done.run.path), "exports": sets or "none", "report": str(done.report)}


def _first_id(done: WholeRun) -> str:
    return done.run.read("samples", 0, ["sample_id"])["sample_id"][0][:12] if done.run.shard_numbers() else "SAMPLE_ID"


def _summary(done: WholeRun, rows: list[FunnelRow]) -> dict[str, Any]:
    return {
        "run": str(done.run.path),
        "report": str(done.report),
        "funnel": [row._asdict() for row in rows],
        "exports": [{"path": str(item.path), "format": item.format, "split": item.split, "rows": item.rows} for item in done.exported],
        "failed": done.sampling.failed,
        "seconds": {name: round(value, 2) for name, value in done.seconds.items()},
    }
