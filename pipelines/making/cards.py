"""Playing cards, drawn: rank and suit in two corners and a large suit in the middle; black or red; and hands of them on green cloth."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

SIZE = 1200
"""Side of a hand's image, in pixels."""
CLOTH = (24, 84, 52)
WIDTH, HEIGHT = 400, 560
"""Units of a card, whatever its size."""
SCALE = 2
"""Cards are drawn so many times larger, for smooth edges."""
COLOURS = {"S": (20, 20, 20), "C": (20, 20, 20), "H": (200, 24, 32), "D": (200, 24, 32)}
ROW_WIDTH, GRID_WIDTH, SMALLEST, LARGEST = 270, 360, 240, 360

Box = tuple[int, int, int]
"""Left, top and width of a card in a hand's image."""


def draw_hand_image(cards: Sequence[str], layout: str) -> Image:
    """Draw a hand, such as `["10S", "AH", "KD", "JC"]`, in a layout: `row`, `grid` or `scattered`; always the same way."""
    from PIL import Image

    image = Image.new("RGB", (SIZE, SIZE), CLOTH)
    for card, (left, top, width) in zip(cards, boxes(cards, layout), strict=True):
        face = card_image(card, width)
        image.paste(face, (left, top), face)
    return image


def boxes(cards: Sequence[str], layout: str) -> list[Box]:
    """Give where each card of a hand lies."""
    count = len(cards)
    if layout == "row":
        gap = (SIZE - count * ROW_WIDTH) // (count + 1)
        return [(gap + place * (ROW_WIDTH + gap), (SIZE - _height(ROW_WIDTH)) // 2, ROW_WIDTH) for place in range(count)]
    cell = SIZE // 2
    dice = random.Random(f"layout {' '.join(cards)}")
    placed = []
    for place in range(count):
        width = dice.randrange(SMALLEST, LARGEST + 1, 20) if layout == "scattered" else GRID_WIDTH
        spare_x, spare_y = cell - width, cell - _height(width)
        right, down = (dice.random(), dice.random()) if layout == "scattered" else (0.5, 0.5)
        placed.append((place % 2 * cell + int(right * spare_x), place // 2 * cell + int(down * spare_y), width))
    return placed


def _height(width: int) -> int:
    return width * HEIGHT // WIDTH


@lru_cache(maxsize=160)
def card_image(card: str, width: int) -> Image:
    """Draw one card, so many pixels wide, on a transparent ground."""
    from PIL import Image, ImageDraw, ImageFont

    rank, suit, unit = card[:-1], card[-1], SCALE * width / WIDTH
    corner = Image.new("RGBA", (SCALE * width, SCALE * _height(width)), (0, 0, 0, 0))
    pen = ImageDraw.Draw(corner)
    pen.text((62 * unit, 58 * unit), rank, fill=COLOURS[suit], font=ImageFont.load_default(84 * unit), anchor="mm")
    draw_suit(pen, suit, (62 * unit, 146 * unit), 62 * unit)
    face = Image.new("RGBA", corner.size, (0, 0, 0, 0))
    edge = (2, 2, corner.width - 3, corner.height - 3)
    ImageDraw.Draw(face).rounded_rectangle(edge, 28 * unit, fill=(252, 252, 248), outline=(90, 90, 90), width=round(2 * unit))
    draw_suit(ImageDraw.Draw(face), suit, (corner.width / 2, corner.height / 2), 190 * unit)
    face.alpha_composite(corner)
    face.alpha_composite(corner.rotate(180))
    return face.reduce(SCALE)


def draw_suit(pen: ImageDraw, suit: str, centre: tuple[float, float], size: float) -> None:
    """Draw the sign of a suit around a centre, so many pixels high."""
    _SHAPES[suit](pen, centre, size, COLOURS[suit])


def _diamond(pen: ImageDraw, centre: tuple[float, float], size: float, colour: tuple[int, int, int]) -> None:
    (x, y), half = centre, size / 2
    pen.polygon([(x, y - half), (x + 0.38 * size, y), (x, y + half), (x - 0.38 * size, y)], fill=colour)


def _heart(pen: ImageDraw, centre: tuple[float, float], size: float, colour: tuple[int, int, int], up: int = 1) -> None:
    x, y = centre
    radius = 0.26 * size
    for side in (-1, 1):
        _disc(pen, (x + side * 0.23 * size, y - up * 0.2 * size), radius, colour)
    wide, level, tip = 0.46 * size, y - up * 0.08 * size, y + up * 0.5 * size
    pen.polygon([(x - wide, level), (x, y - up * 0.2 * size), (x + wide, level), (x, tip)], fill=colour)


def _spade(pen: ImageDraw, centre: tuple[float, float], size: float, colour: tuple[int, int, int]) -> None:
    _heart(pen, (centre[0], centre[1] - 0.04 * size), 0.9 * size, colour, up=-1)
    _stem(pen, centre, size, colour)


def _club(pen: ImageDraw, centre: tuple[float, float], size: float, colour: tuple[int, int, int]) -> None:
    x, y = centre
    for right, down in ((0, -0.26), (-0.25, 0.1), (0.25, 0.1), (0, 0)):
        _disc(pen, (x + right * size, y + down * size), (0.14 if (right, down) == (0, 0) else 0.23) * size, colour)
    _stem(pen, centre, size, colour)


def _stem(pen: ImageDraw, centre: tuple[float, float], size: float, colour: tuple[int, int, int]) -> None:
    (x, y), half = centre, size / 2
    pen.polygon([(x, y), (x + 0.2 * size, y + half), (x - 0.2 * size, y + half)], fill=colour)


def _disc(pen: ImageDraw, centre: tuple[float, float], radius: float, colour: tuple[int, int, int]) -> None:
    x, y = centre
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


_SHAPES: dict[str, Callable[..., None]] = {"S": _spade, "H": _heart, "D": _diamond, "C": _club}
