"""How problems are made: the settings of `cotkit problems make`.

Example: `Game24Config(n=1000, faces="eleven_twelve_thirteen", split="test")`
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .step import StepConfig

FaceRule = Literal["ten", "eleven_twelve_thirteen"]
Suits = Literal["black", "red", "mixed"]
Layout = Literal["row", "grid", "scattered", "any"]
ActionSpace = Literal["absolute", "relative"]
Part = Literal["all", "train", "test"]
Share = Annotated[float, Field(gt=0.0, lt=1.0)]


class Game24Config(StepConfig):
    """Hands of the game of 24, each with a solution."""

    n: Annotated[int, Field(ge=1)] = 1000
    """Hands to make, all different."""
    faces: FaceRule = "ten"
    """What J, Q and K count: ten each; or 11, 12, 13, and then every hand has one of them."""
    suits: Suits = "mixed"
    """The suits of the deck: black, red, or mixed (all four)."""
    target: Annotated[int, Field(ge=1, le=10_000)] = 24
    """What the cards are to make."""
    cards: Annotated[int, Field(ge=2, le=4)] = 4
    """Cards of a hand."""
    with_replacement: bool = False
    """Put each card back before the next is drawn, as the study's code does; else a hand is one that a deck holds."""
    vision: bool = False
    """Show the cards as an image, `images/….png` beside the problem set, and not in words."""
    layout: Layout = "row"
    """How cards lie in an image: in a row, in a grid, scattered, or any of these."""
    split: Part = "all"
    """`train` and `test` share no hand of the same values under the same rule, whatever their seeds."""
    test_share: Share = 0.1
    """Share of all hands of values that belongs to the test part."""
    seed: int = 0
    """Seed of the draw."""


class NavigationConfig(StepConfig):
    """Steps of routes, each with its right action."""

    n: Annotated[int, Field(ge=1)] = 100
    """Routes to make, all different; each gives some 15 to 25 problems, one per step."""
    city: str = "ashford"
    """The city: `ashford`, `belmora`, `castrel`, `dunmere`, `elvaston` or `farholm`; no landmark stands in two of them."""
    space: ActionSpace = "absolute"
    """Which way a turn is named: by eight compass words, or by left, right, slightly left and slightly right."""
    vision: bool = False
    """Show each step as four drawn views, `images/….png` beside the problem set, and not in words."""
    routes: str | None = None
    """A file of the study's own routes, `route_infos.json`, to take the routes from instead of a city of ours."""
    split: Part = "all"
    """`train` and `test` share no route, whatever their seeds."""
    test_share: Share = 0.1
    """Share of all routes that belongs to the test part."""
    seed: int = 0
    """Seed of the routes."""

    @model_validator(mode="after")
    def _has_something_to_show(self) -> Self:
        if self.vision and self.routes is not None:
            raise ValueError("vision draws cities of ours alone: the study's panoramas are not read")
        return self
