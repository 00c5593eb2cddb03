"""`cotkit --help` is quick, imports nothing heavy, and says what the commands themselves say."""

import statistics
import subprocess
import sys
import time

import pytest
from cotkit.cli import COMMANDS, app
from typer.main import get_command

HEAVY = ["polars", "pandas", "numpy", "pyarrow", "torch", "transformers", "vllm", "datasets", "altair", "sympy", "math_verify", "aiohttp"]


@pytest.mark.alone
def test_help_takes_less_than_300_milliseconds() -> None:
    def seconds() -> float:
        started = time.perf_counter()
        subprocess.run([sys.executable, "-m", "cotkit", "--help"], check=True, capture_output=True)
        return time.perf_counter() - started

    seconds()
    assert statistics.median(seconds() for _ in range(7)) < 0.3


def test_help_imports_nothing_heavy() -> None:
    code = f"""
import sys
from cotkit.cli import app
try:
    app(["--help"])
except SystemExit as exit:
    assert not exit.code
found = [name for name in {HEAVY} if name in sys.modules]
assert not found, found
"""
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_listed_lines_of_help_are_the_first_lines_of_the_commands() -> None:
    group = get_command(app)
    for name, (_, line) in COMMANDS.items():
        command = group.get_command(None, name)
        assert (command.help or "").strip().splitlines()[0].rstrip(".") == line.rstrip("."), name


def test_every_command_shows_an_example() -> None:
    group = get_command(app)
    for name in COMMANDS:
        command = group.get_command(None, name)
        subcommands = getattr(command, "commands", {}) or {name: command}
        for subcommand in subcommands.values():
            assert "Example: `cotkit " in (subcommand.help or ""), name
