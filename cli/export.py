"""`cotkit export`: SFT datasets and RL prompt sets, as the run's recipe says or as the options do."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ..schemas.recipe import RlExportConfig
from .export_sft import check, sft
from .exported import Out, say_exported, say_unproven
from .settings import setting, with_changes
from .stages import AsJson, RecipeFile, Run, open_run


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
    say_unproven(config.sft)


app.command("sft")(sft)
app.command("check")(check)


@app.command("rl")
def rl(
    run: Run,
    format: Annotated[list[str] | None, setting(RlExportConfig, "formats", "--format")] = None,
    min_pass_rate: Annotated[float | None, setting(RlExportConfig, "min_pass_rate")] = None,
    max_pass_rate: Annotated[float | None, setting(RlExportConfig, "max_pass_rate")] = None,
    min_learnability: Annotated[float | None, setting(RlExportConfig, "min_learnability")] = None,
    top_learnability: Annotated[int | None, setting(RlExportConfig, "top_learnability")] = None,
    out: Out = None,
    as_json: AsJson = False,
) -> None:
    """Write RL prompt sets of the judged problems.

    Example: `cotkit export rl runs/qwq --format verl --min-pass-rate 0.1 --max-pass-rate 0.9`
    """
    from ..pipelines.export import export_rl

    folder = open_run(run, "export")
    band = {"min_pass_rate": min_pass_rate, "max_pass_rate": max_pass_rate}
    learnable = {"min_learnability": min_learnability, "top_learnability": top_learnability}
    say_exported(export_rl(folder, with_changes(folder.recipe.export.rl, formats=format, **band, **learnable), out), as_json)
