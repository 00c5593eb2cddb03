"""`cotkit export`: SFT datasets and RL prompt sets, as the run's recipe says or as the options do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from ..schemas.recipe import RlExportConfig, SftExportConfig
from .settings import setting, with_changes
from .stages import AsJson, RecipeFile, Run, open_run

if TYPE_CHECKING:
    from ..pipelines.export import Exported


class Exports(TyperGroup):
    """`cotkit export RUN` is `cotkit export all RUN`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read a first word that is no subcommand as a run."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            args = ["all", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=Exports, no_args_is_help=True)


@app.callback()
def export() -> None:
    """Write SFT datasets and RL prompt sets.

    Example: `cotkit export runs/qwq`
    """


@app.command("all")
def export_all(run: Run, recipe: RecipeFile = None, as_json: AsJson = False) -> None:
    """Write every dataset that the recipe names; `cotkit export RUN` is the same.

    Example: `cotkit export runs/qwq`
    """
    from ..pipelines.export import export_rl, export_sft

    folder = open_run(run, "export", recipe)
    config = folder.recipe.export
    say_exported(export_sft(folder, config.sft) + export_rl(folder, config.rl), as_json)


@app.command("sft")
def sft(
    run: Run,
    format: Annotated[list[str] | None, setting(SftExportConfig, "formats", "--format")] = None,
    reasoning: Annotated[str | None, setting(SftExportConfig, "reasoning")] = None,
    as_json: AsJson = False,
) -> None:
    """Write SFT datasets of the kept samples.

    Example: `cotkit export sft runs/qwq --format trl`
    """
    from ..pipelines.export import export_sft

    folder = open_run(run, "export")
    say_exported(export_sft(folder, with_changes(folder.recipe.export.sft, formats=format, reasoning=reasoning)), as_json)


@app.command("rl")
def rl(
    run: Run,
    format: Annotated[list[str] | None, setting(RlExportConfig, "formats", "--format")] = None,
    min_pass_rate: Annotated[float | None, setting(RlExportConfig, "min_pass_rate")] = None,
    max_pass_rate: Annotated[float | None, setting(RlExportConfig, "max_pass_rate")] = None,
    as_json: AsJson = False,
) -> None:
    """Write RL prompt sets of the judged problems.

    Example: `cotkit export rl runs/qwq --format verl --min-pass-rate 0.1 --max-pass-rate 0.9`
    """
    from ..pipelines.export import export_rl

    folder = open_run(run, "export")
    config = with_changes(folder.recipe.export.rl, formats=format, min_pass_rate=min_pass_rate, max_pass_rate=max_pass_rate)
    say_exported(export_rl(folder, config), as_json)


def say_exported(exported: list[Exported], as_json: bool) -> None:
    """Say what was written: rows and folder of each dataset."""
    for item in exported:
        typer.echo(f"{item.path}: {item.rows} rows", err=True)
    if as_json:
        typer.echo(
            json.dumps([{"path": str(item.path), "format": item.format, "split": item.split, "rows": item.rows} for item in exported])
        )
