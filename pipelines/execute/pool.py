"""VerifierPool: judge responses in worker processes that are killed and replaced when an answer takes too much time or memory.

    with VerifierPool(VerifyConfig()) as pool:
        verdict = pool.submit(response, problem, "stop").result()

Why processes, and why killed: sympy can hold the interpreter lock inside one C call, so no alarm, thread or awaited time-out
ends it (huggingface/Math-Verify#63, #65), and a time-out that ends only the waiting leaves the worker busy for good
(areal-project/AReaL#1426). A deadline is CPU time of the worker on that item, so that a busy machine does not turn right answers into
time-outs; a wall-clock limit of `WALL_PER_CPU` times as much catches a worker that sleeps.

One thread does all the work; no signal handlers, any thread may submit, and the caller needs no `__main__` guard.
What is submitted and not judged yet stays in memory: how much that is, is the caller's business.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import tempfile
import threading
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Future
from time import monotonic
from types import TracebackType
from typing import IO, NamedTuple, Self

from ...schemas.problem import Problem
from ...schemas.recipe import VerifyConfig
from ...schemas.verdict import Outcome, Verdict
from ...verifiers import VERSION
from .worker_process import WorkerProcess

WALL_PER_CPU = 6
"""Wall-clock limit of an item, in deadlines."""
AHEAD = 16
"""Items sent to a worker before it has answered the first, so that it never waits for the parent."""
TICK_SECONDS = 0.05
"""How often deadlines are looked at."""
START_SECONDS = 300.0
"""Wall-clock limit of a worker's start."""
FAILED_STARTS = 3
"""Workers in a row that die before they are ready, after which the pool gives up."""


class Item(NamedTuple):
    """One response to judge."""

    line: bytes
    kind: str
    future: Future[Verdict]


class VerifierPool:
    """A pool of `config.workers` killable workers, started as they are needed. A context manager; not reusable.

    Leaving the block waits for what is submitted, or cancels it when the block is left by an exception.
    """

    def __init__(self, config: VerifyConfig, verifier: str = "cotkit.verifiers:judge") -> None:
        self.config = config
        self.verifier = verifier
        self.size = config.workers or _cores()
        self._new: deque[Item] = deque()
        """Submitted; the only thing that callers' threads and the pool's thread share."""
        self._waiting: deque[Item] = deque()
        self._workers: list[WorkerProcess] = []
        self._failed_starts = 0
        self._closing = threading.Event()
        self._cancelled = threading.Event()
        self._failure: BaseException | None = None
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="cotkit-verifier-pool", daemon=True)

    def __enter__(self) -> Self:
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)
        self._errors: IO[bytes] = tempfile.TemporaryFile()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is not None:
            self._cancelled.set()
        self._closing.set()
        self._wake()
        try:
            self._thread.join()
        except BaseException:  # Ctrl-C while waiting: stop at once
            self._cancelled.set()
            self._wake()
            self._thread.join()
            raise
        finally:
            with self._lock:
                os.close(self._wake_reader)
                os.close(self._wake_writer)
                self._wake_writer = -1
            self._errors.close()

    def submit(self, response: str, problem: Problem, finish_reason: str) -> Future[Verdict]:
        """Queue one response; from any thread. Raises RuntimeError when the pool is closed or its workers cannot start."""
        line = json.dumps((response, problem.model_dump(), finish_reason)).encode() + b"\n"
        item = Item(line, problem.kind, Future())
        with self._lock:
            if self._failure is not None:
                raise RuntimeError("the verifier pool has failed") from self._failure
            if self._closing.is_set() or not self._thread.is_alive():
                raise RuntimeError("the verifier pool is not open: submit inside its `with` block")
            self._new.append(item)
            first = len(self._new) == 1
        if first:
            self._wake()
        return item.future

    def worker_pids(self) -> list[int]:
        """Give the process ids of the workers that are alive now."""
        return [worker.pid for worker in list(self._workers)]

    def _wake(self) -> None:
        with self._lock:
            if self._wake_writer >= 0:
                with contextlib.suppress(BlockingIOError):  # a full pipe wakes as well
                    os.write(self._wake_writer, b"x")

    def _run(self) -> None:
        try:
            with selectors.DefaultSelector() as self._selector:
                self._selector.register(self._wake_reader, selectors.EVENT_READ)
                while not self._done():
                    self._hand_out()
                    self._wait_for_answers()
                    self._enforce_limits()
        except BaseException as error:  # noqa: BLE001 - whoever waits for a verdict must hear of it
            with self._lock:
                self._failure = error
        finally:
            self._shut_down()

    def _done(self) -> bool:
        with self._lock:
            while self._new:
                self._waiting.append(self._new.popleft())
            if self._cancelled.is_set():
                return True
            return self._closing.is_set() and not self._waiting and not any(worker.outstanding for worker in self._workers)

    def _hand_out(self) -> None:
        """Send what waits to the workers that have room, and start workers while there is more than they can take."""
        for depth in range(1, AHEAD + 1):
            for worker in self._workers:
                if worker.ready and not worker.retired and not worker.unsent and len(worker.outstanding) < depth:
                    item = self._next()
                    if item is None:
                        return
                    worker.give(item, item.line)
                    self._listen(worker)
        starting = sum(not worker.ready for worker in self._workers)
        while len(self._waiting) > starting and len(self._workers) < self.size:
            worker = WorkerProcess.start(self.verifier, self.config.memory_mib, self._errors)
            self._workers.append(worker)
            self._selector.register(worker.answers, selectors.EVENT_READ, worker)
            starting += 1

    def _next(self) -> Item | None:
        while self._waiting:
            item = self._waiting.popleft()
            # an item that a lost worker left behind runs already
            if item.future.running() or item.future.set_running_or_notify_cancel():
                return item
        return None

    def _wait_for_answers(self) -> None:
        idle = not any(worker.outstanding or not worker.ready for worker in self._workers)
        for key, _ in self._selector.select(None if idle else TICK_SECONDS):
            if key.fileobj == self._wake_reader:
                os.read(self._wake_reader, 1 << 16)
            elif key.data in self._workers:
                if key.fileobj == key.data.answers:
                    self._take_answers(key.data)
                else:
                    key.data.send()
                    self._listen(key.data)

    def _listen(self, worker: WorkerProcess) -> None:
        registered = worker.items in self._selector.get_map()
        if worker.unsent and not registered:
            self._selector.register(worker.items, selectors.EVENT_WRITE, worker)
        elif registered and not worker.unsent:
            self._selector.unregister(worker.items)

    def _take_answers(self, worker: WorkerProcess) -> None:
        messages, ended = worker.receive()
        for message in messages:
            worker.mark(message.pop("cpu"))
            if message.pop("ready", False):
                worker.ready = True
                self._failed_starts = 0
            else:
                item: Item = worker.outstanding.popleft()
                item.future.set_result(Verdict.model_construct(**message))
                worker.retired = message["outcome"] == "out_of_memory"
        if ended:
            worker.wait_for_end()
            self._replace(worker, "crashed", "")

    def _enforce_limits(self) -> None:
        for worker in list(self._workers):
            limit = self._limit_passed(worker)
            if limit is None:
                continue
            current = worker.outstanding[0] if worker.outstanding else None
            self._take_answers(worker)  # an answer may have come while we looked
            if worker in self._workers and (worker.outstanding[0] if worker.outstanding else None) is current:
                self._replace(worker, "timeout", limit)

    def _limit_passed(self, worker: WorkerProcess) -> str | None:
        """Name the limit that a worker's current item, or its start, has passed."""
        seconds = monotonic() - worker.wall_mark
        deadline = self.config.deadline_seconds
        if not worker.ready:
            return "start" if seconds > START_SECONDS else None
        if not worker.outstanding or seconds < deadline:
            return None
        if worker.cpu_since_mark() >= deadline:
            return "cpu"
        return "wall" if seconds >= WALL_PER_CPU * deadline else None

    def _replace(self, worker: WorkerProcess, outcome: Outcome, decided_by: str) -> None:
        """Kill a worker; its current item gets the outcome, the items behind it go to other workers."""
        for descriptor in (worker.answers, worker.items):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
        status = worker.kill()
        self._workers.remove(worker)
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                raise RuntimeError(f"a verifier worker cannot start: {self._last_errors()}")
        if worker.outstanding and not worker.retired:
            lost: Item = worker.outstanding.popleft()
            reason = decided_by or (f"signal {-status}" if status < 0 else f"exit {status}")
            lost.future.set_result(Verdict(outcome=outcome, decided_by=reason, verifier=f"{lost.kind}/{VERSION}"))
        self._waiting.extendleft(reversed(worker.outstanding))

    def _last_errors(self) -> str:
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 4000))
        return self._errors.read().decode("utf-8", "replace").strip() or "it said nothing"

    def _shut_down(self) -> None:
        for worker in self._workers:
            worker.kill()
        with self._lock:
            left: Iterable[Item] = [*(item for worker in self._workers for item in worker.outstanding), *self._waiting, *self._new]
            self._workers.clear()
            self._new.clear()
            self._closing.set()
        for item in left:
            if self._failure is not None and (item.future.running() or item.future.set_running_or_notify_cancel()):
                item.future.set_exception(self._failure)
            elif item.future.running():
                item.future.set_exception(RuntimeError("the verifier pool was closed before this was judged"))
            else:
                item.future.cancel()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
