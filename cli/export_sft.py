"""`cotkit export sft` and `cotkit export check`: SFT datasets, and the proof of anybody's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..schemas.recipe import SftExportConfig, SftFormat
from .exported import Out, TemplateKwargs, say_exported, say_unproven, template_kwargs
from .settings import JSON, setting, with_changes
from .stages import AsJson, Run, open_run

if TYPE_CHECKING:
    from ..pipelines.export.checking import Checked


def sft(
    run: Run,
    format: Annotated[list[str] | None, setting(SftExportConfig, "formats", "--format")] = None,
    student: Annotated[str | None, setting(SftExportConfig, "student")] = None,
    kwargs: TemplateKwargs = None,
    reasoning: Annotated[str | None, setting(SftExportConfig, "reasoning")] = None,
    split: Annotated[list[str] | None, setting(SftExportConfig, "splits", "--split")] = None,
    max_length: Annotated[int | None, setting(SftExportConfig, "max_length")] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Write SFT datasets of the kept samples, each row proven in the student's chat template.

    Example: `cotkit export sft runs/qwq --format trl --format llamafactory --student Qwen/Qwen3-8B --split long -o data`
    """
    from ..pipelines.export import export_sft

    folder = open_run(run, "export")
    changes = {"formats": format, "reasoning": reasoning, "student": student, "max_length": max_length, "splits": split}
    config = with_changes(folder.recipe.export.sft, **changes, chat_template_kwargs=template_kwargs(kwargs))
    say_exported(export_sft(folder, config, out), as_json)
    say_unproven(config)


def check(
    dataset: Annotated[Path, typer.Argument(help="A dataset: a folder or a Parquet, JSON or JSON lines file", show_default=False)],
    student: Annotated[str, typer.Option("--student", help="The model to be trained, as in `cotkit export sft`", show_default=False)],
    kwargs: TemplateKwargs = None,
    format: Annotated[SftFormat | None, typer.Option("--format", help="The trainer", show_default="told from the columns")] = None,
    max_length: Annotated[int | None, setting(SftExportConfig, "max_length")] = None,
    refused: Annotated[Path | None, typer.Option("--refused", help="Write the failing rows' numbers and reasons to this Parquet")] = None,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Prove every row of any SFT dataset in a student's chat template; exit code 1 when a row fails.

    Example: `cotkit export check train.jsonl --student Qwen/Qwen2.5-7B-Instruct --max-length 16384`
    """
    from ..pipelines.export.checking import CheckSettings, check_dataset
    from ..pipelines.rendering import load_student

    checked = check_dataset(dataset, load_student(student, template_kwargs(kwargs)), CheckSettings(format, max_length, refused))
    _say_checked(dataset, checked)
    if as_json:
        typer.echo(json.dumps(checked._asdict(), ensure_ascii=False))
    if checked.refused:
        raise typer.Exit(1)


def _say_checked(dataset: Path, checked: Checked) -> None:
    failing = sum(checked.refused.values())
    how = "counted" if checked.lengths_counted else "estimated from bytes"
    longest = f"the longest has {checked.longest_row} tokens ({how})"
    typer.echo(f"{dataset}: {checked.rows - failing} of {checked.rows} rows proven for {checked.format}, {longest}", err=True)
    for reason, count in checked.refused.items():
        typer.echo(f"  {count} rows fail, the first is row {checked.examples[reason]}: {reason}", err=True)
    for line in (checked.failure or "").splitlines()[1:]:
        typer.echo(f"  {line}", err=True)
    for note in checked.notes:
        typer.echo(f"  note: {note}", err=True)
