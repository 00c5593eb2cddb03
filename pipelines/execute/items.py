"""What the pool sends to its workers: a response with its problem, in one frame, and the verdict to come."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import NamedTuple

from ...schemas.problem import Problem
from .judging import Judged

KNOWN_PROBLEMS = 256
"""Problems whose wording for the workers is kept."""


class Item(NamedTuple):
    """One response to judge."""

    frame: bytes
    """As the worker reads it, without its number."""
    kind: str
    future: Judged


class ItemMaker:
    """Makes items; samples of a few problems come mixed, and each problem is worded once. Safe to use from several threads."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Problem, bytes]] = {}

    def item(self, response: str, problem: Problem, finish_reason: str) -> Item:
        """Make an item of a response; lone surrogates survive."""
        text = response.encode("utf-8", "surrogatepass")
        line = self._line(problem)
        return Item(b"%d %d %s\n%s%s" % (len(line), len(text), _as_json(finish_reason), line, text), problem.kind, Judged())

    def _line(self, problem: Problem) -> bytes:
        known, line = self._known.get(problem.problem_id, (None, b""))
        if known is not problem:
            line = json.dumps(problem.model_dump()).encode()
            if len(self._known) >= KNOWN_PROBLEMS:
                self._known.clear()
            self._known[problem.problem_id] = problem, line
        return line


@lru_cache(maxsize=16)
def _as_json(finish_reason: str) -> bytes:
    return json.dumps(finish_reason).encode()
