"""`cotkit problems make`: problem sets of the games, from a seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..schemas.errors import CotkitError
from ..schemas.making import ActionSpace, FaceRule, Game24Config, Layout, NavigationConfig, Part, Suits
from .progress import watch_text
from .settings import JSON, setting, with_changes

app = typer.Typer(no_args_is_help=True)

Out = Annotated[Path, typer.Option("--out", "-o", help="The problem set to write")]
Force = Annotated[bool, typer.Option("--force", help="Replace an existing file")]


@app.callback()
def make() -> None:
    """Make problems of a game, with their right answers.

    Example: `cotkit problems make game24 --n 1000 -o hands.parquet`
    """


@app.command()
def game24(
    n: Annotated[int | None, setting(Game24Config, "n", "-n", "--n")] = None,
    faces: Annotated[FaceRule | None, setting(Game24Config, "faces")] = None,
    suits: Annotated[Suits | None, setting(Game24Config, "suits")] = None,
    target: Annotated[int | None, setting(Game24Config, "target")] = None,
    cards: Annotated[int | None, setting(Game24Config, "cards")] = None,
    with_replacement: Annotated[bool | None, setting(Game24Config, "with_replacement", "--with-replacement")] = None,
    vision: Annotated[bool | None, setting(Game24Config, "vision", "--vision")] = None,
    layout: Annotated[Layout | None, setting(Game24Config, "layout")] = None,
    split: Annotated[Part | None, setting(Game24Config, "split")] = None,
    test_share: Annotated[float | None, setting(Game24Config, "test_share")] = None,
    seed: Annotated[int | None, setting(Game24Config, "seed")] = None,
    out: Out = Path("problems.parquet"),
    force: Force = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make hands of the game of 24, each with a solution.

    Example: `cotkit problems make game24 --n 1000 --faces eleven_twelve_thirteen --split test -o ood.parquet`
    """
    given = {"n": n, "faces": faces, "suits": suits, "target": target, "cards": cards, "with_replacement": with_replacement}
    given |= {"vision": vision, "layout": layout, "split": split, "test_share": test_share, "seed": seed}
    _make(with_changes(Game24Config(), **given), out, force, as_json)


@app.command()
def navigation(
    n: Annotated[int | None, setting(NavigationConfig, "n", "-n", "--n")] = None,
    city: Annotated[str | None, setting(NavigationConfig, "city")] = None,
    space: Annotated[ActionSpace | None, setting(NavigationConfig, "space")] = None,
    vision: Annotated[bool | None, setting(NavigationConfig, "vision", "--vision")] = None,
    routes: Annotated[str | None, setting(NavigationConfig, "routes")] = None,
    split: Annotated[Part | None, setting(NavigationConfig, "split")] = None,
    test_share: Annotated[float | None, setting(NavigationConfig, "test_share")] = None,
    seed: Annotated[int | None, setting(NavigationConfig, "seed")] = None,
    out: Out = Path("problems.parquet"),
    force: Force = False,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Make steps of routes through a city, each with its right action.

    Example: `cotkit problems make navigation --n 48 --city belmora --space relative -o ood.parquet`
    """
    given = {"n": n, "city": city, "space": space, "vision": vision, "routes": routes, "split": split, "test_share": test_share}
    _make(with_changes(NavigationConfig(), **given, seed=seed), out, force, as_json)


def _make(config: Game24Config | NavigationConfig, out: Path, force: bool, as_json: bool) -> None:
    from ..pipelines.making import draw_images, make_game24, make_navigation
    from ..pipelines.making.drawing import check_pillow
    from ..pipelines.run_folder import write_parquet

    if out.exists() and not force:
        raise CotkitError(f"{out}: exists", "choose another name with -o, or replace it with --force")
    if config.vision:
        check_pillow()
    problems = make_game24(config) if isinstance(config, Game24Config) else make_navigation(config)
    with watch_text("drawing") as show:
        drawn = draw_images(problems, out, lambda count: show(f"drawing: {count:,} images"))
    write_parquet(problems, out)
    images = f", {drawn:,} images drawn in {out.parent / 'images'}" if drawn else ""
    typer.echo(f"{out}: {problems.height:,} problems ({problems['kind'][0]}){images}", err=True)
    if as_json:
        typer.echo(json.dumps({"out": str(out), "problems": problems.height, "images": drawn}))
