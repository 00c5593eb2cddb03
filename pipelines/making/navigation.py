"""Steps of routes as problems: what the agent has seen and done so far, what it sees now, and the right action as the gold answer.

`meta` holds where the step stands: `{"route": "34north-east3-…", "city": "ashford", "space": "absolute", "step": 4, "steps": 17,
"instruction": 1, "landmarks": ["Amber Bakery"], "is_intersection": true, "heading": 90.0, "vision": false}`. The same settings in the
other action space give the same routes. `routes_of` gives the routes themselves, for `verifiers.navigation.Navigation`.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...schemas.errors import CotkitError
from ...schemas.making import NavigationConfig
from ...schemas.problem import Problem, problem_id
from ...schemas.record import content_hash
from ...verifiers.navigation.routes import Decision, Route, decisions, instructions
from .cities import city_of, random_route
from .prompts import is_in_part, words_of
from .study_routes import read_study_routes

if TYPE_CHECKING:
    import polars as pl

SOURCE = "cotkit:navigation"
FRUITLESS = 2_000
"""After so many draws without a new route, there is none."""


def make_navigation(config: NavigationConfig) -> pl.DataFrame:
    """Make a problem set; raises CotkitError when there are fewer different routes than asked for."""
    import polars as pl

    rows = [row for route in routes_of(config) for row in _rows(config, route)]
    return pl.DataFrame(rows, schema=Problem.polars_schema()).unique("problem_id", keep="first", maintain_order=True)


def routes_of(config: NavigationConfig) -> list[Route]:
    """Give the routes of a problem set; raises CotkitError when there are fewer than asked for."""
    found: dict[tuple[Any, ...], Route] = {}
    for route in _candidates(config, found):
        if is_in_part(f"{route.city} {route.name}", config.split, config.test_share):
            found.setdefault(route[1:], route)
        if len(found) == config.n:
            return list(found.values())
    raise CotkitError(f"{config.n} routes are asked for, and {len(found)} different ones were found", f"lower --n to {len(found)}")


def _candidates(config: NavigationConfig, found: dict[tuple[Any, ...], Route]) -> Iterator[Route]:
    """Give routes of the file, or draw them until no new ones come."""
    if config.routes is not None:
        yield from read_study_routes(Path(config.routes))
        return
    city, dice = city_of(config.city), random.Random(f"routes {config.seed}")
    fruitless, before = 0, 0
    while fruitless < FRUITLESS:
        route = random_route(city, dice)
        if route is not None:
            yield route
        fruitless = fruitless + 1 if len(found) == before else 0
        before = len(found)


def _rows(config: NavigationConfig, route: Route) -> Iterator[dict[str, Any]]:
    """Give the problems of a route, one per step."""
    words = words_of("navigation")
    sentences = instructions(route)
    numbered = "\n".join(f"{number}. {sentence}" for number, sentence in enumerate(sentences, 1))
    taken = decisions(route, config.space)
    task = words["task"].replace("{shown}", words["shown"]["image" if config.vision else "text"])
    before = "\n\n".join([task, words["space"][config.space], words["route"].replace("{instructions}", numbered)])
    history = ""
    for step, decision in enumerate(taken):
        about = _about(config, route, step, len(taken), decision)
        seen = f"![four views]({about['image']})" if config.vision else decision.observation.text()
        sight = f"O_{step + 1}: {seen}"
        prompt = f"{before}\n\n{words['history'].replace('{history}', history + sight)}\n\n{words['output']}"
        yield {
            "problem_id": problem_id("navigation", prompt, decision.action),
            "prompt": prompt,
            "answer": decision.action,
            "kind": "navigation",
            "options": [],
            "source": SOURCE,
            "subject": route.city,
            "level": config.space,
            "meta": json.dumps(about, ensure_ascii=False, separators=(",", ":")),
        }
        history += f"O_{step + 1}: {decision.observation.text()}\nA_{step + 1}: {decision.action}\n"


def _about(config: NavigationConfig, route: Route, step: int, steps: int, decision: Decision) -> dict[str, Any]:
    sights = decision.observation.landmarks
    about: dict[str, Any] = {"route": route.name, "city": route.city, "space": config.space, "step": step, "steps": steps}
    about |= {"instruction": decision.instruction, "landmarks": [sight.name for sight in sights]}
    about |= {"sides": [sight.side for sight in sights], "is_intersection": decision.observation.is_intersection}
    about |= {"heading": decision.heading, "vision": config.vision}
    if config.vision:
        about["image"] = f"images/{content_hash('views', route.city, route.name, step)}.png"
    return about
