"""A crew of local worker processes, any of which may be killed: what it had begun is begun again by another.

concurrent.futures' ProcessPoolExecutor breaks as a whole when one process dies, and hangs when that happens while it starts another
(seen with Python 3.11), so tasks go through one pipe per worker here: a pipe that ends is a worker that is gone.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import traceback
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable
from multiprocessing.connection import Connection, wait
from typing import Any

SPAWN = multiprocessing.get_context("spawn")
"""polars' threads do not survive a fork."""


class TaskLostError(Exception):
    """The worker of one task was killed too often."""


class _Worker:
    """A process and the task that it has."""

    def __init__(self, work: Callable[[Any], None]) -> None:
        self.pipe, theirs = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_serve, args=(theirs, work), daemon=True)
        self.process.start()
        theirs.close()  # else a pipe would not end with its worker
        self.task: Any = None

    def give(self, task: Any) -> None:
        """Hand over a task; when the worker is gone, its pipe says so next."""
        self.task = task
        with contextlib.suppress(OSError):
            self.pipe.send(task)

    def end(self) -> None:
        """End the process, in the middle of a task if it has one."""
        self.pipe.close()
        self.process.terminate()
        self.process.join()


def compute_all(work: Callable[[Any], None], tasks: Iterable[Any], workers: int, attempts: int) -> Generator[Any, None, None]:
    """Do tasks in worker processes and give each when it is done; closing it ends the workers. `work` and tasks are pickled.

    Raises what `work` raised, and TaskLostError when the workers of one task were killed `attempts` times.
    """
    left, lost = deque(tasks), Counter()
    crew = [_Worker(work) for _ in range(min(workers, len(left)))]
    try:
        for worker in crew:
            worker.give(left.popleft())
        while busy := {worker.pipe: worker for worker in crew if worker.task is not None}:
            for pipe in wait(list(busy)):
                worker = busy[pipe]  # pyright: ignore[reportArgumentType]
                task, worker.task = worker.task, None
                try:
                    failure = worker.pipe.recv()
                except (EOFError, OSError):
                    lost[task] += 1
                    if lost[task] >= attempts:
                        raise TaskLostError(task) from None
                    left.appendleft(task)
                    place = crew.index(worker)
                    worker.end()
                    worker = crew[place] = _Worker(work)
                else:
                    if failure is not None:
                        raise failure
                    yield task
                if left:
                    worker.give(left.popleft())
    finally:
        for worker in crew:
            worker.end()


def _serve(pipe: Connection, work: Callable[[Any], None]) -> None:
    """Do tasks until the pipe ends, as it does when the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the parent too, which ends this process
    with contextlib.suppress(EOFError, OSError):
        while True:
            task = pipe.recv()
            try:
                work(task)
            except Exception as error:  # noqa: BLE001 # the parent raises it
                failure: Exception | None = error
            else:
                failure = None
            try:
                pipe.send(failure)
            except (TypeError, AttributeError, ValueError):  # an error that cannot be pickled
                pipe.send(RuntimeError("".join(traceback.format_exception(failure))))
