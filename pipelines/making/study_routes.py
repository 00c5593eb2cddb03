"""The study's own routes, where the user has them: `route_infos.json` of its data set, a list of routes and their number.

Of each route these are read: `start_place.relocated_geocode`, `route_results.geocode_list` and `.landmark_list` (one entry per corner
but the last, null without one), `dest_place.name` and `.geocode`, `init_heading`. Geocodes are [latitude, longitude]. Headings are
computed here, around 360 degrees; a straight part has a place for each 25 metres, four at most. An `init_heading` of 0 stands for
none, as in the study: one is drawn.
"""

from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

from ...schemas.errors import CotkitError
from ...verifiers.navigation.routes import Landmark, Leg, Place, Route

Geocode = tuple[float, float]

EARTH_METRES = 6_371_000.0
METRES_PER_PLACE, MOST_PLACES = 25.0, 4
HINT = "name a route_infos.json of the study: a list that holds the list of routes and their number"


def read_study_routes(path: Path) -> list[Route]:
    """Read a file of routes; raises CotkitError that names the route and what it lacks."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CotkitError(f"{path}: no such file", HINT) from None
    except ValueError as error:
        raise CotkitError(f"{path}: not JSON: {error}", HINT) from None
    rows = content[0] if isinstance(content, list) and content and isinstance(content[0], list) else content
    if not isinstance(rows, list) or not rows:
        raise CotkitError(f"{path}: no list of routes", HINT)
    routes = []
    for number, row in enumerate(rows):
        try:
            routes.append(_route(row, number, path.parent.name or path.stem))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise CotkitError(f"{path}: route {number} cannot be read: {type(error).__name__}: {error}", HINT) from None
    return routes


def _route(row: dict[str, Any], number: int, city: str) -> Route:
    corners = [_geocode(code) for code in row["route_results"]["geocode_list"]]
    marks = [*row["route_results"]["landmark_list"][: len(corners) - 1], row["dest_place"]]
    if len(marks) != len(corners):
        raise ValueError(f"{len(marks) - 1} landmarks for {len(corners)} corners")
    here = _geocode(row["start_place"]["relocated_geocode"])
    legs = []
    for place, (corner, mark) in enumerate(zip(corners, marks, strict=True)):
        landmarks = (Landmark(str(mark["name"]), bearing(corner, _geocode(mark["geocode"]))),) if mark else ()
        between = min(MOST_PLACES, int(distance(here, corner) // METRES_PER_PLACE))
        reached = Place(landmarks, is_intersection=place < len(corners) - 1)
        legs.append(Leg(bearing(here, corner), (*[Place()] * between, reached)))
        here = corner
    heading = float(row.get("init_heading") or random.Random(f"heading {number}").randrange(1, 360))
    return Route(str(number), city, heading, Place(), tuple(legs))


def _geocode(code: Any) -> Geocode:
    latitude, longitude = map(float, code)
    return latitude, longitude


def bearing(here: Geocode, there: Geocode) -> float:
    """Give the heading from one geocode to another along a great circle, in degrees.

    >>> round(bearing((40.0, -74.0), (40.0, -73.9))), round(bearing((40.0, -74.0), (39.0, -74.0)))
    (90, 180)
    """
    (lat, lng), (other, lng_there) = (tuple(map(math.radians, code)) for code in (here, there))
    x = math.sin(lng_there - lng) * math.cos(other)
    y = math.cos(lat) * math.sin(other) - math.sin(lat) * math.cos(other) * math.cos(lng_there - lng)
    return math.degrees(math.atan2(x, y)) % 360


def distance(here: Geocode, there: Geocode) -> float:
    """Give the metres between two geocodes, by the haversine formula.

    >>> round(distance((40.0, -74.0), (40.001, -74.0)))
    111
    """
    (lat, lng), (other, lng_there) = (tuple(map(math.radians, code)) for code in (here, there))
    chord = math.sin((other - lat) / 2) ** 2 + math.cos(lat) * math.cos(other) * math.sin((lng_there - lng) / 2) ** 2
    return 2 * EARTH_METRES * math.asin(math.sqrt(chord))
