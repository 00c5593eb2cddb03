"""The command line: one file per command, imported only when that command runs, so that `cotkit --help` stays quick.

A command parses, calls a pipeline, reports; it holds no logic. Data go to stdout, everything else to stderr.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, NoReturn

import typer
from typer.core import TyperCommand, TyperGroup

from ..schemas.errors import CotkitError

# name -> (module beside this one, one line of help); a test holds the lines against the commands' own docstrings
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": (".demo", "Run the whole pipeline on shipped problems with a small real model on the CPU"),
    "run": (".run", "Run a recipe from problems to exports and report; run it again to resume"),
    "plan": (".plan", "Forecast tokens, time, disk and kept samples of a recipe from a small pilot, and check it before it is paid for"),
    "problems": (".problems", "Import or make problems with checkable answers"),
    "contamination": (".contamination", "Find the problems that stand in a benchmark"),
    "samples": (".samples", "Import samples that were drawn elsewhere"),
    "pull": (".pull", "Import one of the popular sets (OpenR1-Math, OpenThoughts, DAPO, Big-Math, …), streamed, to be verified again"),
    "sample": (".sample", "Draw n responses per problem from a teacher, or as many as it takes, verifying each as it arrives"),
    "silver": (".silver", "Make silver problems: a model extracts short answers from free-form solutions, and a teacher must agree"),
    "construct": (
        ".construct",
        "Construct long reasoning action by action: clarify, decompose, solve, reflect, answer; each walk becomes a verified sample",
    ),
    "merge": (".merge", "Merge runs into a new one; verdicts and tags come along"),
    "verify": (".verify", "Judge every sample's answer by rule"),
    "judge": (".judge", "Judge every sample by a model that sees the reference answer, beside the rule, and compare the two"),
    "grade": (".grade", "Judge the responses of any file by rule, no run folder needed"),
    "tag": (".tag", "Tag how every sample reasons"),
    "behaviors": (".behaviors", "Compare how often samples show each behaviour, with confidence intervals"),
    "search-phrases": (".search_phrases", "Find the sentences of a corpus that are like given phrases, by MinHash of word triples"),
    "curate": (".curate", "Decide which samples are kept, with one reason for each that is not"),
    "export": (".export", "Write SFT datasets and RL prompt sets"),
    "push": (".push", "Push a run to the Hugging Face Hub as one dataset with its card; private unless told otherwise"),
    "train": (".train", "Train on an export: SFT with TRL, RL with TRL, verl or OpenRLHF"),
    "serve-reward": (".serve_reward", "Reward completions over HTTP, for trainers that take a URL"),
    "eval": (".eval", "Evaluate a model on benchmarks, with an interval at every number"),
    "compare": (".compare", "Compare two evaluations on the problems that both have: difference, interval, problems gained and lost"),
    "audit": (".audit", "List where gold answers, samples and verifiers contradict one another, with the evidence"),
    "report": (".report", "Write a report of one or several runs as one HTML file, and its numbers as tables, JSON, Markdown or plots"),
    "view": (".view", "Look at traces of a run in the browser: right and wrong ones side by side, behaviours and loops marked"),
    "why": (".why", "Tell the whole life of one sample"),
}


class Commands(TyperGroup):
    """The top-level group; imports a command's module when the command is run, not to list it."""

    listing = False

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = {name: TyperCommand(name=name, help=line) for name, (_, line) in COMMANDS.items()}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Give the commands in the order of the pipeline, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Import and build a command; while listing, a stand-in with its line of help."""
        if cmd_name not in COMMANDS or self.listing:
            return self.commands.get(cmd_name)
        module, _ = COMMANDS[cmd_name]
        command = typer.main.get_command(import_module(module, __package__).app)
        command.name = cmd_name
        return command

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help without importing a single command."""
        self.listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.listing = False

    def invoke(self, ctx: Any) -> Any:
        """Run a command; what the user can fix is printed without a traceback."""
        try:
            return super().invoke(ctx)
        except CotkitError as error:
            fail(error)
        except KeyboardInterrupt:
            typer.echo("\ninterrupted: everything finished is kept; run the same command again to go on", err=True)
            raise typer.Exit(130) from None
        except BrokenPipeError:
            sys.stderr.close()  # the reader of our output went away, such as `| head`
            raise typer.Exit(1) from None


def fail(error: CotkitError) -> NoReturn:
    """Print an error the user can fix and exit 1."""
    typer.echo(f"error: {error.message}", err=True)
    if error.hint:
        typer.echo(f"hint: {error.hint}", err=True)
    raise typer.Exit(1) from None


app = typer.Typer(
    cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        typer.echo(f"cotkit {__version__}")
        raise typer.Exit


@app.callback()
def _cotkit(
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Print the version and exit"),
) -> None:
    """Turn problems with checkable answers into long- and short-CoT training data."""


def main() -> None:
    """Run the `cotkit` command."""
    app()
