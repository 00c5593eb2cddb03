"""Judge many items in order: what a step does with a VerifierPool."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING

from ...schemas.problem import Problem
from ...schemas.verdict import Verdict

if TYPE_CHECKING:
    from .pool import VerifierPool

IN_FLIGHT = 2048
"""Responses handed to the pool at once: enough to keep it busy, few enough to hold in memory."""
REMEMBERED = IN_FLIGHT
"""Distinct items among which equal ones are judged once: samples of one problem come one after the other."""

Response = tuple[str, Problem, str]
"""Response, problem, finish reason."""


class Judged(Future[Verdict]):
    """The verdict to come."""

    milliseconds: float = 0.0
    """Wall-clock time that the verdict took its worker, without the import of libraries; known when it is done."""


def judge_all(pool: VerifierPool, items: Iterable[Response]) -> Iterator[Judged]:
    """Judge items in order, equal ones once, with a bounded number in the pool; what is given is done."""
    known: dict[tuple[str, str, str], Judged] = {}
    waiting: deque[Judged] = deque()
    for response, problem, finish_reason in items:
        key = (problem.problem_id, response, finish_reason)
        judged = known.get(key)
        if judged is None:
            if len(known) >= REMEMBERED:
                known.clear()
            judged = known[key] = pool.submit(response, problem, finish_reason)
        waiting.append(judged)
        if len(waiting) >= IN_FLIGHT:
            waiting[IN_FLIGHT // 2].result()  # waiting for one at a time would switch threads for each
            while waiting and waiting[0].done():
                yield waiting.popleft()
            while len(waiting) >= IN_FLIGHT:
                waiting[0].result()
                yield waiting.popleft()
    for judged in waiting:
        judged.result()
        yield judged
