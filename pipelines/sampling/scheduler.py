"""The scheduler: keep the teacher busy, commit every finished sample at once, verify it while the next ones are drawn.

What is in flight is bounded twice: `concurrency` requests at the teacher, and so many verdicts waited for that a slow
verifier holds back the teacher instead of filling memory. A finished sample is on disk before it is counted.
"""

from __future__ import annotations

import asyncio
import json
import signal
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.problem import Problem
from ...schemas.recipe import SampleConfig
from ...schemas.record import content_hash
from ...schemas.sample import Sample, sample_id
from ...schemas.verdict import Outcome
from ...verifiers import judging_fingerprint
from ..delimiters import split_reasoning
from ..execute.pool import VerifierPool
from ..prompts import render_messages
from ..run_folder import Ledger, RunFolder
from .teacher import Completion, Request, Teacher, TeacherError, open_teacher

if TYPE_CHECKING:
    import polars as pl

SHARD_ROWS = 8192
"""Samples of one shard: at some 10,000 characters each, 100 MB of text."""
GIVE_UP_AFTER = 10
"""Failed requests in a row, none succeeding, after which the teacher is taken for gone (at least; or all in flight)."""
REFUSALS = 3
"""Refused requests, before any success, after which the settings are taken for wrong."""


@dataclass
class SamplingProgress:
    """What stands on disk so far, handed to the progress callback after every commit."""

    total: int = 0
    """Samples wanted in all."""
    done: int = 0
    """Samples on disk, those of earlier runs included."""
    resumed: int = 0
    """Of these, how many an earlier run had finished."""
    tokens: int = 0
    """Completion tokens drawn by this run."""
    failed: int = 0
    """Requests that failed for now; drawn when the run is resumed."""
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    """Outcomes of the samples judged by this run."""


Watch = Callable[[SamplingProgress], None]


class Wanted(NamedTuple):
    """One sample to draw, and its problem."""

    sample_id: str
    request: Request
    problem: Problem
    prompt_hash: str


def unseen(_progress: SamplingProgress) -> None:
    """Take progress and show nothing."""


def sample_run(run: RunFolder, watch: Watch = unseen, shard_rows: int = SHARD_ROWS) -> SamplingProgress:
    """Draw, commit and judge all samples that the run's recipe wants and does not have; seal them into shards of `shard_rows`.

    Raises CotkitError when the teacher cannot go on (what is finished is kept) and KeyboardInterrupt on Ctrl-C or SIGTERM.
    """
    with run.lock():
        ledger = run.ledger()
        try:
            run.reconcile(ledger)
            sampler = _Sampler(run, ledger, watch, shard_rows)
            try:
                asyncio.run(sampler.draw_all())
            except asyncio.CancelledError:
                raise KeyboardInterrupt from None
            run.seal(ledger, judging_fingerprint(run.recipe.verify), only_verified=True)
            return sampler.progress
        finally:
            ledger.close()


def wanted_samples(problems: pl.DataFrame, config: SampleConfig, teacher: Teacher) -> Iterator[Wanted]:
    """Give the samples that a recipe asks for, problem by problem, so that an engine's prefix cache serves a problem's samples."""
    parameters = config.parameters()
    parameters_text = json.dumps(parameters, sort_keys=True, ensure_ascii=False)
    sent = {name: value for name, value in parameters.items() if name != "seed"}
    for row in problems.iter_rows(named=True):
        problem = Problem.model_validate(row)
        messages = render_messages(problem.prompt, config)
        prompt_hash = content_hash(messages)
        for index in range(config.n):
            key = sample_id(problem.problem_id, prompt_hash, teacher.fingerprint, parameters_text, index)
            request = Request(problem.problem_id, index, messages, sent, derive_seed(config.seed, problem.problem_id, index))
            yield Wanted(key, request, problem, prompt_hash)


def derive_seed(seed: int, problem_id: str, index: int) -> int:
    """Give a request's own seed, 31 bits, from the recipe's seed, the problem and the index."""
    return int(content_hash(seed, problem_id, index), 16) % 2**31


class _Sampler:
    """One run of the scheduler; lives within one event loop."""

    def __init__(self, run: RunFolder, ledger: Ledger, watch: Watch, shard_rows: int) -> None:
        self.run, self.ledger, self.watch, self.shard_rows = run, ledger, watch, shard_rows
        self.config = run.recipe.sample
        self.progress = SamplingProgress()
        self.parameters = json.dumps(self.config.parameters(), sort_keys=True, ensure_ascii=False)
        self.slots = asyncio.Semaphore(self.config.concurrency)
        self.verdicts_waited_for = asyncio.Semaphore(4 * self.config.concurrency + 64)
        self.tasks: set[asyncio.Task[None]] = set()
        self.failure: Exception | None = None
        self.failures_in_a_row = 0
        self.refused: list[Sample] = []
        self.any_answered = False
        self.unsealed = ledger.counts()[0]
        self.sealing: asyncio.Task[int] | None = None

    async def draw_all(self) -> None:
        """Feed the teacher until nothing is wanted; on the way out cancel what is in flight."""
        task = asyncio.current_task()
        assert task
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        problems = self.run.problems()
        async with open_teacher(self.config, problems) as teacher:
            with VerifierPool(self.run.recipe.verify) as self.pool:
                try:
                    await self._feed(problems, teacher)
                except BaseException:
                    await self._cancel_all()
                    raise

    async def _feed(self, problems: pl.DataFrame, teacher: Teacher) -> None:
        have = self.run.sample_ids()
        self.progress.total = problems.height * self.config.n
        await self._judge_what_was_left(problems)
        for wanted in wanted_samples(problems, self.config, teacher):
            if wanted.sample_id in have:
                self.progress.done += 1
                self.progress.resumed += 1
                continue
            await self.slots.acquire()
            if self.failure:
                break
            self._start(self._draw(wanted, teacher))
        await asyncio.gather(*self.tasks)
        if self.sealing:
            await self.sealing
        if self.failure:
            raise self.failure
        self._keep_refused()
        self.watch(self.progress)

    async def _judge_what_was_left(self, problems: pl.DataFrame) -> None:
        """Judge the samples that an interrupted run had committed and not judged."""
        left = list(self.ledger.unverified())
        ids = {sample.problem_id for sample in left}
        asked = {row["problem_id"]: row for row in problems.iter_rows(named=True) if row["problem_id"] in ids}
        for sample in left:
            await self.verdicts_waited_for.acquire()
            self._start(self._judge(sample, Problem.model_validate(asked[sample.problem_id])))

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._guard(work))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _guard(self, work: Coroutine[Any, Any, None]) -> None:
        """Remember the first failure instead of raising it in a task nobody awaits yet; what is in flight still finishes."""
        try:
            await work
        except Exception as error:  # noqa: BLE001 - handed on by _feed, with its traceback
            self.failure = self.failure or error

    async def _draw(self, wanted: Wanted, teacher: Teacher) -> None:
        started = time.monotonic()
        try:
            completion = await teacher.generate(wanted.request)
            await self.verdicts_waited_for.acquire()
        except TeacherError as error:
            self._count_failure(error)
            return
        finally:
            self.slots.release()
        sample = self._sample(wanted, completion, teacher, time.monotonic() - started)
        if completion.error is not None and not self.any_answered:
            self.verdicts_waited_for.release()
            self._hold_refused(sample)
            return
        self.any_answered, self.failures_in_a_row = True, 0
        self._keep_refused()
        self._commit(sample)
        await self._judge(sample, wanted.problem)

    def _sample(self, wanted: Wanted, completion: Completion, teacher: Teacher, seconds: float) -> Sample:
        text = _clean(completion.text)
        if completion.reasoning is not None:
            reasoning, response, delimiter = _clean(completion.reasoning), text, "field"
        else:
            reasoning, response, delimiter = split_reasoning(text, self.config.reasoning)
        return Sample(
            sample_id=wanted.sample_id,
            problem_id=wanted.problem.problem_id,
            index=wanted.request.index,
            reasoning=reasoning,
            response=response,
            delimiter=delimiter,
            finish_reason=completion.finish_reason,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            seed=wanted.request.seed if completion.seeded else None,
            seconds=round(seconds, 3),
            teacher=teacher.name,
            teacher_fingerprint=teacher.fingerprint,
            parameters=self.parameters,
            prompt_hash=wanted.prompt_hash,
            error=completion.error,
        )

    def _commit(self, sample: Sample) -> None:
        self.ledger.add(sample)
        self.unsealed += 1
        self.progress.done += 1
        self.progress.tokens += sample.completion_tokens or 0
        self.watch(self.progress)

    async def _judge(self, sample: Sample, problem: Problem) -> None:
        try:
            verdict = await asyncio.wrap_future(self.pool.submit(sample.response, problem, sample.finish_reason))
        finally:
            self.verdicts_waited_for.release()
        self.ledger.add_verdict(sample.sample_id, verdict)
        self.progress.outcomes[verdict.outcome] = self.progress.outcomes.get(verdict.outcome, 0) + 1
        self.watch(self.progress)
        if self.unsealed >= self.shard_rows and (self.sealing is None or self.sealing.done()):
            self.sealing = asyncio.ensure_future(asyncio.to_thread(self._seal))

    def _seal(self) -> int:
        """Seal what is judged, on a connection of its own, while the loop goes on."""
        ledger = self.run.ledger()
        try:
            sealed = self.run.seal(ledger, judging_fingerprint(self.run.recipe.verify), only_verified=True)
            self.unsealed -= sealed
            return sealed
        finally:
            ledger.close()

    def _count_failure(self, error: TeacherError) -> None:
        self.progress.failed += 1
        self.failures_in_a_row += 1
        self.run.log("request failed", error=str(error))
        if self.failures_in_a_row >= max(GIVE_UP_AFTER, self.config.concurrency):
            hint = f"{self.progress.done} samples are kept; mend the teacher and run the same command again"
            self.failure = self.failure or CotkitError(f"the teacher stopped answering: {error}", hint)

    def _hold_refused(self, sample: Sample) -> None:
        """Refusals before any answer mean wrong settings, not bad problems: keep them back until one succeeds."""
        self.refused.append(sample)
        if len(self.refused) >= REFUSALS:
            self.refused.clear()
            self.failure = self.failure or CotkitError(f"the teacher refuses every request: {sample.error}", "mend [sample] in the recipe")

    def _keep_refused(self) -> None:
        while self.refused:
            self._commit(self.refused.pop())

    async def _cancel_all(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.sealing:
            await asyncio.gather(self.sealing, return_exceptions=True)


def _clean(text: str) -> str:
    """Replace lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
