"""`cotkit compare`: two evaluations, or two runs, on the same problems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..schemas.evaluation import Pairing
from .eval_table import new_table, per_cent, show
from .settings import JSON

app = typer.Typer()


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="Folder of `cotkit eval`, or a run folder", show_default=False)],
    second: Annotated[Path, typer.Argument(help="The same of another model", show_default=False)],
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Compare two evaluations on the problems that both have: difference, interval, problems gained and lost.

    Example: `cotkit compare evals/sft evals/rl`
    """
    from ..pipelines.evaluation.comparing import compare as compare_evaluations

    _print(compare_evaluations(first, second), (first.name or str(first), second.name or str(second)), as_json)


def _print(pairings: list[Pairing], names: tuple[str, str], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([pairing.model_dump() for pairing in pairings]))
        return
    table = new_table("benchmark", "problems", f"{names[0]} %", f"{names[1]} %", "difference, points", "p", "gained", "lost")
    for pair in pairings:
        p = "–" if pair.p_value is None else f"{pair.p_value:.4f}"
        both = (per_cent(pair.first), per_cent(pair.second), per_cent(pair.difference))
        table.add_row(pair.benchmark, f"{pair.problems:,}", *both, p, str(len(pair.gained)), str(len(pair.lost)))
    show(table)
    for pair in pairings:
        if pair.only_first or pair.only_second:
            typer.echo(
                f"note: {pair.benchmark}: {pair.only_first} problems only in the first, {pair.only_second} only in the second", err=True
            )
        for warning in pair.warnings:
            typer.echo(f"note: {pair.benchmark}: {warning}", err=True)
