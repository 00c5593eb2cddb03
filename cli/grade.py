"""`cotkit grade`: judge the responses of any file, or a single one, by rule."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..schemas.errors import CotkitError
from ..schemas.problem import KINDS
from ..schemas.recipe import VerifyConfig
from .progress import watch_text
from .settings import JSON, parse_map, setting, with_changes

if TYPE_CHECKING:
    from ..pipelines.grading import Summary

app = typer.Typer()


@app.command()
def grade(
    source: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A JSONL, Parquet or CSV file", show_default=False)] = None,
    gold: Annotated[str | None, typer.Option("--gold", help="Column of the gold answer; without FILE, the gold answer itself")] = None,
    response: Annotated[str | None, typer.Option("--response", help="Column of the response; without FILE, the response itself")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help=f"Column of the kind, or one for all: {', '.join(KINDS)}")] = None,
    map: Annotated[list[str] | None, typer.Option("--map", help="OURS=THEIRS, such as prompt=question; may be repeated")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="JSONL or Parquet file to write; - for JSON lines on stdout")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file")] = False,
    deadline_seconds: Annotated[float | None, setting(VerifyConfig, "deadline_seconds")] = None,
    memory_mib: Annotated[int | None, setting(VerifyConfig, "memory_mib")] = None,
    workers: Annotated[int | None, setting(VerifyConfig, "workers")] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Judge the responses of any file by rule, no run folder needed.

    Columns are guessed where not given. FILE's rows come out in their order with the columns outcome, answer, found_by,
    decided_by and milliseconds added; without -o only the summary is shown.

    Example: `cotkit grade responses.jsonl --gold answer -o graded.jsonl`
    """
    config = with_changes(VerifyConfig(), deadline_seconds=deadline_seconds, memory_mib=memory_mib, workers=workers)
    if source is None:
        if gold is None or response is None:
            raise CotkitError("nothing to grade", "name a FILE, or give --gold ANSWER and --response TEXT")
        _grade_one(gold, response, kind, config, as_json)
        return
    if out is not None and out.exists() and not force:
        raise CotkitError(f"{out}: exists", "choose another name with -o, or replace it with --force")
    mapping = parse_map(map) | {ours: theirs for ours, theirs in (("gold", gold), ("response", response)) if theirs is not None}
    _say(_grade_file(source, out, mapping, kind, config), as_json and str(out) != "-")


def _grade_one(gold: str, response: str, kind: str | None, config: VerifyConfig, as_json: bool) -> None:
    from ..pipelines.grading import grade_one, parse_kind

    problem, judged = grade_one(gold, response, None if kind is None else parse_kind(kind), config)
    verdict = judged.result()
    row = {"kind": problem.kind, **verdict.model_dump(exclude={"verifier"}), "milliseconds": round(judged.milliseconds, 3)}
    if as_json:
        typer.echo(json.dumps(row))
        return
    typer.echo(verdict.outcome)
    for name, value in row.items():
        if value and name != "outcome":
            typer.echo(f"  {name}: {value}")


def _grade_file(source: Path, out: Path | None, mapping: dict[str, str], kind: str | None, config: VerifyConfig) -> Summary:
    from ..pipelines.grading import RowReader, grade_file, parse_kind

    def reader(names: list[str]) -> RowReader:
        of_all = None if kind is None or kind in names else parse_kind(kind)
        columns = mapping | ({} if kind is None or of_all else {"kind": kind})
        return RowReader(names, columns, of_all, str(source))

    summary = None
    with watch_text("grading") as show:
        for summary in grade_file(source, sys.stdout if str(out) == "-" else out, reader, config):
            show(f"grading: {summary.rows:,} rows, {summary.rows / max(summary.seconds, 1e-9):,.0f} rows/s")
    assert summary is not None
    for ours, theirs in summary.added.items():
        if ours != theirs:
            typer.echo(f"note: the file has a column {ours!r}: ours is {theirs!r}", err=True)
    return summary


def _say(summary: Summary, as_json: bool) -> None:
    taken = ", ".join(f"{ours} from {theirs!r}" for ours, theirs in summary.columns.items())
    typer.echo(
        f"{summary.rows} rows in {summary.seconds:.1f} s, {summary.rows / max(summary.seconds, 1e-9):,.0f} rows/s; {taken}", err=True
    )
    for title, counts in (("outcome", summary.outcomes), ("decided by", summary.decided_by)):
        typer.echo(f"{title}:", err=True)
        for name, count in counts.most_common():
            typer.echo(f"  {count:>9,}  {100 * count / summary.rows:5.1f} %  {name or '(nothing to decide)'}", err=True)
    if as_json:
        typer.echo(json.dumps({"rows": summary.rows, "seconds": round(summary.seconds, 3), "columns": summary.columns,
                               "added": summary.added, "outcomes": summary.outcomes, "decided_by": summary.decided_by}))  # fmt: skip
