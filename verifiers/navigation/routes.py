"""Routes on rails: places and landmarks, the instructions in words, and the decision that each place asks for.

A route is a list of legs. At the start of a leg the agent turns to its heading, then goes forward from place to place; at the last
place of the last leg it stops. Everything else follows: `instructions(route)` and `decisions(route, "relative")`.
"""

from __future__ import annotations

from typing import NamedTuple

from ...schemas.making import ActionSpace
from .directions import compass_word, side_word, turn_between, turn_word

ORDINALS = ("next", "second", "third", "fourth", "fifth", "sixth")
FORWARD, STOP = "forward()", "stop()"


class Landmark(NamedTuple):
    """Something to know a place by."""

    name: str
    bearing: float
    """Degrees from the place."""


class Place(NamedTuple):
    """Where an agent stands."""

    landmarks: tuple[Landmark, ...] = ()
    is_intersection: bool = False


class Leg(NamedTuple):
    """A straight part of a route."""

    heading: float
    places: tuple[Place, ...]
    """The places that are reached one after the other; at the last one the leg ends."""


class Route(NamedTuple):
    """A way through a city."""

    name: str
    city: str
    heading: float
    """Which way the agent faces at first."""
    start: Place
    legs: tuple[Leg, ...]


class Sight(NamedTuple):
    """A landmark as the agent sees it."""

    name: str
    side: str


class Observation(NamedTuple):
    """What the agent sees."""

    landmarks: tuple[Sight, ...]
    is_intersection: bool

    def text(self) -> str:
        """Put it in words.

        >>> Observation((Sight("Amber Bakery", "on the left"),), True).text()
        'Amber Bakery is on the left; you are at an intersection.'
        """
        seen = ", ".join(f"{name} is {side}" for name, side in self.landmarks) or "No landmark in sight"
        return f"{seen}; you are {'at an intersection' if self.is_intersection else 'on a street'}."


class Decision(NamedTuple):
    """What the agent sees at one point of its way, the instruction that holds there, and the right action."""

    observation: Observation
    instruction: int
    """From 0."""
    action: str
    place: Place
    heading: float


def instructions(route: Route) -> tuple[str, ...]:
    """Put a route in words, two sentences for each leg; one where the leg goes straight on."""
    sentences, facing = [], route.heading
    for number, leg in enumerate(route.legs):
        if turns_into(facing, leg):
            word = turn_word(turn_between(facing, leg.heading))
            sentences.append(f"{'Turn' if sentences else 'First, turn'} {word} to face {compass_word(leg.heading)}.")
        facing = leg.heading
        sentences.append(_way(leg, number == len(route.legs) - 1))
    return tuple(sentences)


def turns_into(heading: float, leg: Leg) -> bool:
    """Say whether a leg begins with a turn: the compass word changes."""
    return compass_word(heading) != compass_word(leg.heading)


def decisions(route: Route, space: ActionSpace) -> tuple[Decision, ...]:
    """Give every decision of a route in its order; the last action is `stop()`."""
    taken, facing, place, sentence = [], route.heading, route.start, -1
    for leg in route.legs:
        if turns_into(facing, leg):
            sentence += 1
            taken.append(Decision(observe(place, facing), sentence, turn_action(facing, leg.heading, space), place, facing))
        facing = leg.heading
        sentence += 1
        for reached in leg.places:
            taken.append(Decision(observe(place, facing), sentence, FORWARD, place, facing))
            place = reached
    taken.append(Decision(observe(place, facing), sentence, STOP, place, facing))
    return tuple(taken)


def turn_action(heading: float, wanted: float, space: ActionSpace) -> str:
    """Write the turn from one heading to another.

    >>> turn_action(315, 0, "absolute"), turn_action(315, 0, "relative")
    ('turn_direction(north)', 'turn_direction(slightly right)')
    """
    return f"turn_direction({compass_word(wanted) if space == 'absolute' else turn_word(turn_between(heading, wanted))})"


def observe(place: Place, heading: float) -> Observation:
    """Give what the agent sees at a place."""
    return Observation(tuple(Sight(mark.name, side_word(heading, mark.bearing)) for mark in place.landmarks), place.is_intersection)


def _way(leg: Leg, is_last: bool) -> str:
    """Say how far to go: to the landmark at the end, else by the number of intersections."""
    end = leg.places[-1]
    if end.landmarks:
        mark = end.landmarks[0]
        until = "the destination" if is_last else "the intersection"
        return f"Go forward until you reach {until} where {mark.name} is {side_word(leg.heading, mark.bearing)}{', and stop' * is_last}."
    count = sum(place.is_intersection for place in leg.places)
    if is_last and not end.is_intersection:
        return "Go forward to the end of the street, and stop."
    return f"Go forward to the {ORDINALS[min(count, len(ORDINALS)) - 1]} intersection{', and stop there' * is_last}."
