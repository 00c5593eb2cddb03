"""The four views of a step, drawn: ahead and right above, behind and left below, as simple street scenes with signs on the houses.

They carry what the words carry: which landmark stands on which side, and whether streets lead off to the sides. A landmark between
two views stands at the edge of both. What a city looks like, its sky and its bricks, comes from its name.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from ...verifiers.navigation.directions import SIDES

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

VIEW = 400
"""Side of one view, in pixels."""
GAP = 5
PLACES = {"ahead": (0, 0), "right": (1, 0), "behind": (0, 1), "left": (1, 1)}
"""Column and row of each view."""
STANDS: dict[str, dict[str, float]] = {
    SIDES[0]: {"ahead": 0.5},
    SIDES[1]: {"ahead": 0.84, "right": 0.16},
    SIDES[2]: {"right": 0.5},
    SIDES[3]: {"right": 0.84, "behind": 0.16},
    SIDES[4]: {"behind": 0.5},
    SIDES[5]: {"behind": 0.84, "left": 0.16},
    SIDES[6]: {"left": 0.5},
    SIDES[7]: {"left": 0.84, "ahead": 0.16},
}
"""Where a landmark of each side stands in which view, from 0 (left edge) to 1."""
HORIZON = 0.52
ROAD, ASPHALT_LINE = (82, 84, 90), (226, 220, 190)


def draw_views(about: dict[str, Any]) -> Image:
    """Draw the views of a step from its `meta`; always the same way."""
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (2 * VIEW + GAP, 2 * VIEW + GAP), (0, 0, 0))
    palette = _palette(about["city"])
    dice = random.Random(f"views {about['city']} {about['route']} {about['step']}")
    for name, (column, row) in PLACES.items():
        view = Image.new("RGB", (VIEW, VIEW), palette["sky"])
        pen = ImageDraw.Draw(view)
        signs = [(mark, STANDS[side][name]) for mark, side in zip(about["landmarks"], about["sides"], strict=True) if name in STANDS[side]]
        leads_off = name in ("ahead", "behind") or about["is_intersection"]
        _street(pen, palette, dice, has_road=leads_off and all(at != 0.5 for _, at in signs))  # no street runs into a house
        for landmark, at in signs:
            _house(pen, palette, landmark, at)
        image.paste(view, (column * (VIEW + GAP), row * (VIEW + GAP)))
    return image


def _palette(city: str) -> dict[str, tuple[int, int, int]]:
    dice = random.Random(f"palette {city}")
    sky = (dice.randint(130, 220), dice.randint(170, 225), dice.randint(210, 255))
    brick = (dice.randint(110, 205), dice.randint(80, 170), dice.randint(70, 150))
    ground = (dice.randint(110, 170), dice.randint(120, 175), dice.randint(100, 140))
    return {"sky": sky, "brick": brick, "ground": ground}


def _street(pen: ImageDraw, palette: dict[str, tuple[int, int, int]], dice: random.Random, has_road: bool) -> None:
    """Draw ground, a row of houses without signs, and the road that leads away, if there is one."""
    horizon = int(HORIZON * VIEW)
    pen.rectangle((0, horizon, VIEW, VIEW), fill=palette["ground"])
    left = 0
    while left < VIEW:
        width, height = dice.randint(50, 100), dice.randint(60, 150)
        shade = dice.uniform(0.7, 1.1)
        if not has_road or left + width < 0.36 * VIEW or left > 0.64 * VIEW:
            pen.rectangle((left, horizon - height, left + width - 4, horizon), fill=_shaded(palette["brick"], shade))
        left += width
    if has_road:
        pen.polygon([(0.47 * VIEW, horizon), (0.53 * VIEW, horizon), (0.85 * VIEW, VIEW), (0.15 * VIEW, VIEW)], fill=ROAD)
        pen.line([(VIEW / 2, horizon), (VIEW / 2, VIEW)], fill=ASPHALT_LINE, width=5)


def _house(pen: ImageDraw, palette: dict[str, tuple[int, int, int]], name: str, at: float) -> None:
    """Draw a house with a sign; the name is broken into lines."""
    from PIL import ImageFont

    wide, base = 116, int(0.66 * VIEW)
    left = min(max(int(at * VIEW) - wide // 2, 0), VIEW - wide)
    pen.rectangle((left, 70, left + wide, base), fill=_shaded(palette["brick"], 1.15), outline=(40, 40, 40), width=2)
    pen.rectangle((left + wide // 2 - 14, base - 56, left + wide // 2 + 14, base), fill=(70, 46, 30))
    pen.rectangle((left + 4, 84, left + wide - 4, 84 + 26 * len(name.split())), fill=(250, 250, 240), outline=(40, 40, 40))
    for line, word in enumerate(name.split()):
        pen.text((left + wide / 2, 97 + 26 * line), word, fill=(10, 10, 10), font=ImageFont.load_default(20), anchor="mm")


def _shaded(colour: tuple[int, int, int], shade: float) -> tuple[int, int, int]:
    red, green, blue = (min(255, int(part * shade)) for part in colour)
    return red, green, blue
