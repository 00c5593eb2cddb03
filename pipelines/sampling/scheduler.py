"""The scheduler: keep the teacher busy, commit every finished sample at once, verify it while the next ones are drawn.

What is in flight is bounded twice: `concurrency` requests at the teacher (its own `at_once` when left out), and so many
verdicts waited for that a slow verifier holds back the teacher instead of filling memory. A finished sample is on disk before it
is counted. Which sample comes next is `allocation`'s to say; when a verdict settles a problem, its running requests are aborted.
"""

from __future__ import annotations

import asyncio
import signal
import threading
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from ...schemas.errors import CotkitError
from ...schemas.problem import Problem
from ...schemas.sample import Sample
from ...schemas.verdict import Outcome
from ...verifiers import judging_fingerprint
from ..execute.pool import VerifierPool
from ..run_folder import Ledger, RunFolder
from ..run_folder.pass_rates import JUDGED
from .allocation import Allocation
from .commits import Commits
from .progress import SamplingProgress, Watch, unseen
from .teacher import Completion, TeacherError, open_teacher
from .verdicts import Verdicts
from .wanted import Wanted, WantedSamples

if TYPE_CHECKING:
    import polars as pl

SHARD_ROWS = 8192
"""Samples of one shard: at some 10,000 characters each, 100 MB of text."""
GIVE_UP_AFTER = 10
"""Failed requests in a row, none succeeding, after which the teacher is taken for gone (at least; or all in flight)."""
SECONDS_BETWEEN_FACTS = 1.0
"""How often the teacher is asked how its engine does."""
REFUSALS = 3
"""Problems refused, before any success, after which the settings are taken for wrong."""


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


class _Sampler:
    """One run of the scheduler; lives within one event loop."""

    def __init__(self, run: RunFolder, ledger: Ledger, watch: Watch, shard_rows: int) -> None:
        self.run, self.ledger, self.watch, self.shard_rows = run, ledger, watch, shard_rows
        self.config = run.recipe.sample
        self.commits = Commits(ledger)
        self.allocation = Allocation(self.config, 0)
        self.progress = SamplingProgress(adaptive=self.config.is_adaptive())
        self.tasks: set[asyncio.Task[Any]] = set()
        self.a_task_ended = asyncio.Event()
        self.generating: dict[int, set[asyncio.Task[Any]]] = {}
        self.failure: BaseException | None = None
        self.failures_in_a_row = 0
        self.refused: list[tuple[Sample, Wanted]] = []
        self.any_answered = False
        self.unsealed = ledger.counts()[0]
        self.sealing: asyncio.Task[int] | None = None
        self.facts_asked = 0.0

    async def draw_all(self) -> None:
        """Feed the teacher until nothing is wanted; on the way out cancel what is in flight."""
        task = asyncio.current_task()
        assert task
        if threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
        problems = self.run.problems()
        async with open_teacher(self.config, problems) as self.teacher:
            self.progress.at_once = at_once = self.config.concurrency or self.teacher.at_once
            self.slots, self.verdicts_waited_for = asyncio.Semaphore(at_once), asyncio.Semaphore(4 * at_once + 64)
            self.verdicts = Verdicts()
            with VerifierPool(self.run.recipe.verify) as self.pool:
                try:
                    await self._judge_what_was_left(problems)
                    self._take_in(problems)
                    await self._feed()
                except BaseException:
                    await self._cancel_all()
                    raise
                finally:
                    self.commits.flush()

    async def _judge_what_was_left(self, problems: pl.DataFrame) -> None:
        """Judge the samples that an interrupted run had committed and not judged."""
        left = list(self.ledger.unverified())
        ids = {sample.problem_id for sample in left}
        asked = {row["problem_id"]: row for row in problems.iter_rows(named=True) if row["problem_id"] in ids}
        for sample in left:
            await self.verdicts_waited_for.acquire()
            self._start(self._judge(sample, Problem.model_validate(asked[sample.problem_id])))
        await self._all_ended()
        self.commits.flush()

    def _take_in(self, problems: pl.DataFrame) -> None:
        """See what is there already, and what is to be drawn."""
        self.wanted = WantedSamples(problems, self.config, self.teacher.fingerprint)
        self.allocation = Allocation(self.config, problems.height)
        self.tokens_before = self.wanted.take_in(self.run, self.ledger, self.allocation)
        self.allocation.begin()
        self.progress.problems = problems.height
        self.progress.total = problems.height * self.config.most_samples()
        self.progress.resumed = self.progress.done = self.allocation.within_reach()
        self._show()

    async def _feed(self) -> None:
        """Start the next sample whenever there is room, until none is wanted; raises the first failure when all have ended."""
        while self.failure is None:
            await self.slots.acquire()
            draw = None if self._budget_is_spent() else self.allocation.take()
            if draw is not None and self.failure is None:
                self._start(self._draw(self.wanted.wanted(draw)))
                continue
            self.slots.release()
            if not self.tasks and not self.refused:
                break
            if not self.tasks:
                self._keep_refused()
            self.a_task_ended.clear()
            await self.a_task_ended.wait()
        await self._all_ended()
        if self.sealing:
            await asyncio.gather(self.sealing, return_exceptions=True)
        if self.failure:
            raise self.failure
        self._show(last=True)

    def _budget_is_spent(self) -> bool:
        budget = self.config.token_budget
        return budget is not None and self.tokens_before + self.progress.tokens >= budget

    async def _all_ended(self) -> None:
        while self.tasks:
            await asyncio.wait(self.tasks)

    def _start(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        """Remember the first failure, which `_feed` raises; what is in flight still finishes."""
        self.tasks.discard(task)
        self.a_task_ended.set()
        if not task.cancelled() and task.exception() is not None:
            self.failure = self.failure or task.exception()

    async def _draw(self, wanted: Wanted) -> None:
        started = time.monotonic()
        try:
            completion = await self._generate(wanted)
            if completion is None:
                return
            self.progress.tokens += completion.completion_tokens or 0
            await self.verdicts_waited_for.acquire()
        finally:
            self.slots.release()
        sample = self.wanted.finished(wanted, completion, self.teacher.name, time.monotonic() - started)
        if completion.error is not None and not self.any_answered:
            self._hold_refused(sample, wanted)
            return
        self.any_answered, self.failures_in_a_row = True, 0
        self._keep_refused()
        await self._keep(sample, wanted)

    async def _generate(self, wanted: Wanted) -> Completion | None:
        """Have the teacher draw a sample; None when it failed for now, or was aborted as its problem was settled meanwhile."""
        task, place = asyncio.current_task(), wanted.draw.place
        assert task
        self.generating.setdefault(place, set()).add(task)
        self.progress.in_flight += 1
        try:
            return await self.teacher.generate(wanted.request)
        except TeacherError as error:
            self.allocation.dropped(wanted.draw, again=False)
            self._count_failure(error)
        except asyncio.CancelledError:
            if task in self.generating.get(place, ()):
                raise
            task.uncancel()
            self.allocation.dropped(wanted.draw, again=True)
            self.progress.aborted += 1
        finally:
            self.progress.in_flight -= 1
            if running := self.generating.get(place):
                running.discard(task)
                if not running:
                    del self.generating[place]
        return None

    def _abort(self, place: int) -> None:
        """Abort the running requests for a problem that wants no more samples."""
        for task in self.generating.pop(place, ()):
            task.cancel()

    async def _keep(self, sample: Sample, wanted: Wanted) -> None:
        """Commit a sample, judge it, and let its verdict decide how its problem goes on."""
        await self.commits.add(sample)
        self.unsealed += 1
        self.progress.done += 1
        self._show()
        outcome = await self._judge(sample, wanted.asked.problem)
        if self.allocation.judged(wanted.draw.place, outcome == "correct", outcome in JUDGED):
            self._abort(wanted.draw.place)

    async def _judge(self, sample: Sample, problem: Problem) -> Outcome:
        try:
            verdict = await self.verdicts.of(self.pool.submit(sample.response, problem, sample.finish_reason))
        finally:
            self.verdicts_waited_for.release()
        self.commits.add_verdict(sample.sample_id, verdict)
        self.progress.outcomes[verdict.outcome] = self.progress.outcomes.get(verdict.outcome, 0) + 1
        self._show()
        if self.unsealed >= self.shard_rows and (self.sealing is None or self.sealing.done()):
            self.commits.flush()
            self.sealing = asyncio.ensure_future(asyncio.to_thread(self._seal))
            self.sealing.add_done_callback(self._ended)
        return verdict.outcome

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
        if self.failures_in_a_row >= max(GIVE_UP_AFTER, self.progress.at_once):
            hint = f"{self.progress.done} samples are kept; mend the teacher and run the same command again"
            self.failure = self.failure or CotkitError(f"the teacher stopped answering: {error}", hint)

    def _hold_refused(self, sample: Sample, wanted: Wanted) -> None:
        """Refusals of several problems before any answer mean wrong settings, not bad problems: keep them back until one succeeds."""
        self.refused.append((sample, wanted))
        if len({refused.draw.place for _, refused in self.refused}) >= min(REFUSALS, self.progress.problems):
            self.refused.clear()
            self.failure = self.failure or CotkitError(f"the teacher refuses every request: {sample.error}", "mend [sample] in the recipe")

    def _keep_refused(self) -> None:
        while self.refused:
            self._start(self._keep(*self.refused.pop()))

    def _show(self, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self.facts_asked > SECONDS_BETWEEN_FACTS:
            self.facts_asked = now
            self.progress.engine = self.teacher.engine_facts()
            self.progress.settled = dict(self.allocation.settled)
        self.watch(self.progress)

    async def _cancel_all(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        if self.sealing:
            await asyncio.gather(self.sealing, return_exceptions=True)
