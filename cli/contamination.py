"""`cotkit contamination`: which problems stand in a benchmark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..schemas.errors import CotkitError
from .settings import JSON

if TYPE_CHECKING:
    import polars as pl

app = typer.Typer()


@app.command()
def contamination(
    problems: Annotated[Path, typer.Argument(metavar="RUN|FILE", help="A run folder, or any file of problems", show_default=False)],
    against: Annotated[
        list[str] | None,
        typer.Option("--against", help="A benchmark that ships, or a file; may be repeated", show_default="all that ship"),
    ] = None,
    column: Annotated[
        str | None, typer.Option("--column", help="Column of the questions in the files named by --against", show_default="guessed")
    ] = None,
    matcher: Annotated[list[str] | None, typer.Option("--matcher", help="exact, renumbered or ngram; may be repeated")] = None,
    threshold: Annotated[float, typer.Option("--threshold", min=0.05, max=1.0, help="ngram: least share of common runs of 8 words")] = 0.5,
    show: Annotated[bool, typer.Option("--show", help="Print each matched pair with its score")] = False,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="JSONL file of all matched pairs to write", show_default=False)] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file")] = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Find the problems that stand in a benchmark.

    exact: the same once spelling is the same; renumbered: the same but for numbers; ngram: long passages in common. Of the
    benchmarks that ship only hashes do, no text; against a file --show prints both sides.

    Example: `cotkit contamination problems.parquet --against math500 --against aime_2025.jsonl --show`
    """
    from ..pipelines.decontamination import MATCHERS, SHIPPED, Matcher, read_benchmark, read_questions
    from ..pipelines.decontamination import contamination as find

    if out is not None and out.exists() and not force:
        raise CotkitError(f"{out}: exists", "choose another name with -o, or replace it with --force")
    wanted: list[Matcher] = [name for name in MATCHERS if matcher is None or name in matcher]
    unknown = [name for name in matcher or [] if name not in MATCHERS]
    if unknown:
        raise CotkitError(f"--matcher {unknown[0]}: no such matcher", f"choose one of: {', '.join(MATCHERS)}")
    benchmarks = [read_benchmark(name, column) for name in against or SHIPPED]
    questions = read_questions(problems)
    hits = find(questions, benchmarks, wanted, threshold)
    summary = _summary(questions.height, benchmarks, hits, wanted)
    if out is not None:
        hits.write_ndjson(out)
    if show and not as_json:
        _show(hits)
    typer.echo(json.dumps(summary) if as_json else _table(summary, wanted))
    if hits.height and not (show or out or as_json):
        typer.echo("--show prints the pairs, -o HITS.jsonl writes them", err=True)


def _summary(asked: int, benchmarks: list[pl.DataFrame], hits: pl.DataFrame, matchers: Sequence[str]) -> dict[str, Any]:
    import polars as pl

    rows = {name: part.height for (name,), part in pl.concat(benchmarks).group_by("benchmark", maintain_order=True)}
    of = {name: hits.filter(pl.col("benchmark") == name) for name in rows}
    counts = {
        name: {"rows": rows[name], "problems": part["problem_id"].n_unique()}
        | {matcher: part.filter(pl.col("matcher") == matcher)["problem_id"].n_unique() for matcher in matchers}
        for name, part in of.items()
    }
    return {"problems": asked, "contaminated": hits["problem_id"].n_unique(), "benchmarks": counts}


def _table(summary: dict[str, Any], matchers: Sequence[str]) -> str:
    width = max(9, *map(len, summary["benchmarks"]))
    lines = [f"{'benchmark':{width}} {'rows':>7} " + " ".join(f"{name:>11}" for name in [*matchers, "problems"])]
    for name, counts in summary["benchmarks"].items():
        lines.append(f"{name:{width}} {counts['rows']:>7,} " + " ".join(f"{counts[key]:>11,}" for key in [*matchers, "problems"]))
    return "\n".join([*lines, f"{summary['contaminated']:,} of {summary['problems']:,} problems stand in a benchmark"])


def _show(hits: pl.DataFrame) -> None:
    for hit in hits.iter_rows(named=True):
        typer.echo(f"{hit['problem_id']}  {hit['benchmark']} row {hit['row']}  {hit['matcher']} {hit['score']:.2f}")
        typer.echo(f"  problem:   {' '.join((hit['prompt'] or '').split())}")
        typer.echo(f"  benchmark: {' '.join(hit['question'].split()) if hit['question'] else '(only hashes ship)'}\n")
