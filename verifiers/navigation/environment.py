"""The route as an environment with `reset` and `step`, for many turns: on rails, so that only the right action moves the agent.

    environment = Navigation(route, "relative", tries=2)
    observation = environment.reset()
    while not environment.is_over:
        observation, reward, feedback = environment.step(reply_of(observation, feedback))[:3]
    environment.score()

A wrong action is not carried out: the agent hears why and tries again. After the last try the episode ends, or goes on from the next
place with `goes_on`, so that every step of the route is asked. No reply is taken that nobody scores.
"""

from __future__ import annotations

from typing import NamedTuple

from ...schemas.making import ActionSpace
from .judging import REWARDS, Fault, Scene, assess_action, feedback_of
from .replies import ACTIONS, Reply, read_reply
from .routes import Route, decisions, instructions

_PLAIN = {action: Reply(action, action, "action", False, None) for action in ACTIONS}
"""Replies that are an action and nothing else."""


class Stepped(NamedTuple):
    """What a step gives."""

    observation: str | None
    """What the agent sees now; None when the route is over."""
    reward: float
    feedback: str
    """Why the action is wrong; empty when it is right."""
    terminated: bool
    """The agent has stopped at the destination."""
    truncated: bool
    """The tries of a step are used up."""
    fault: Fault


class Score(NamedTuple):
    """How a route went so far. A step counts once, however often it was tried."""

    steps: int
    """Steps of the whole route."""
    right_at_first: int
    right_at_last: int
    is_success_at_first: bool
    """True when every step of the route was right at the first try."""
    is_success: bool
    """True when every step of the route was right within the tries."""


class Navigation:
    """One route, walked by whoever replies."""

    def __init__(self, route: Route, space: ActionSpace = "absolute", tries: int = 2, goes_on: bool = False) -> None:
        if tries < 1:
            raise ValueError(f"{tries} tries: at least 1")
        self.route, self.space, self.tries, self.goes_on = route, space, tries, goes_on
        self.instructions = instructions(route)
        self.decisions = decisions(route, space)
        self._texts = [decision.observation.text() for decision in self.decisions]
        self._scenes = [
            Scene(tuple(sight.name for sight in decision.observation.landmarks), decision.observation.is_intersection)
            for decision in self.decisions
        ]
        self.reset()

    def reset(self) -> str:
        """Go to the start of the route and give what the agent sees there."""
        self.place, self.tried, self.is_over = 0, 0, False
        self._at_first = self._at_last = 0
        return self._texts[0]

    def step(self, response: str) -> Stepped:
        """Take a reply, or an action alone; raises RuntimeError when the episode is over."""
        if self.is_over:
            raise RuntimeError("the episode is over: call reset()")
        decision = self.decisions[self.place]
        reply = _PLAIN.get(response) or read_reply(response)
        fault, _ = assess_action(reply, decision.action, self._scenes[self.place])
        self.tried += 1
        if fault == "right_action" and not reply.is_hedged:
            self._at_first += self.tried == 1
            self._at_last += 1
            return self._advance(REWARDS[fault], "", fault, truncated=False)
        reward = REWARDS["wrong_action"] if reply.is_hedged else REWARDS[fault]
        feedback = feedback_of(fault, reply, decision.observation.is_intersection)
        if self.tried < self.tries:
            return Stepped(self._texts[self.place], reward, feedback, False, False, fault)
        if self.goes_on:
            return self._advance(reward, feedback, fault, truncated=True)
        self.is_over = True
        return Stepped(None, reward, feedback, False, True, fault)

    def score(self) -> Score:
        """Count what was right so far."""
        steps = len(self.decisions)
        return Score(steps, self._at_first, self._at_last, self._at_first == steps, self._at_last == steps)

    def _advance(self, reward: float, feedback: str, fault: Fault, truncated: bool) -> Stepped:
        self.place, self.tried = self.place + 1, 0
        self.is_over = self.place == len(self.decisions)
        if self.is_over:
            return Stepped(None, reward, feedback, not truncated, truncated, fault)
        return Stepped(self._texts[self.place], reward, feedback, False, False, fault)
