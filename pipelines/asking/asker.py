"""Asker: questions to a teacher, so many at once, each reply kept on disk before it counts.

    async with open_asker(config, Path("judge.sqlite")) as asker:
        reply = await asker.ask(messages)

A question's key is a hash of the model, its parameters, the messages and a number: the same question is asked once, in this run and
in any later one. So work that asks is resumed by doing it again: what was answered comes from the disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from ...schemas.asking import ModelConfig
from ...schemas.errors import CotkitError
from ...schemas.problem import Problem
from ...schemas.record import content_hash
from ..delimiters import split_reasoning
from ..sampling.teacher import Completion, Request, Teacher, TeacherError, open_teacher
from .replies import Replies

if TYPE_CHECKING:
    import polars as pl

Item = TypeVar("Item")
Result = TypeVar("Result")
Messages = list[dict[str, str]]
GIVE_UP_AFTER = 10
"""Failed questions in a row, none succeeding, after which the model is taken for gone (at least; or all in flight)."""
REFUSALS = 3
"""Different questions refused, before any reply, after which the settings are taken for wrong."""


class UnansweredError(Exception):
    """A question failed for now: it is worth asking in a later run."""


class Reply(NamedTuple):
    """What a model replied."""

    text: str
    """Without reasoning that the model marked as such."""
    finish_reason: str
    tokens: int
    """Generated tokens as the engine counted them; one per four characters where it did not say."""
    error: str | None = None
    """What the engine said when it refused the question for good."""
    kept: bool = False
    """True when it was on disk already."""


class Asker:
    """One model; lives within one event loop."""

    def __init__(self, teacher: Teacher, config: ModelConfig, replies: Replies) -> None:
        self.name, self.fingerprint, self.attempts = teacher.name, teacher.fingerprint, config.attempts
        self.at_once = config.concurrency or teacher.at_once
        self.asked = 0
        """Questions that the model answered in this run."""
        self.failed = 0
        self._teacher, self._replies = teacher, replies
        self._parameters = {name: value for name, value in config.as_sampling().parameters().items() if name != "seed"}
        self._seed = config.seed
        self._slots = asyncio.Semaphore(self.at_once)
        self._under_way: dict[str, asyncio.Lock] = {}
        self._failures_in_a_row = 0
        self._refused: set[str] = set()

    async def ask(self, messages: Messages, about: str = "", number: int = 0) -> Reply:
        """Ask once, or give the reply that is there; equal questions wait for one another.

        `number` tells equal questions apart whose replies are to differ; `about` is the problem's id, for a scripted teacher. Raises
        UnansweredError when it is worth asking in a later run, CotkitError when nothing will work.
        """
        key = content_hash(self.fingerprint, self._parameters, self._seed, messages, number)
        lock = self._under_way.setdefault(key, asyncio.Lock())
        async with lock:
            found = self._replies.get(key)
            reply = (
                Reply(**found, kept=True)
                if found
                else await self._generate(key, Request(about, number, messages, self._parameters, _seed(key)))
            )
        if not lock.locked():
            self._under_way.pop(key, None)
        return reply

    async def _generate(self, key: str, request: Request) -> Reply:
        async with self._slots:
            try:
                completion = await self._teacher.generate(request)
            except TeacherError as error:
                self._count_failure(error)
                raise UnansweredError(str(error)) from error
        reply = _reply(completion)
        if reply.error is not None:  # not kept: a later run may ask an engine with other limits
            self._count_refusal(key, reply.error)
            return reply
        self.asked += 1
        self._failures_in_a_row = 0
        self._replies.add(key, _stored(reply))
        return reply

    def _count_failure(self, error: TeacherError) -> None:
        self.failed += 1
        self._failures_in_a_row += 1
        if self._failures_in_a_row >= max(GIVE_UP_AFTER, self.at_once):
            hint = f"{self.asked} new replies are kept; mend the model and run the same command again"
            raise CotkitError(f"{self.name} stopped answering: {error}", hint) from error

    def _count_refusal(self, key: str, error: str) -> None:
        """Refusals of several questions before any reply mean wrong settings, not bad questions: until then they decide nothing."""
        if self.asked:
            return
        self._refused.add(key)
        if len(self._refused) >= REFUSALS:
            raise CotkitError(f"{self.name} refuses every question: {error}", "mend the model's settings")
        raise UnansweredError(error)


@asynccontextmanager
async def open_asker(config: ModelConfig, replies: Path, problems: pl.DataFrame | None = None) -> AsyncIterator[Asker]:
    """Open a model and its file of replies; `problems` (problem_id and answer) fills in a scripted teacher's answers."""
    import polars as pl

    known = pl.DataFrame(schema=Problem.polars_schema()) if problems is None else problems
    with Replies(replies) as store:
        async with open_teacher(config.as_sampling(), known) as teacher:
            yield Asker(teacher, config, store)


async def each(items: Iterable[Item], work: Callable[[Item], Awaitable[Result]], at_once: int) -> list[Result | None]:
    """Do `work` on every item, so many at once, and give the results in order; None for what is worth another try in a later run.

    The first other error cancels the rest and is raised.
    """
    results: list[Result | None] = []
    queue = enumerate(items)

    async def worker() -> None:
        for place, item in queue:
            results.extend([None] * (place + 1 - len(results)))
            try:
                results[place] = await work(item)
            except UnansweredError:
                continue

    workers = [asyncio.create_task(worker()) for _ in range(at_once)]
    try:
        await asyncio.gather(*workers)
    finally:
        for task in workers:
            task.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
    return results


def _reply(completion: Completion) -> Reply:
    text = completion.text.encode("utf-8", "replace").decode()
    if completion.reasoning is None:
        text = split_reasoning(text).response
    tokens = completion.completion_tokens if completion.completion_tokens is not None else -(-len(completion.text) // 4)
    return Reply(text, completion.finish_reason, tokens, completion.error)


def _stored(reply: Reply) -> dict[str, Any]:
    return {name: value for name, value in reply._asdict().items() if name != "kept"}


def _seed(key: str) -> int:
    return int(key, 16) % 2**31
