"""`cotkit push`: a run as a dataset on the Hugging Face Hub, with its card."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..schemas.errors import CotkitError
from .exported import TemplateKwargs, template_kwargs
from .progress import watch_text
from .pushed import say_pushed, show_built
from .settings import with_changes
from .stages import AsJson, Run, open_run

if TYPE_CHECKING:
    from ..pipelines.hub import Built, CardOptions

app = typer.Typer()
say = partial(typer.echo, err=True)
STUDENT = "Prove every row of `default` in this student's chat template, as `cotkit export sft` does; those that fail are left out"


@app.command()
def push(
    run: Run,
    repo: Annotated[str, typer.Argument(help="Name of the dataset on the Hub: OWNER/NAME, or NAME under your own", show_default=False)],
    config: Annotated[
        list[str] | None, typer.Option("--config", help="Only default, all_generations or rl; repeatable", show_default="all")
    ] = None,
    branch: Annotated[str | None, typer.Option("--branch", help="Branch to push to, created when missing", show_default="main")] = None,
    create_pr: Annotated[
        bool, typer.Option("--create-pr", help="Open a pull request, or add to the one that an earlier push opened")
    ] = False,
    public: Annotated[bool, typer.Option("--public", help="Create the repo public; without it a public repo is refused")] = False,
    licence: Annotated[
        str | None, typer.Option("--license", help="Licence id, or NAME=LINK", show_default="the teacher's terms, if known")
    ] = None,
    language: Annotated[
        list[str] | None, typer.Option("--language", help="Language of the data, ISO 639-1; repeatable", show_default="en")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Build the folder, show files, sizes and card, send nothing")] = False,
    student: Annotated[str | None, typer.Option("--student", help=STUDENT, show_default="the recipe's")] = None,
    kwargs: TemplateKwargs = None,
    every: Annotated[
        str | None,
        typer.Option("--every", help="While the run is going, keep a note of its rows in the card, such as every 30m", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Push a run to the Hugging Face Hub as one dataset with its card; private unless told otherwise.

    Example: `cotkit push runs/qwq me/long-cot-math --license apache-2.0 --dry-run`
    """
    from ..pipelines.hub import CONFIGS, CardOptions
    from ..pipelines.hub.live import keep_note, parse_every
    from ..pipelines.hub.push import Where, push_folder
    from ..pipelines.hub.repo import HubRepo, Patience, check_name
    from ..pipelines.run_folder import RunFolder

    where = Where(branch, create_pr, public).checked()
    options = CardOptions(check_name(repo), licence, tuple(language or ["en"])).checked()
    if every and (dry_run or create_pr):
        raise CotkitError("--every goes with neither --dry-run nor --create-pr", "leave one out")
    seconds = parse_every(every) if every else None
    configs = tuple(config or CONFIGS)
    asked = {"student": student, "chat_template_kwargs": template_kwargs(kwargs)}
    if dry_run:
        show_built(_built(run, options, configs, asked), as_json)
        return
    if not sys.stderr.isatty():
        from huggingface_hub.utils import disable_progress_bars

        disable_progress_bars()
    opened = RunFolder.open(run)
    hub = HubRepo.log_in(repo, Patience(say))
    notes = keep_note(opened, hub, where, seconds) if seconds else 0
    built = _built(run, options._replace(repo=hub.name), configs, asked)
    title = f"Push {opened.recipe.name} with cotkit"
    say_pushed(push_folder(built.path, list(built.files), hub, where, title), notes, as_json)


def _built(run: Path, options: CardOptions, configs: tuple[str, ...], asked: dict[str, Any]) -> Built:
    from ..pipelines.hub import build_dataset
    from ..pipelines.rendering import load_student

    folder = open_run(run, "export")
    config = with_changes(folder.recipe.export.sft, **asked)
    student = load_student(config.student, config.chat_template_kwargs) if config.student else None
    with watch_text("building the dataset"):
        built = build_dataset(folder, options, configs, student=student)
    for note in built.notes:
        say(f"note: {note}")
    return built
