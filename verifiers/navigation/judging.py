"""The verifier of kind `navigation`: one step of a route, whose gold answer is the right action.

    verify('{"action": "turn_direction(north)"}', gold="turn_direction(north)", kind="navigation").outcome == "correct"

What is wrong with a reply stands in `decided_by`:

    right_action       correct
    wrong_action       wrong
    wrong_observation  wrong       the action too, and the reply's own observation misses what is in sight
    unknown_action     unreadable_answer
    no_action          no_answer

A landmark or an intersection is missed when the reply states an observation that contradicts `landmarks` and `is_intersection` of the
problem's `meta`, field by field; a right action is right whatever the reply says it sees.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from ...schemas.problem import Problem
from ...schemas.verdict import Outcome
from ..finding import Finding
from .replies import ACTIONS, Reply, named_actions, read_reply

Fault = Literal["right_action", "wrong_action", "wrong_observation", "unknown_action", "no_action"]
OUTCOMES: dict[Fault, Outcome] = {
    "right_action": "correct",
    "wrong_action": "wrong",
    "wrong_observation": "wrong",
    "unknown_action": "unreadable_answer",
    "no_action": "no_answer",
}
REWARDS: dict[Fault, float] = {
    "right_action": 1.0,
    "wrong_action": -1.0,
    "wrong_observation": -1.5,
    "unknown_action": -1.0,
    "no_action": -1.0,
}
"""Source: arXiv 2501.17161, appendix B.3."""

_AT_INTERSECTION = re.compile(r"\bintersection", re.IGNORECASE)
_DENIED = re.compile(r"\b(?:no|not|n't|without|between)\b[^.;,]{0,30}\bintersection", re.IGNORECASE)
_NO_LANDMARK = re.compile(r"\bno landmarks?\b", re.IGNORECASE)


class Scene(NamedTuple):
    """What is in sight at a step, as far as the problem says so."""

    landmarks: tuple[str, ...] | None
    is_intersection: bool | None


def verify_navigation(response: str, problem: Problem) -> Finding:
    """Judge a reply."""
    if _gold(problem.answer) is None:
        return Finding(outcome="unreadable_gold", decided_by="action")
    fault, reply = assess(response, problem)
    outcome: Outcome = "ambiguous" if reply.is_hedged else OUTCOMES[fault]
    return Finding(outcome, reply.text, reply.found_by, fault)


def reward_navigation(response: str, problem: Problem) -> float:
    """Give the study's reward of a reply; 0 when the gold answer cannot be read."""
    if _gold(problem.answer) is None:
        return 0.0
    fault, reply = assess(response, problem)
    return REWARDS["wrong_action"] if reply.is_hedged else REWARDS[fault]


def feedback_navigation(response: str, problem: Problem) -> str:
    """Name the fault of a reply for the next try; empty when there is none. The right action is not told."""
    if _gold(problem.answer) is None:
        return ""
    fault, reply = assess(response, problem)
    return feedback_of(fault, reply, scene(problem.meta).is_intersection)


def feedback_of(fault: Fault, reply: Reply, is_intersection: bool | None) -> str:
    """Put a fault in words."""
    if fault == "right_action" and not reply.is_hedged:
        return ""
    place = {True: "You are at an intersection. ", False: "You are not at an intersection. ", None: ""}[is_intersection]
    said = {
        "right_action": "",
        "wrong_action": f"{reply.action} is not the right action here",
        "wrong_observation": f"the observation misses what is in sight, and {reply.action} is not the right action here",
        "unknown_action": "the action is none of the action space",
        "no_action": "the reply has no action",
    }[fault]
    said = "the reply names several actions" if reply.is_hedged else said
    return f"{place}Your last reply is not correct: {said}. Do not repeat it; answer again in the same form."


def assess(response: str, problem: Problem) -> tuple[Fault, Reply]:
    """Find what is right and wrong in a reply to a problem with a gold answer that can be read."""
    return assess_action(read_reply(response), _gold(problem.answer) or "", scene(problem.meta))


def assess_action(reply: Reply, gold: str, sight: Scene) -> tuple[Fault, Reply]:
    """Find what is right and wrong in what a reply states."""
    if reply.action == gold:
        return "right_action", reply
    if reply.action is None:
        return ("no_action" if reply.text is None else "unknown_action"), reply
    misses = reply.observation is not None and contradicts(reply.observation, sight)
    return ("wrong_observation" if misses else "wrong_action"), reply


def contradicts(observation: str, sight: Scene) -> bool:
    """Say whether an observation leaves out a landmark in sight, denies or claims an intersection, or denies landmarks.

    >>> sight = Scene(("Amber Bakery",), True)
    >>> contradicts("Amber Bakery is on the left; you are at an intersection.", sight), contradicts("No landmark in sight", sight)
    (False, True)
    """
    lowered = observation.lower()
    if sight.landmarks is not None and any(name.lower() not in lowered for name in sight.landmarks):
        return True
    if sight.landmarks and _NO_LANDMARK.search(observation):
        return True
    if sight.is_intersection is None:
        return False
    claims = bool(_AT_INTERSECTION.search(observation)) and not _DENIED.search(observation)
    denies = bool(_DENIED.search(observation)) or "on a street" in lowered
    return denies if sight.is_intersection else claims


@lru_cache(maxsize=4096)
def scene(meta: str) -> Scene:
    """Read what a problem's meta says is in sight; None where it says nothing."""
    try:
        about: Any = json.loads(meta)
    except ValueError:
        about = {}
    about = about if isinstance(about, dict) else {}
    marks, crossing = about.get("landmarks"), about.get("is_intersection")
    names = tuple(str(mark) for mark in marks) if isinstance(marks, list) else None
    return Scene(names, crossing if isinstance(crossing, bool) else None)


@lru_cache(maxsize=256)
def _gold(answer: str) -> str | None:
    """Read a gold answer; None when it is no action."""
    named = named_actions(answer)
    return named[0] if len(named) == 1 and named[0] in ACTIONS else None
