"""Engines as Ray actors: one replica of the teacher per group of GPUs, anywhere in a cluster, fed from the one scheduler.

    cotkit sample problems.parquet --teacher vllm:MODEL --engine tensor_parallel_size=4 --executor ray -o runs/qwq

Each actor opens the teacher as a single machine would. One that is lost, with its node or alone, is set aside while Ray starts it
again elsewhere; its requests go to the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.recipe import AT_ONCE, SampleConfig
from ..execute.ray_cluster import ray_cluster
from .replicas import ReplicaError, Replicas
from .teacher import Completion, Request, Teacher, TeacherError, open_teacher

if TYPE_CHECKING:
    import polars as pl

MOST_AT_ONCE = 100_000
"""Calls that one actor serves at once; what is in flight is bounded by the scheduler."""


class Failure(NamedTuple):
    """An error on its way from an actor: Ray would wrap an exception in one of its own."""

    message: str
    hint: str | None
    """Of a CotkitError; None of a TeacherError."""


class Identity(NamedTuple):
    """What makes a teacher itself."""

    name: str
    fingerprint: str
    at_once: int


class Engine:
    """The actor: a teacher of its own, opened by the first call after every start."""

    def __init__(self, config: SampleConfig, problems: pl.DataFrame) -> None:
        self._config, self._problems = config, problems
        self._stack = AsyncExitStack()
        self._teacher: Teacher | None = None
        self._opening = asyncio.Lock()

    async def start(self) -> Identity | Failure:
        """Open the teacher, if it is not open yet."""
        try:
            teacher = await self._opened()
        except CotkitError as error:
            return Failure(error.message, error.hint)
        return Identity(teacher.name, teacher.fingerprint, teacher.at_once)

    async def generate(self, request: Request) -> Completion | Failure:
        """Draw one response."""
        try:
            return await (await self._opened()).generate(request)
        except TeacherError as error:
            return Failure(str(error), None)
        except CotkitError as error:
            return Failure(error.message, error.hint)

    async def _opened(self) -> Teacher:
        async with self._opening:
            if self._teacher is None:
                self._teacher = await self._stack.enter_async_context(open_teacher(self._config, self._problems))
            return self._teacher


class RayReplica:
    """One actor as `Replicas` sees it."""

    def __init__(self, ray: Any, actor: Any, name: str) -> None:
        self.name, self.fingerprint, self.at_once = name, "", AT_ONCE
        self._ray, self._actor = ray, actor

    async def generate(self, request: Request) -> Completion:
        """Draw one response; cancelling aborts it in the actor."""
        return await self._ask(self._actor.generate, request)

    async def probe(self) -> None:
        """Return when the engine runs; raises ReplicaError while its actor is lost, CotkitError when it cannot start."""
        self.name, self.fingerprint, self.at_once = await self._ask(self._actor.start)

    def engine_facts(self) -> dict[str, str]:
        """Say nothing: asking an actor takes a round trip."""
        return {}

    async def _ask(self, method: Any, *arguments: Any) -> Any:
        from ray.exceptions import RayError

        answer = method.remote(*arguments)
        try:
            said = await answer
        except asyncio.CancelledError:
            self._ray.cancel(answer)
            raise
        except RayError as error:
            raise ReplicaError(f"actor lost: {str(error).splitlines()[0]}", fallen=True) from error
        if isinstance(said, Failure):
            raise TeacherError(said.message) if said.hint is None else CotkitError(said.message, said.hint)
        return said


@asynccontextmanager
async def open_on_ray(config: SampleConfig, problems: pl.DataFrame) -> AsyncIterator[Replicas]:
    """Start the teacher's replicas and open them as one; goes on with the first that runs, the others join when they do.

    Raises CotkitError when none can start.
    """
    local = config.model_copy(update={"executor": "local"})
    with ray_cluster() as ray:
        resources = ray.cluster_resources()
        gpus = gpus_per_replica(config) if resources.get("GPU") else 0
        count = config.replicas or replicas_that_fit(resources, len(ray.nodes()), gpus)
        actor_class = ray.remote(Engine).options(num_gpus=gpus, num_cpus=1, max_restarts=-1, max_concurrency=MOST_AT_ONCE)
        asked = ray.put(problems.select("problem_id", "answer"))
        replicas = [RayReplica(ray, actor_class.remote(local, asked), config.teacher) for _ in range(count)]
        starts = [asyncio.create_task(replica.probe()) for replica in replicas]
        first = await _first_started(starts)
        teacher = Replicas(config.teacher, replicas[first].fingerprint, replicas, config.retries, noun="engines")
        async with teacher:
            for replica, start in zip(replicas, starts, strict=True):
                if not start.done() or start.exception():
                    start.cancel()
                    teacher.set_aside(replica, "it has not started yet")
            yield teacher


async def _first_started(starts: list[asyncio.Task[None]]) -> int:
    """Give the place of the first that succeeds; raises what the last one raised when none does."""
    waiting = set(starts)
    try:
        while True:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for start in done:
                if start.exception() is None:
                    return starts.index(start)
                if not waiting:
                    start.result()
    except BaseException:
        for start in waiting:
            start.cancel()
        raise


def gpus_per_replica(config: SampleConfig) -> int:
    """Give the GPUs that one engine takes: none but for vLLM, which takes the product of its parallel sizes.

    >>> gpus_per_replica(SampleConfig(teacher="vllm:Qwen/QwQ-32B", engine={"tensor_parallel_size": 4}))
    4
    """
    if not config.teacher.startswith("vllm:"):
        return 0
    return int(config.engine.get("tensor_parallel_size", 1)) * int(config.engine.get("pipeline_parallel_size", 1))


def replicas_that_fit(resources: dict[str, float], nodes: int, gpus: int) -> int:
    """Give how many engines a cluster has room for: by its GPUs, or one per node where there are none; at least one.

    >>> replicas_that_fit({"CPU": 64.0, "GPU": 16.0}, 2, 4), replicas_that_fit({"CPU": 8.0}, 3, 0)
    (4, 3)
    """
    return max(1, int(resources["GPU"]) // gpus if gpus else nodes)
