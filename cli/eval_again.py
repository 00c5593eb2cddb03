"""What `cotkit eval` does beside evaluating: judge an evaluation again, check its result file, list the benchmarks."""

from __future__ import annotations

import json
from pathlib import Path

import typer

from ..schemas.evaluation import RESULT
from .eval_table import new_table, per_cent, show


def print_rescored(folder: Path, as_json: bool) -> None:
    """Judge an evaluation again and print what changed."""
    from ..pipelines.evaluation.rescoring import rescore

    done = rescore(folder)
    if as_json:
        summary = {"before": done.before.model_dump(), "after": done.after.model_dump(), "changes": done.changes.to_dicts()}
        typer.echo(json.dumps(summary, ensure_ascii=False))
        return
    table = new_table("benchmark", "verifiers", "avg before %", "avg now %", "samples judged otherwise")
    for name, now in done.after.benchmarks.items():
        before = done.before.benchmarks[name]
        verifiers = ", ".join(before.verifiers) + ("" if before.verifiers == now.verifiers else f" → {', '.join(now.verifiers)}")
        moved = done.changes.filter((done.changes["benchmark"] == name) & done.changes["before"].ne_missing(done.changes["after"]))
        table.add_row(name, verifiers, per_cent(before.avg), per_cent(now.avg), f"{moved.height:,}")
    show(table)
    for row in done.changes.iter_rows(named=True):
        was = "" if row["answer"] == row["answer_before"] else f" (was {row['answer_before']!r})"
        said = f"gold {row['gold']!r}, answer {row['answer']!r}{was}"
        typer.echo(f"{row['benchmark']}  {row['sample_id'][:12]}  {row['before']} → {row['after']}  {said}")


def print_check(folder: Path) -> None:
    """Print what in a result file its samples do not bear out; exit 1 when there is something."""
    from ..pipelines.evaluation.rescoring import check_result

    mistakes = check_result(folder)
    for mistake in mistakes:
        typer.echo(mistake)
    if mistakes:
        raise typer.Exit(1)
    typer.echo(f"{folder / RESULT}: every number is what its samples say", err=True)


def print_benchmarks(as_json: bool) -> None:
    """Print the benchmarks that ship."""
    from ..pipelines.evaluation.benchmarks import shipped_benchmarks

    shipped = shipped_benchmarks()
    if as_json:
        typer.echo(json.dumps({name: benchmark.model_dump(mode="json") for name, benchmark in shipped.items()}))
        return
    table = new_table("name", "problems", "samples", "from", "what it asks")
    for name, benchmark in shipped.items():
        table.add_row(
            name, f"{benchmark.problems or 0:,}", str(benchmark.samples), benchmark.hub or benchmark.file or "", benchmark.description
        )
    show(table)
