"""Map a step over the shards of a run: compute what is stale, leave what is fresh.

A step is a module-level function (or a `functools.partial` of one) from input frames to an output frame, same rows, same
order. A shard is one task that reads its inputs and writes its output, so that where it runs makes no difference: in this
process, in local worker processes, on a Ray cluster that sees the run folder, or as part i of n on another machine
(`--shard i/n`, a Slurm array).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.recipe import Executor
from ..run_folder import RunFolder, Stage, stage_fingerprint
from .crew import TaskLostError, compute_all
from .ray_cluster import ray_cluster

if TYPE_CHECKING:
    import polars as pl

Progress = Callable[[int, int], None]
"""Called with (shards done, shards to do)."""


@dataclass(frozen=True)
class Part:
    """Part `index` of `count`: the shards whose number is `index` modulo `count`; and where they are computed."""

    index: int
    count: int
    executor: Executor = "local"

    def of(self, numbers: list[int]) -> list[int]:
        """Give those of the shards that this part has."""
        return [number for number in numbers if number % self.count == self.index]


WHOLE = Part(0, 1)
LOST_TASKS = 3
"""How often a shard is begun again when its worker is lost."""


def unwatched(_done: int, _total: int) -> None:
    """Take progress and show nothing."""


class Computed(NamedTuple):
    """What `run_stage` did: shards computed, and shards that were fresh."""

    computed: int
    fresh: int


@dataclass(frozen=True)
class StageTask:
    """A stage of a run: the step, what it reads, and the fingerprint of its settings."""

    stage: Stage
    step: Callable[..., pl.DataFrame]
    """Called with one frame per input stage."""
    settings: str
    """Fingerprint of everything but the input shards that the output depends on."""
    inputs: tuple[Stage, ...]


def run_stage(
    run: RunFolder, task: StageTask, part: Part = WHOLE, workers: int | None = None, progress: Progress | None = None
) -> Computed:
    """Compute the stale shards of a stage; raises CotkitError when an input stage is missing."""
    numbers = part.of(run.shard_numbers())
    wanted = {number: shard_fingerprint(run, task, number) for number in numbers}
    stale = [number for number in numbers if run.fingerprint(task.stage, number) != wanted[number]]
    workers = min(workers or os.cpu_count() or 1, len(stale))
    report = progress or unwatched
    if part.executor == "ray" and stale:
        _compute_on_ray(run, task, {number: wanted[number] for number in stale}, report)
    elif workers <= 1:
        for done, number in enumerate(stale, 1):
            compute_shard(run, task, number, wanted[number])
            report(done, len(stale))
    else:
        _compute_in_processes(run, task, {number: wanted[number] for number in stale}, workers, report)
    return Computed(len(stale), len(numbers) - len(stale))


def _compute_in_processes(run: RunFolder, task: StageTask, wanted: dict[int, str], workers: int, report: Progress) -> None:
    """Compute shards in worker processes; a shard whose worker is killed is begun again."""
    try:
        with closing(compute_all(partial(_compute_one, run, task), wanted.items(), workers, 1 + LOST_TASKS)) as computed:
            for done, _ in enumerate(computed, 1):
                report(done, len(wanted))
    except TaskLostError as error:
        number, _ = error.args[0]
        hint = "out of memory? Try fewer with --workers; finished shards are kept"
        raise CotkitError(f"{run.path}: the worker of shard {number} was killed {1 + LOST_TASKS} times", hint) from None


def _compute_one(run: RunFolder, task: StageTask, shard: tuple[int, str]) -> None:
    compute_shard(run, task, *shard)


def _compute_on_ray(run: RunFolder, task: StageTask, wanted: dict[int, str], report: Progress) -> None:
    """Compute shards as tasks of a Ray cluster, one CPU each; a task whose worker or node is lost runs again elsewhere."""
    away = RunFolder(run.path.absolute(), run.recipe)
    with ray_cluster() as ray:
        compute = ray.remote(compute_shard).options(num_cpus=1, max_retries=LOST_TASKS)
        step = ray.put(task)
        pending = [compute.remote(away, step, number, fingerprint) for number, fingerprint in wanted.items()]
        for done in range(1, len(pending) + 1):
            (ended,), pending = ray.wait(pending, num_returns=1)
            ray.get(ended)
            report(done, len(wanted))


def compute_shard(run: RunFolder, task: StageTask, number: int, fingerprint: str) -> None:
    """Compute one shard of a stage and write it."""
    frames = [run.read(stage, number) for stage in task.inputs]
    run.write(task.stage, number, task.step(*frames), fingerprint)


def shard_fingerprint(run: RunFolder, task: StageTask, number: int) -> str:
    """Give the fingerprint that a fresh shard has; raises CotkitError when an input shard is missing."""
    inputs = [run.fingerprint(stage, number) for stage in task.inputs]
    for stage, found in zip(task.inputs, inputs, strict=True):
        if found is None:
            verb = {"verdicts": "verify", "tags": "tag", "decisions": "curate"}.get(stage, "sample")
            raise CotkitError(f"{run.shard_path(stage, number)}: no {stage} yet", f"run `cotkit {verb} {run.path}` first")
    return stage_fingerprint(task.stage, task.settings, inputs)


def parse_part(text: str, executor: Executor = "local") -> Part:
    """Read `i/n` with 0 <= i < n; raises CotkitError.

    >>> parse_part("1/4")
    Part(index=1, count=4, executor='local')
    """
    index, _, count = text.partition("/")
    if index.isdigit() and count.isdigit() and int(index) < int(count):
        return Part(int(index), int(count), executor)
    raise CotkitError(f"--shard {text}: not a part", "give i/n with i from 0 to n-1, such as --shard 0/4")
