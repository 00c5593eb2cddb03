import json
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from cotkit.pipelines.making import make_navigation, routes_of
from cotkit.pipelines.making.cities import city_of
from cotkit.pipelines.making.prompts import words_of
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.making import NavigationConfig
from cotkit.schemas.problem import Problem
from cotkit.verifiers import verify
from cotkit.verifiers.navigation import Navigation
from cotkit.verifiers.navigation.directions import turn_between

CITIES = list(words_of("cities")["cities"])


def test_no_landmark_stands_in_two_cities_nor_twice_in_one() -> None:
    names = {city: [mark.name for marks in city_of(city).landmarks.values() for mark in marks] for city in CITIES}
    assert len(CITIES) == 6
    assert all(40 < len(marks) == len(set(marks)) for marks in names.values())
    assert not [pair for pair in combinations(CITIES, 2) if set(names[pair[0]]) & set(names[pair[1]])]


@pytest.mark.parametrize("city", CITIES)
def test_routes_are_different_end_at_a_landmark_and_turn_as_words_can_tell(city: str) -> None:
    routes = routes_of(NavigationConfig(n=40, city=city))
    assert len({route[1:] for route in routes}) == 40
    for route in routes:
        headings = [route.heading, *(leg.heading for leg in route.legs)]
        turns = [abs(turn_between(*pair)) for pair in pairwise(headings)]
        assert set(turns[1:]) <= {45.0, 90.0}
        assert turns[0] in (0.0, 45.0, 90.0)
        assert route.legs[-1].places[-1].landmarks
        assert all(leg.places[-1].is_intersection for leg in route.legs[:-1])


def test_each_step_is_a_problem_whose_gold_is_the_right_action() -> None:
    config = NavigationConfig(n=5, space="relative")
    problems = make_navigation(config)
    assert problems.schema == Problem.polars_schema()
    rows = iter(problems.iter_rows(named=True))
    for route in routes_of(config):
        environment = Navigation(route, "relative")
        observation, history = environment.reset(), ""
        for step, decision in enumerate(environment.decisions):
            problem = Problem.model_validate(next(rows))
            meta = json.loads(problem.meta)
            assert (meta["route"], meta["step"], meta["space"]) == (route.name, step, "relative")
            assert f"{history}O_{step + 1}: {observation}\n\n[Output]" in problem.prompt
            assert all(f"{number}. {sentence}\n" in problem.prompt for number, sentence in enumerate(environment.instructions, 1))
            assert "northeast" not in problem.prompt.partition("[Instructions]")[0]
            assert problem.answer == decision.action
            assert verify(json.dumps({"action": decision.action}), problem).outcome == "correct"
            history += f"O_{step + 1}: {observation}\nA_{step + 1}: {decision.action}\n"
            observation = environment.step(decision.action).observation
    assert next(rows, None) is None


def test_the_other_action_space_has_the_same_routes_and_a_split_shares_none() -> None:
    settings = {"n": 30, "seed": 2}
    assert routes_of(NavigationConfig(**settings)) == routes_of(NavigationConfig(**settings, space="relative"))
    train = {route[1:] for seed in range(3) for route in routes_of(NavigationConfig(n=60, split="train", seed=seed))}
    test = {route[1:] for seed in range(3) for route in routes_of(NavigationConfig(n=10, split="test", seed=seed))}
    assert not train & test


def study_route(**changes: object) -> dict:
    """Give a route in the shape of the study's files: north for some 111 metres, then east for some 85, past a corner with no landmark."""
    place = {"name": "Corner Deli", "geocode": [40.0011, -74.0]}
    return {
        "start_place": {"relocated_geocode": [40.0, -74.0]},
        "dest_place": {"name": "Old Mill", "geocode": [40.0009, -73.998]},
        "route_results": {"geocode_list": [[40.001, -74.0], [40.001, -73.999], [40.001, -73.998]], "landmark_list": [place, None]},
        "init_heading": 350,
        "milestone_info": "not read",
    } | changes


def written(folder: Path, content: object) -> str:
    path = folder / "route_infos.json"
    path.write_text(json.dumps(content))
    return str(path)


def test_the_routes_of_the_study_are_read_from_its_files(tmp_path: Path) -> None:
    (route,) = routes_of(NavigationConfig(n=1, routes=written(tmp_path, [[study_route(), study_route()], 2])))
    environment = Navigation(route, "relative")
    assert environment.instructions == (
        "Go forward until you reach the intersection where Corner Deli is straight ahead.",
        "Turn right to face east.",
        "Go forward to the next intersection.",
        "Go forward until you reach the destination where Old Mill is on the right, and stop.",
    )
    actions = [decision.action for decision in environment.decisions]
    assert actions == ["forward()"] * 5 + ["turn_direction(right)"] + ["forward()"] * 8 + ["stop()"]
    assert [environment.step(action).reward for action in actions] == [1.0] * len(actions)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([[study_route(dest_place={"name": "x"})], 1], "route 0 cannot be read: KeyError"),
        ([[study_route(), study_route(start_place=None)], 1], "route 1 cannot be read: TypeError"),
        ([[study_route(route_results={"geocode_list": [[1, 2], [3, 4]], "landmark_list": []})], 1], "0 landmarks for 2 corners"),
        ({"routes": 1}, "no list of routes"),
        ([[study_route()], 1], "2 routes are asked for, and 1 different ones"),
    ],
)
def test_a_file_that_is_no_file_of_routes_is_an_error_that_names_the_place(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(CotkitError) as raised:
        routes_of(NavigationConfig(n=2, routes=written(tmp_path, content)))
    assert said in raised.value.message


def test_an_unknown_city_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(CotkitError, match="unknown city") as raised:
        routes_of(NavigationConfig(city="rome"))
    assert "belmora" in raised.value.hint
