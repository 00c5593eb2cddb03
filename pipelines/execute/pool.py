"""VerifierPool: judge responses in worker processes that are killed and replaced when an answer takes too much time or memory.

    with VerifierPool(VerifyConfig()) as pool:
        verdict = pool.submit(response, problem, "stop").result()

Why processes, and why killed: sympy can hold the interpreter lock inside one C call, so no alarm, thread or awaited time-out
ends it (huggingface/Math-Verify#63, #65), and a time-out that ends only the waiting leaves the worker busy for good
(areal-project/AReaL#1426). A deadline is CPU time of the worker on that item, so that a busy machine does not turn right answers into
time-outs; a wall-clock limit of `WALL_PER_CPU` times as much, in which no wait for a core counts, catches a worker that sleeps.

Neighbours in the queue go to one worker, whose caches know their problem; what lies behind an item that takes long goes to
other workers. One thread does all the work; no signal handlers, any thread may submit, and the caller needs no `__main__` guard.
A pool does not survive a fork: the child opens its own. How much is submitted and waits in memory is the caller's business.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import tempfile
import threading
from collections import deque
from collections.abc import Iterable
from types import TracebackType
from typing import IO, Self

from ...schemas.problem import Problem
from ...schemas.recipe import VerifyConfig
from ...schemas.verdict import Outcome, Verdict
from ...verifiers import VERSION
from .items import Item, ItemMaker
from .judging import Judged
from .worker_process import WorkerProcess, usable_cores

WALL_PER_CPU = 6
"""Wall-clock limit of an item, in deadlines."""
AHEAD = 64
"""Items sent to a worker before it has answered the first, so that it never waits for the parent."""
AHEAD_BYTES = 1 << 20
"""No more is sent ahead once this much is."""
ITEMS_PER_WORKER = 16
"""Another worker is started when there are so many items for each of those that are at work."""
SLOW_SECONDS = 0.1
"""An item that takes longer gets its worker to itself."""
TICK_SECONDS = 0.05
"""How often, at least, slow items and deadlines are looked at."""
START_SECONDS = 300.0
"""Wall-clock limit of a worker's start."""
DEATHS_IN_A_ROW = 3
"""Workers in a row that die without having judged anything, after which the pool gives up."""


class VerifierPool:
    """At most `config.workers` killable workers, started as they are needed; a context manager, not reusable.

    Leaving the block waits for what is submitted, or cancels it when the block is left by an exception.
    """

    def __init__(self, config: VerifyConfig, verifier: str = "cotkit.verifiers:judge") -> None:
        self.config = config
        self.verifier = verifier
        self.size = config.workers or usable_cores()
        self._new: deque[Item] = deque()
        """Submitted; the only thing that callers' threads and the pool's thread share."""
        self._waiting: deque[Item] = deque()
        self._workers: list[WorkerProcess] = []
        self._deaths_in_a_row = 0
        self._closing = threading.Event()
        self._cancelled = threading.Event()
        self._failure: BaseException | None = None
        self._items = ItemMaker()
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

    def submit(self, response: str, problem: Problem, finish_reason: str) -> Judged:
        """Queue one response; from any thread. Raises RuntimeError when the pool is closed or its workers cannot start."""
        item = self._items.item(response, problem, finish_reason)
        with self._lock:
            if self._failure is not None:
                raise RuntimeError("the verifier pool has failed") from self._failure
            if self._closing.is_set() or not self._thread.is_alive():
                raise RuntimeError("the verifier pool is not open: submit inside its `with` block, in the process that opened it")
            self._new.append(item)
            asleep = len(self._new) == 1
        if asleep:
            self._wake()
        return item.future

    def failed(self) -> bool:
        """Say whether the pool has given up, and takes nothing more."""
        return self._failure is not None

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
        """Send what waits to the workers that have room, neighbours to one worker, and start workers while there is much left."""
        open_to_more = [worker for worker in self._workers if worker.ready and not worker.retired and not self._is_slow(worker)]
        for place, worker in enumerate(sorted(open_to_more, key=lambda worker: len(worker.outstanding))):
            share = -(-len(self._waiting) // (len(open_to_more) - place))
            if self._waiting and not worker.unsent:
                worker.give(self._next(min(share, AHEAD - len(worker.outstanding))))
                self._listen(worker)
        slow = sum(worker.ready and self._is_slow(worker) for worker in self._workers)
        wanted = min(self.size, slow + -(-len(self._waiting) // ITEMS_PER_WORKER))
        starting = sum(not worker.ready for worker in self._workers)
        for _ in range(min(wanted - slow - starting, self.size - len(self._workers))):
            self._workers.append(WorkerProcess.start(self.verifier, self.config, self._errors))
            self._selector.register(self._workers[-1].answers, selectors.EVENT_READ, self._workers[-1])

    def _next(self, count: int) -> Iterable[tuple[Item, bytes]]:
        size = 0
        while self._waiting and count > 0 and size < AHEAD_BYTES:
            item = self._waiting.popleft()
            # an item that a worker left behind runs already
            if item.future.running() or item.future.set_running_or_notify_cancel():
                size += len(item.frame)
                count -= 1
                yield item, item.frame

    def _is_slow(self, worker: WorkerProcess) -> bool:
        return worker.current() is not None and worker.seconds_since_step() > SLOW_SECONDS

    def _wait_for_answers(self) -> None:
        for key, _ in self._selector.select(self._seconds_to_next_look()):
            if key.fileobj == self._wake_reader:
                os.read(self._wake_reader, 1 << 16)
            elif key.data in self._workers:
                if key.fileobj == key.data.answers:
                    self._take_answers(key.data)
                else:
                    key.data.send()
                    self._listen(key.data)

    def _seconds_to_next_look(self) -> float | None:
        busy = [worker for worker in self._workers if worker.outstanding or not worker.ready]
        left = [self.config.deadline_seconds - worker.spent().cpu for worker in busy if worker.current() is not None]
        return max(0.005, min([TICK_SECONDS, *left])) if busy else None

    def _listen(self, worker: WorkerProcess) -> None:
        registered = worker.items in self._selector.get_map()
        if worker.unsent and not registered:
            self._selector.register(worker.items, selectors.EVENT_WRITE, worker)
        elif registered and not worker.unsent:
            self._selector.unregister(worker.items)

    def _take_answers(self, worker: WorkerProcess) -> None:
        messages, ended = worker.receive()
        for message in messages:
            if "broken" in message:
                raise RuntimeError(f"a verifier worker cannot import what it needs: {message['broken']}")
            if message.pop("ready", False):
                worker.ready = True
                continue
            self._deaths_in_a_row = 0
            item: Item | None = worker.outstanding.pop(message.pop("number"), None)
            milliseconds = message.pop("milliseconds")
            worker.retired = message["outcome"] == "out_of_memory"
            if item is not None:  # else it was taken back while the answer was on its way
                item.future.milliseconds = milliseconds
                item.future.set_result(Verdict(**message))
        if ended:
            worker.wait_for_end()
            self._replace(worker, "crashed", "")

    def _enforce_limits(self) -> None:
        for worker in list(self._workers):
            if worker.ready and len(worker.outstanding) > 1 and self._is_slow(worker):
                self._waiting.extendleft(reversed(worker.take_back()))
            limit, current = self._limit_passed(worker), worker.current()
            if limit is None:
                continue
            self._take_answers(worker)  # an answer may have come while we looked
            if worker in self._workers and worker.current() == current and self._limit_passed(worker):
                self._replace(worker, "timeout", limit)

    def _limit_passed(self, worker: WorkerProcess) -> str | None:
        """Name the limit that a worker's current item, or its start, has passed."""
        if not worker.ready or worker.importing:
            return "start" if worker.seconds_since_step() > START_SECONDS else None
        if worker.current() is None:
            return None
        spent, deadline = worker.spent(), self.config.deadline_seconds
        if spent.cpu >= deadline:
            return "cpu"
        return "wall" if spent.wall >= WALL_PER_CPU * deadline else None

    def _replace(self, worker: WorkerProcess, outcome: Outcome, decided_by: str) -> None:
        """Kill a worker; its current item gets the outcome, the rest of what it had goes to other workers."""
        for descriptor in (worker.answers, worker.items):
            if descriptor in self._selector.get_map():
                self._selector.unregister(descriptor)
        current = None if worker.retired else worker.current()
        lost: Item | None = None if current is None else worker.outstanding.pop(current)
        seconds = worker.seconds_since_step()
        status = worker.kill()
        self._workers.remove(worker)
        if status == -signal.SIGXCPU:
            outcome, decided_by = "timeout", "cpu"
        if lost is not None:
            reason = decided_by or (f"signal {-status}" if status < 0 else f"exit {status}")
            lost.future.milliseconds = 1000 * seconds
            lost.future.set_result(Verdict(outcome=outcome, decided_by=reason, verifier=f"{lost.kind}/{VERSION}"))
        elif not worker.retired:
            self._deaths_in_a_row += 1
            if self._deaths_in_a_row >= DEATHS_IN_A_ROW:
                raise RuntimeError(f"a verifier worker cannot start: {self._last_errors()}")
        self._waiting.extendleft(reversed(worker.outstanding.values()))

    def _last_errors(self) -> str:
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 4000))
        return self._errors.read().decode("utf-8", "replace").strip() or "it said nothing"

    def _shut_down(self) -> None:
        for worker in self._workers:
            worker.kill()
        with self._lock:
            left: Iterable[Item] = [*(item for worker in self._workers for item in worker.outstanding.values()), *self._waiting, *self._new]
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
