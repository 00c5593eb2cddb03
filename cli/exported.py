"""What the export commands share: the folder option, and the summary of what was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .settings import named_values

if TYPE_CHECKING:
    from ..pipelines.export import Exported
    from ..schemas.recipe import SftExportConfig

Out = Annotated[Path | None, typer.Option("--out", "-o", help="Where the datasets go", show_default="RUN/exports")]


TemplateKwargs = Annotated[
    list[str] | None,
    typer.Option(
        "--template-kwargs",
        help="A variable of the student's chat template, such as `enable_thinking=false`; may be given several times",
        show_default="none",
    ),
]


def template_kwargs(words: list[str] | None) -> dict[str, Any] | None:
    """Read the words of `--template-kwargs`; None when there are none, so that the recipe's hold."""
    return named_values(words, "--template-kwargs", "enable_thinking=false") if words else None


def say_exported(exported: list[Exported], as_json: bool) -> None:
    """Say what was written, rows and folder of each dataset, and what was left out."""
    for item in exported:
        typer.echo(f"{item.path}: {item.rows} rows", err=True)
        for note in item.notes:
            typer.echo(f"  {note}", err=True)
    if as_json:
        listed = [
            {"path": str(item.path), "format": item.format, "split": item.split, "rows": item.rows, "notes": list(item.notes)}
            for item in exported
        ]
        typer.echo(json.dumps(listed, ensure_ascii=False))


def say_unproven(config: SftExportConfig) -> None:
    """Say that no student was named, where SFT datasets were written."""
    if config.formats and config.student is None:
        typer.echo("the SFT rows are not proven: give --student MODEL to render each in its chat template", err=True)
