"""Directions: compass words for headings, words for turns and for where a thing stands, all of them around 360 degrees.

A heading is in degrees, 0 north, clockwise. Turns are wrapped to -180 (exclusive) to 180: from 350 to 10 is a turn of 20 to the right.
"""

from __future__ import annotations

COMPASS = ("north", "northeast", "east", "southeast", "south", "southwest", "west", "northwest")
TURNS = ("left", "right", "slightly left", "slightly right")
SIDES = (
    "straight ahead",
    "ahead on the right",
    "on the right",
    "behind on the right",
    "behind",
    "behind on the left",
    "on the left",
    "ahead on the left",
)
SLIGHT = 45.0
"""Turns of up to so many degrees are slight; the study's threshold."""
DEGREES = {"left": -90.0, "right": 90.0, "slightly left": -45.0, "slightly right": 45.0}
"""What a word for a turn means where nothing else is known."""


def turn_between(heading: float, wanted: float) -> float:
    """Give the degrees to turn, to the right positive, in (-180, 180].

    >>> turn_between(315, 0), turn_between(0, 315), turn_between(350, 10), turn_between(0, 180)
    (45, -45, 20, 180)
    """
    return -((heading - wanted + 180) % 360 - 180)


def compass_word(heading: float) -> str:
    """Give the nearest of the eight compass words.

    >>> compass_word(350), compass_word(359.9), compass_word(80)
    ('north', 'north', 'east')
    """
    return COMPASS[int((heading % 360 + 22.5) // 45) % 8]


def turn_word(degrees: float) -> str:
    """Give the word for a turn.

    >>> turn_word(45), turn_word(-46), turn_word(180)
    ('slightly right', 'left', 'right')
    """
    side = "left" if degrees < 0 else "right"
    return f"slightly {side}" if abs(degrees) <= SLIGHT else side


def side_word(heading: float, bearing: float) -> str:
    """Say where a thing at a bearing stands for one who faces a heading.

    >>> side_word(90, 0), side_word(315, 0)
    ('on the left', 'ahead on the right')
    """
    return SIDES[int((turn_between(heading, bearing) % 360 + 22.5) // 45) % 8]
