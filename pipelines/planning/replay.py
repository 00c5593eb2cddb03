"""Replay: sampling with the real allocation on responses that are known beforehand; no teacher, no clock.

The model of the engine: `concurrency` slots, each giving one token per unit of time, so that a response of t tokens takes t units
and a request that is aborted has cost the units it ran. A verdict comes with the response's last token. A real engine's slots
slow each other down evenly, which changes the unit, not the order; prompts and the verifier's time are left out.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import NamedTuple

from ...schemas.recipe import SampleConfig
from ..sampling.allocation import Allocation, Draw, Settled


class Response(NamedTuple):
    """A response that is known beforehand."""

    tokens: int
    correct: bool
    judged: bool = True


class Spent(NamedTuple):
    """What one request came to."""

    draw: Draw
    response: Response
    tokens: float
    """Tokens generated: the response's, or those until it was aborted."""
    aborted: bool


class Replayed(NamedTuple):
    """A whole replay."""

    spent: list[Spent]
    """Every request, in the order in which they ended."""
    time: float
    """Units until the last one ended: tokens of one slot."""
    settled: dict[Settled, int]
    """Problems that wanted no further samples, by why."""


def replay(config: SampleConfig, problems: int, response: Callable[[Draw], Response]) -> Replayed:
    """Sample `problems` problems as `config` says, with the responses that `response` gives."""
    allocation = Allocation(config, problems)
    allocation.begin()
    engine = _Engine()
    spent: list[Spent] = []
    while True:
        while engine.running < config.at_once() and (draw := allocation.take()) is not None:
            engine.start(draw, response(draw))
        ended = engine.next_end()
        if ended is None:
            return Replayed(spent, engine.now, dict(allocation.settled))
        spent.append(ended)
        if allocation.judged(ended.draw.place, ended.response.correct, ended.response.judged):
            for aborted in engine.abort(ended.draw.place):
                allocation.dropped(aborted.draw, again=True)
                spent.append(aborted)


class _Engine:
    """Slots that each give one token per unit of time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.running = 0
        self._ends: list[tuple[float, int]] = []
        self._requests: dict[int, tuple[Draw, Response, float]] = {}
        self._of_place: dict[int, set[int]] = {}
        self._number = 0

    def start(self, draw: Draw, response: Response) -> None:
        self._number += 1
        self._requests[self._number] = (draw, response, self.now)
        self._of_place.setdefault(draw.place, set()).add(self._number)
        heapq.heappush(self._ends, (self.now + response.tokens, self._number))
        self.running += 1

    def next_end(self) -> Spent | None:
        """Go on to the next response's end; None when nothing runs."""
        while self._ends:
            end, number = heapq.heappop(self._ends)
            if number in self._requests:  # else it was aborted
                self.now = end
                return self._leave(number, aborted=False)
        return None

    def abort(self, place: int) -> list[Spent]:
        return [self._leave(number, aborted=True) for number in list(self._of_place.get(place, ()))]

    def _leave(self, number: int, aborted: bool) -> Spent:
        draw, response, started = self._requests.pop(number)
        self._of_place[draw.place].discard(number)
        self.running -= 1
        return Spent(draw, response, self.now - started if aborted else float(response.tokens), aborted)
