"""`cotkit audit`: where gold answers, samples, verifiers and sources contradict one another, with the evidence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from .progress import watch_text
from .settings import JSON
from .stages import Run

if TYPE_CHECKING:
    from ..pipelines.audit import Audit

app = typer.Typer()
SHOWN = 10
LISTS = {
    "label_noise": "problems whose samples' majority is not the gold answer",
    "gold_failures": "gold answers that do not verify themselves",
    "method_disagreements": "answers that cotkit and math-verify judge differently",
    "contested_doubles": "pairs of equal problems with different gold answers",
    "source_disagreements": "samples that their source judges otherwise",
}
COLUMNS = (
    "gold",
    "silver",
    "answer",
    "other_gold",
    "outcome",
    "cotkit",
    "decided_by",
    "math_verify",
    "says",
    "votes",
    "samples",
)


@app.command()
def audit(
    run: Run,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the lists and the silver answers", show_default=False)] = None,
    form: Annotated[Literal["parquet", "jsonl"], typer.Option("--format", help="Format of the lists")] = "parquet",
    min_votes: Annotated[int, typer.Option("--min-votes", min=1, help="Samples that a majority against gold needs")] = 3,
    min_share: Annotated[float, typer.Option("--min-share", min=0, max=1, help="Its share of the samples that vote, at least")] = 0.5,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """List where gold answers, samples and verifiers contradict one another, with the evidence.

    With -o every list is a file, and `silver` has each problem's majority answer beside its gold answer.

    Example: `cotkit audit runs/qwq -o audit`
    """
    from ..pipelines.audit import audit_files, audit_run, export_audit
    from .stages import open_run

    if out is not None:
        audit_files(out, form)
    with watch_text("auditing") as show:
        found = audit_run(open_run(run, "verify"), min_votes, min_share, say=lambda text: show(f"auditing: {text}"))
    written = export_audit(found, out, form) if out else []
    if as_json:
        typer.echo(json.dumps({name: getattr(found, name).to_dicts() for name in LISTS} | {"labelled": found.labelled}, ensure_ascii=False))
    else:
        _print(found)
    for path in written:
        typer.echo(f"wrote    {path}", err=True)


def _print(found: Audit) -> None:
    for name, title in LISTS.items():
        rows = getattr(found, name)
        of = f" of {found.labelled:,} that it labels" if name == "source_disagreements" else ""
        typer.secho(f"{rows.height:,} {title}{of}", bold=True)
        for row in rows.head(SHOWN).iter_rows(named=True):
            said = [f"{column} {str(row[column])[:60]!r}" for column in COLUMNS if row.get(column) is not None]
            typer.echo(f"  {row['problem_id'][:12]}  {'  '.join(said)}")
        if rows.height > SHOWN:
            typer.echo(f"  … and {rows.height - SHOWN:,} more (all with -o)")
    silver = found.silver
    against = silver["agrees"].not_().sum()
    typer.echo(f"silver answers for {silver['silver'].count():,} of {silver.height:,} problems, {against:,} of them other than gold")
