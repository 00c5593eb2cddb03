"""Command-line options that come from a step's settings: help and default are written once, in `schemas/recipe.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import typer

from ..schemas.errors import CotkitError
from ..schemas.recipe import Recipe, StepConfig, load_recipe

Config = TypeVar("Config", bound=StepConfig)

RUN = typer.Argument(help="The run folder", show_default=False)
JSON = typer.Option("--json", help="Print the summary as JSON on stdout")
RECIPE = typer.Option("--recipe", help="Take this step's settings from a recipe file instead of the run's own", show_default=False)
RESUME = typer.Option(
    "--resume",
    help="Resume a run: if-possible, continue-truncated (also with a larger max_tokens), always (also with other settings), never",
)
ENGINE = typer.Option(
    "--engine", help="An argument of the engine, such as `tensor_parallel_size=4`; may be given several times", show_default=False
)


def setting(model: type[StepConfig], name: str, *flags: str) -> Any:
    """Make the option for one setting; left out, the recipe's value holds, or else the default that the help shows."""
    field = model.model_fields[name]
    default = "none" if field.default in (None, []) else str(field.default).replace("\n", "\\n")
    return typer.Option(*(flags or (f"--{name.replace('_', '-')}",)), help=field.description, show_default=default)


def with_changes(config: Config, **changes: Any) -> Config:
    """Replace the settings that are not None; raises CotkitError on a value that is not allowed."""
    from pydantic import ValidationError

    given = {name: value for name, value in changes.items() if value is not None}
    try:
        return type(config).model_validate(config.model_dump() | given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"]) or "settings"
        raise CotkitError(
            f"--{name.replace('_', '-')}: {first['msg'].removeprefix('Value error, ')}", f"it is set to {first['input']!r}"
        ) from None


def parse_map(pairs: list[str] | None) -> dict[str, str]:
    """Read `OURS=THEIRS` pairs, what `--map` is given; raises CotkitError on another form."""
    wrong = [pair for pair in pairs or [] if "=" not in pair]
    if wrong:
        raise CotkitError(f"--map {wrong[0]}: not OURS=THEIRS", "write --map answer=COLUMN")
    return dict(pair.split("=", 1) for pair in pairs or [])


def engine_settings(words: list[str]) -> dict[str, Any]:
    """Read the words of `--engine`; hyphens in a name stand for underscores.

    >>> engine_settings(["tensor_parallel_size=4", "enforce-eager=true", "dtype=bfloat16"])
    {'tensor_parallel_size': 4, 'enforce_eager': True, 'dtype': 'bfloat16'}
    """
    return {name.replace("-", "_"): value for name, value in named_values(words, "--engine", "tensor_parallel_size=4").items()}


def named_values(words: list[str], flag: str, example: str) -> dict[str, Any]:
    """Read `name=value` words, the values as TOML where they are, such as `4`, `0.9`, `true` or `"auto"`, else as text."""
    import tomllib

    settings: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or not name:
            raise CotkitError(f"{flag} {word}: not name=value", f"write it as {flag} {example}")
        try:
            settings[name] = tomllib.loads(f"value = {value}")["value"]
        except tomllib.TOMLDecodeError:
            settings[name] = value
    return settings


def find_recipe(name: str) -> Recipe:
    """Load a recipe file, or a shipped recipe by its name; raises CotkitError naming the shipped ones."""
    from ..data import data_file

    shipped = data_file("recipes", f"{name.removesuffix('.toml')}.toml")
    path = Path(name)
    if not path.exists() and path.parent == Path() and shipped.exists():
        path = shipped
    if not path.exists():
        names = ", ".join(sorted(file.stem for file in data_file("recipes").glob("*.toml")))
        raise CotkitError(f"{name}: no such recipe", f"name a TOML file, or one that ships: {names}")
    return load_recipe(path)


def parse_files(pairs: list[str] | None) -> dict[str, Path]:
    """Read `NAME=FILE` pairs, what `--from` is given; raises CotkitError on another form, or where there is no such file."""
    files: dict[str, Path] = {}
    for pair in pairs or []:
        name, equals, file = pair.partition("=")
        if not equals or not name:
            raise CotkitError(f"--from {pair}: not NAME=FILE", "write --from math500=math500.parquet")
        if not Path(file).is_file():
            raise CotkitError(f"--from {pair}: no such file", "check the path")
        files[name] = Path(file)
    return files
