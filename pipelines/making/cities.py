"""Cities of ours: a street graph from a name, with landmarks at its corners, and random routes through it.

Streets run along a grid of 9 by 9 corners, some are missing, some cut across; between two corners lie up to two places more. A city is
the same on every machine. Its landmarks have names that no other city has.
"""

from __future__ import annotations

import random
from functools import lru_cache
from typing import NamedTuple

from ...schemas.errors import unknown_name
from ...verifiers.navigation.directions import compass_word
from ...verifiers.navigation.routes import Landmark, Leg, Place, Route
from .prompts import words_of

SIDE = 9
"""Corners along one side."""
HEADINGS = tuple(45.0 * place for place in range(8))
STEPS = {0: (0, 1), 1: (1, 1), 2: (1, 0), 3: (1, -1), 4: (0, -1), 5: (-1, -1), 6: (-1, 0), 7: (-1, 1)}
"""From one corner to the next, by the place of the heading in `HEADINGS`: east and north."""
SHALLOW = (1, 2, 6, 7)
"""Turns of 45 or 90 degrees, in steps of 45: no word tells sharper ones apart."""
STRAIGHT_STREETS, DIAGONAL_STREETS, WITH_LANDMARKS, WITH_SECOND = 0.92, 0.12, 0.75, 0.25
"""How often a street, a diagonal one, a landmark and a second one are there."""
MOST_BLOCKS, FEWEST_LEGS, MOST_LEGS = 3, 3, 5

Corner = tuple[int, int]


class City(NamedTuple):
    """A street graph."""

    name: str
    streets: dict[Corner, dict[int, int]]
    """Of each corner, the streets by heading, in steps of 45 degrees, and how many places lie along them."""
    landmarks: dict[Corner, tuple[Landmark, ...]]


@lru_cache(maxsize=8)
def city_of(name: str) -> City:
    """Build a city; raises CotkitError for a name that is not known."""
    words = words_of("cities")
    if name not in words["cities"]:
        raise unknown_name("city", name, list(words["cities"]))
    dice = random.Random(f"city {name}")
    streets: dict[Corner, dict[int, int]] = {(x, y): {} for x in range(SIDE) for y in range(SIDE)}
    for corner in streets:
        for way in range(4):
            other = (corner[0] + STEPS[way][0], corner[1] + STEPS[way][1])
            if other in streets and dice.random() < (DIAGONAL_STREETS if way % 2 else STRAIGHT_STREETS):
                streets[corner][way] = streets[other][way + 4] = dice.randrange(3)
    names = [f"{owner} {place}" for owner in words["cities"][name] for place in words["places"]]
    dice.shuffle(names)
    landmarks = {corner: _landmarks(ways, names, dice) for corner, ways in streets.items()}
    return City(name, streets, landmarks)


def _landmarks(ways: dict[int, int], names: list[str], dice: random.Random) -> tuple[Landmark, ...]:
    """Put landmarks between the streets of a corner, each on a bearing of its own."""
    free = [way for way in range(8) if way not in ways]
    count = min(len(free), (dice.random() < WITH_LANDMARKS) * (1 + (dice.random() < WITH_SECOND)))
    return tuple(Landmark(names.pop(), HEADINGS[way]) for way in dice.sample(free, count))


def random_route(city: City, dice: random.Random) -> Route | None:
    """Draw a route of three to five legs that comes to no corner twice and ends at a landmark; None when the draw leads nowhere."""
    corner = dice.choice(list(city.streets))
    if not city.streets[corner]:
        return None
    start, visited = corner, {corner}
    way = dice.choice(list(city.streets[corner]))
    first = (way + dice.choice((0, *SHALLOW))) % 8
    legs: list[Leg] = []
    wanted = dice.randint(FEWEST_LEGS, MOST_LEGS)
    while True:
        walked = _leg(city, corner, way, dice.randint(1, MOST_BLOCKS), visited)
        if walked is None:
            return None
        leg, corner = walked
        legs.append(leg)
        if len(legs) == wanted:
            break
        ways = [(way + turn) % 8 for turn in SHALLOW if (way + turn) % 8 in city.streets[corner]]
        if not ways or not leg.places[-1].is_intersection:
            return None
        way = dice.choice(ways)
    if not legs[-1].places[-1].landmarks:
        return None
    path = [f"{start[0]}{start[1]}{compass_word(HEADINGS[first])}", *(f"{compass_word(leg.heading)}{len(leg.places)}" for leg in legs)]
    return Route("-".join(path), city.name, HEADINGS[first], _place(city, start), tuple(legs))


def _leg(city: City, corner: Corner, way: int, blocks: int, visited: set[Corner]) -> tuple[Leg, Corner] | None:
    """Walk straight on for so many blocks, or as many as there are; None where there is none that leads to a new corner."""
    places: list[Place] = []
    for _ in range(blocks):
        beyond = (corner[0] + STEPS[way][0], corner[1] + STEPS[way][1])
        if way not in city.streets[corner] or beyond in visited:
            break
        places += [Place()] * city.streets[corner][way]
        corner = beyond
        visited.add(corner)
        places.append(_place(city, corner))
    return (Leg(HEADINGS[way], tuple(places)), corner) if places else None


def _place(city: City, corner: Corner) -> Place:
    return Place(city.landmarks[corner], len(city.streets[corner]) > 2)
