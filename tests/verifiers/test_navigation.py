"""Navigation: directions around north, routes in both action spaces, the environment on its rails, and replies of many spellings."""

import json
import random
import time

import pytest
from cotkit.pipelines.making import routes_of
from cotkit.schemas.making import NavigationConfig
from cotkit.schemas.problem import Problem
from cotkit.verifiers import feedback, turn_reward, verify
from cotkit.verifiers.navigation import Navigation
from cotkit.verifiers.navigation.directions import COMPASS, DEGREES, compass_word, side_word, turn_between, turn_word
from cotkit.verifiers.navigation.replies import ACTIONS
from cotkit.verifiers.navigation.routes import Landmark, Leg, Place, Route, decisions, instructions
from hypothesis import given
from hypothesis import strategies as st

ROUTES = [route for city in ("ashford", "belmora") for route in routes_of(NavigationConfig(n=60, city=city, seed=1))]
ANGLES = st.one_of(st.integers(-720, 720), st.floats(-720, 720, allow_nan=False))


@given(heading=ANGLES, turn=st.floats(-179.0, 180.0))
def test_turns_are_the_same_whichever_way_north_lies(heading, turn):
    assert turn_between(heading, heading + turn) == pytest.approx(turn, abs=1e-6)
    assert turn_between(heading + 360, heading + turn - 720) == pytest.approx(turn, abs=1e-6)


@pytest.mark.parametrize(
    ("heading", "wanted", "word"),
    [
        (315, 0, "slightly right"),
        (0, 315, "slightly left"),
        (350, 80, "right"),
        (10, 280, "left"),
        (359, 1, "slightly right"),
        (90, 0, "left"),
        (225, 315, "right"),
    ],
)
def test_a_turn_across_north_goes_the_short_way(heading, wanted, word):
    assert turn_word(turn_between(heading, wanted)) == word


def test_compass_words_stand_for_45_degrees_each():
    assert [compass_word(heading) for heading in range(0, 360, 45)] == list(COMPASS)
    assert [compass_word(heading) for heading in (337.4, 337.5, 22.4, 22.5, 359.99, 360, -1)] == [
        "northwest",
        "north",
        "north",
        "northeast",
        "north",
        "north",
        "north",
    ]
    assert side_word(315, 45) == "on the right"


def test_a_route_in_words():
    cafe = Place((Landmark("Amber Café", 225.0),), is_intersection=True)
    route = Route("r", "c", 315.0, Place(), (Leg(0.0, (Place(), cafe)), Leg(90.0, (Place((Landmark("Dover Bank", 45.0),), False),))))
    assert instructions(route) == (
        "First, turn slightly right to face north.",
        "Go forward until you reach the intersection where Amber Café is behind on the left.",
        "Turn right to face east.",
        "Go forward until you reach the destination where Dover Bank is ahead on the left, and stop.",
    )
    taken = decisions(route, "relative")
    assert [(decision.instruction, decision.action) for decision in taken] == [
        (0, "turn_direction(slightly right)"),
        (1, "forward()"),
        (1, "forward()"),
        (2, "turn_direction(right)"),
        (3, "forward()"),
        (3, "stop()"),
    ]
    assert taken[4].observation.text() == "Amber Café is behind on the right; you are at an intersection."
    assert taken[5].observation.text() == "Dover Bank is ahead on the left; you are on a street."


@pytest.mark.parametrize("space", ["absolute", "relative"])
def test_the_expert_succeeds_on_every_route(space):
    for route in ROUTES:
        environment = Navigation(route, space)
        observation = environment.reset()
        for decision in environment.decisions:
            assert observation == decision.observation.text()
            stepped = environment.step(decision.action)
            assert (stepped.reward, stepped.feedback, stepped.fault) == (1.0, "", "right_action")
            observation = stepped.observation
        assert (stepped.terminated, stepped.truncated, observation, environment.is_over) == (True, False, None, True)
        score = environment.score()
        assert score.is_success_at_first
        assert score.is_success
        assert score.right_at_first == score.right_at_last == score.steps == len(environment.decisions)


@pytest.mark.parametrize("space", ["absolute", "relative"])
def test_any_single_wrong_action_is_caught_and_does_not_move_the_agent(space):
    dice = random.Random(3)
    for route in ROUTES[::2]:
        environment = Navigation(route, space)
        wrong_at = dice.randrange(len(environment.decisions))
        for place, decision in enumerate(environment.decisions):
            if place == wrong_at:
                before = environment.place
                stepped = environment.step(dice.choice([action for action in ACTIONS if action != decision.action]))
                assert (stepped.reward, stepped.terminated, stepped.truncated, environment.place) == (-1.0, False, False, before)
                assert decision.action not in stepped.feedback
                assert "not the right action" in stepped.feedback
            environment.step(decision.action)
        score = environment.score()
        assert (score.is_success_at_first, score.is_success, score.right_at_first) == (False, True, score.steps - 1)


def test_every_wrong_action_of_every_step_is_wrong():
    for space in ("absolute", "relative"):
        for route in ROUTES[::6]:
            for decision in decisions(route, space):
                problem = Problem.make("?", decision.action, "navigation")
                judged = {action for action in ACTIONS if verify(action, problem).outcome == "correct"}
                assert judged == {decision.action}


def test_both_action_spaces_agree_on_every_route():
    for route in ROUTES:
        both = zip(decisions(route, "absolute"), decisions(route, "relative"), strict=True)
        facing = route.heading
        for absolute, relative in both:
            assert absolute[:2] == relative[:2]
            assert (absolute.place, absolute.heading, relative.heading) == (relative.place, facing, facing)
            if absolute.action.startswith("turn"):
                facing = (facing + DEGREES[relative.action[15:-1]]) % 360
                assert compass_word(facing) == absolute.action[15:-1]
            else:
                assert absolute.action == relative.action


class Follower:
    """Follows the sentences of a route, and looks at nothing but what is in sight."""

    def __init__(self, sentences):
        self.sentences, self.current, self.crossed, self.has_moved = sentences, 0, 0, False

    def action(self, observation):
        self.crossed += self.has_moved and observation.is_intersection
        while True:
            sentence = self.sentences[self.current]
            if "turn " in sentence.lower():
                self.next_sentence()
                return f"turn_direction({sentence.split()[-1].rstrip('.')})"
            if not self.has_moved or not self.has_arrived(sentence, observation):
                self.has_moved = True
                return "forward()"
            if "stop" in sentence:
                return "stop()"
            self.next_sentence()

    def has_arrived(self, sentence, observation):
        if "where" in sentence:
            return any(f"where {name} is {side}" in sentence for name, side in observation.landmarks)
        return self.crossed == 1 + ["next", "second", "third", "fourth"].index(sentence.split()[4])

    def next_sentence(self):
        self.current, self.crossed, self.has_moved = self.current + 1, 0, False


def test_who_follows_the_sentences_alone_takes_every_right_action():
    for route in ROUTES:
        follower = Follower(instructions(route))
        for decision in decisions(route, "absolute"):
            assert follower.action(decision.observation) == decision.action, (route.name, follower.sentences, decision)


def test_the_last_try_ends_the_episode_or_goes_on():
    route = ROUTES[0]
    ends, goes_on = Navigation(route, tries=2), Navigation(route, tries=2, goes_on=True)
    for environment in (ends, goes_on):
        wrong = "stop()"
        assert environment.step(wrong)[3:5] == (False, False)
    stepped = ends.step(wrong)
    assert (stepped.truncated, stepped.observation, ends.is_over) == (True, None, True)
    with pytest.raises(RuntimeError, match="reset"):
        ends.step(wrong)
    goes_on.step(wrong)
    assert (goes_on.place, goes_on.is_over) == (1, False)
    for decision in goes_on.decisions[1:]:
        goes_on.step(decision.action)
    assert goes_on.score() == (len(goes_on.decisions), len(goes_on.decisions) - 1, len(goes_on.decisions) - 1, False, False)
    assert ends.reset() == ends.decisions[0].observation.text()
    with pytest.raises(ValueError, match="at least 1"):
        Navigation(route, tries=0)


META = json.dumps({"landmarks": ["Amber Bakery"], "is_intersection": True})
TURN = Problem.make("?", "turn_direction(slightly left)", "navigation", meta=META)
SIGHT = "Amber Bakery is on the left; you are at an intersection."
REPLIES = {
    "the action alone": ("turn_direction(slightly left)", "right_action", 1.0),
    "JSON": (json.dumps({"current observation": SIGHT, "action": "turn_direction(slightly left)"}), "right_action", 1.0),
    "JSON with a trailing comma": ('{"action": "turn_direction(slightly left)",}', "right_action", 1.0),
    "case and spaces": ("Turn_Direction( Slightly  Left )", "right_action", 1.0),
    "quotes inside": ("{'action': \"turn_direction('slightly left')\"}", "right_action", 1.0),
    "underscore": ("turn_direction(slightly_left)", "right_action", 1.0),
    "words": ("Turn slightly left.", "right_action", 1.0),
    "a box": (r"\boxed{turn_direction(slightly left)}", "right_action", 1.0),
    "text that ends in it": ("I see the bakery, which is the sign.\nSo: turn_direction(slightly left)", "right_action", 1.0),
    "the last one counts": ("Not forward(), as I am at the corner. turn_direction(slightly left)", "right_action", 1.0),
    "left is not slightly left": ("turn_direction(left)", "wrong_action", -1.0),
    "another action": ("forward()", "wrong_action", -1.0),
    "of the other space": ("turn_direction(northwest)", "wrong_action", -1.0),
    "a right observation and a wrong action": (json.dumps({"current observation": SIGHT, "action": "stop()"}), "wrong_action", -1.0),
    "a landmark missed": ('{"current observation": "No landmark in sight", "action": "stop()"}', "wrong_observation", -1.5),
    "an intersection denied": (
        '{"current observation": "Amber Bakery is on the left, no intersection", "action": "stop()"}',
        "wrong_observation",
        -1.5,
    ),
    "what is seen does not matter to a right action": (
        '{"current observation": "nothing", "action": "turn_direction(slightly left)"}',
        "right_action",
        1.0,
    ),
    "several actions": ("turn_direction(slightly left) or forward()", "wrong_action", -1.0),
    "no action": ("", "no_action", -1.0),
    "none of the space": ('{"action": "jump()"}', "unknown_action", -1.0),
    "a turn to nowhere": ("turn_direction()", "unknown_action", -1.0),
}


@pytest.mark.parametrize(("reply", "decided_by", "reward"), REPLIES.values(), ids=REPLIES.keys())
def test_replies_are_read_and_their_faults_have_names_and_rewards(reply, decided_by, reward):
    verdict = verify(reply, TURN)
    assert (verdict.decided_by, turn_reward(reply, TURN)) == (decided_by, reward)
    assert (verdict.outcome == "correct") == (decided_by == "right_action")
    said = feedback(reply, TURN)
    assert (said == "") == (decided_by == "right_action")
    assert "slightly left" not in said or "slightly left" in reply


@pytest.mark.parametrize("gold", ["", "7", "turn_direction(up)", "left or right", "forward() stop()"])
def test_a_gold_that_is_no_action_is_unreadable(gold):
    problem = Problem.make("?", gold, "navigation")
    assert (verify("forward()", problem).outcome, feedback("forward()", problem)) == ("unreadable_gold", "")


def test_steps_are_taken_at_the_order_of_a_hundred_thousand_per_second_of_cpu_time():
    environments = [Navigation(route, "relative") for route in ROUTES]
    started, steps = time.process_time(), 0
    while steps < 20_000:
        for environment in environments:
            environment.reset()
            for decision in environment.decisions:
                environment.step(decision.action)
            steps += len(environment.decisions)
    assert steps / (time.process_time() - started) > 50_000  # 100,000 and more: see docs/results.md
