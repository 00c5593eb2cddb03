"""One worker process as the pool sees it: its pipes, what it has been given, and how long it has been at it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from typing import IO, Any, NamedTuple, Self

from ...schemas.recipe import VerifyConfig
from .progress_page import BYTES, Begun, ProgressPage

WORKER = "cotkit.pipelines.execute.worker"
PIPE_BYTES = 1 << 18
"""Room in the pipe to a worker, where the system grants it: a batch of responses goes in with one write."""


PAUSE_SECONDS = 1.0
"""Who looks many times a second and has not looked for longer was held up himself: by a paused machine, or one that is overrun."""


class Spent(NamedTuple):
    """What the current item has taken so far, in seconds."""

    cpu: float
    wall: float
    """Without the time in which it could run and had no core, and without that of a machine that stood still."""


class WorkerProcess:
    """A running worker; items are answered in the order they were given."""

    def __init__(self, process: subprocess.Popen[bytes], page: ProgressPage) -> None:
        assert process.stdin
        assert process.stdout
        self._process = process
        self._page = page
        self.pid = process.pid
        self.items = process.stdin.fileno()
        self.answers = process.stdout.fileno()
        with contextlib.suppress(OSError, AttributeError):
            fcntl.fcntl(self.items, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        os.set_blocking(self.items, False)
        os.set_blocking(self.answers, False)
        self.ready = False
        self.retired = False
        """It said that it will end by itself, after the last item it answered."""
        self.outstanding: dict[int, Any] = {}
        """Items without an answer by their numbers, in the order in which they were given."""
        self.unsent = memoryview(b"")
        self._given = 0
        self._received = b""
        self._watched, self._looked, self._paused = -1, 0.0, 0.0

    @classmethod
    def start(cls, verifier: str, config: VerifyConfig, errors: IO[bytes]) -> Self:
        """Start a worker that resolves modules as this process does; what it says before it is ready goes to `errors`."""
        # -P and PYTHONPATH: a file in the caller's folder must not shadow a module unless it does so here.
        # Python integers instead of gmpy2's: the same verdicts with and without it, and MemoryError instead of an abort.
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
            "PYTHONHASHSEED": "0",
            "SYMPY_GROUND_TYPES": "python",
            "MPMATH_NOGMPY": "1",
        }
        with tempfile.TemporaryFile(buffering=0) as file:
            file.truncate(BYTES)
            page = ProgressPage(file.fileno())
            page.clear()
            limits = (str(config.memory_mib), str(config.deadline_seconds))
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", WORKER, verifier, *limits, str(os.getpid()), str(file.fileno())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,
                env=environment,
                pass_fds=(file.fileno(),),
                process_group=0,  # Ctrl-C in the terminal is for the parent to act on
            )
        return cls(process, page)

    def give(self, items: Iterable[tuple[Any, bytes]]) -> None:
        """Add items with their frames to what it has to answer, and send as much as the pipe takes."""
        frames = [bytes(self.unsent)]
        for item, frame in items:
            frames.append(b"%d %s" % (self._given, frame))
            self.outstanding[self._given] = item
            self._given += 1
        self.unsent = memoryview(b"".join(frames))
        self.send()

    def send(self) -> None:
        """Send what is unsent, as far as the pipe takes it; a broken pipe shows up as the end of the answers."""
        try:
            while self.unsent:
                self.unsent = self.unsent[os.write(self.items, self.unsent) :]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self.unsent = memoryview(b"")

    def receive(self) -> tuple[list[dict[str, Any]], bool]:
        """Read the whole messages that have come, without waiting; True when the worker has closed its end."""
        ended = False
        try:
            while not ended:
                chunk = os.read(self.answers, 1 << 16)
                self._received += chunk
                ended = not chunk
        except BlockingIOError:
            pass
        whole, _, self._received = self._received.rpartition(b"\n")
        return json.loads(f"[{whole.decode().replace(chr(10), ',')}]"), ended

    @property
    def importing(self) -> bool:
        """Whether it is importing a library, which is on no item's account."""
        return self._page.importing

    def current(self) -> int | None:
        """Give the number of the item it is at; None when it waits, or its answer is here already."""
        number = self._page.begun().number
        return number if number in self.outstanding else None

    def seconds_since_step(self) -> float:
        """Give the wall-clock seconds since it began its last item, or was started."""
        return time.monotonic() - self._page.begun().wall

    def spent(self) -> Spent:
        """Give what the current item has taken; CPU seconds are wall-clock seconds where there is no clock per process."""
        begun = self._page.begun()
        wall = self._time_idle(begun)
        if sys.platform != "linux":
            return Spent(wall, wall)
        try:
            cpu = time.clock_gettime(~self.pid << 3 | 2)  # clock_getcpuclockid(3): the process's CPU clock
        except OSError:  # it has ended
            return Spent(0.0, wall)
        return Spent(cpu - begun.cpu, wall)

    def _time_idle(self, begun: Begun) -> float:
        """Give the wall-clock seconds since an item began, but for those in which it waited for a core, or nobody looked."""
        now = time.monotonic()
        step = now - max(self._looked, begun.wall)
        if begun.number != self._watched:
            self._watched, self._paused = begun.number, 0.0
        self._looked = now
        if now - begun.wall > PAUSE_SECONDS:
            self._paused += step if self._is_runnable() else max(0.0, step - PAUSE_SECONDS)
        return now - begun.wall - self._paused

    def _is_runnable(self) -> bool:
        """Say whether it runs or waits for a core: then its CPU time is what counts, however busy the machine is."""
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as file:
                return file.read().rpartition(b") ")[2].startswith(b"R")
        except OSError:
            return False

    def take_back(self) -> list[Any]:
        """Take back what it has not begun; what it has answered by now and not sent comes again, to be judged again."""
        current = self.current()
        self._page.revoked = self._given - 1
        taken = [item for number, item in self.outstanding.items() if number != current]
        self.outstanding = {} if current is None else {current: self.outstanding[current]}
        return taken

    def wait_for_end(self) -> None:
        """Let a worker that has closed its end come to its own exit status."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=1.0)

    def kill(self) -> int:
        """Kill it, take its last resources back and give its exit status."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()
        self._page.close()
        return self._process.wait()


def usable_cores() -> int:
    """Count the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
