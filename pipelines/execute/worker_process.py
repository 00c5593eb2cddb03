"""One worker process as the pool sees it: its pipes, what it has been given, and how long it has been at it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections import deque
from time import monotonic
from typing import IO, Any, Self

WORKER = "cotkit.pipelines.execute.worker"


class WorkerProcess:
    """A running worker; items are answered in the order they were given."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin
        assert process.stdout
        self._process = process
        self.pid = process.pid
        self.items = process.stdin.fileno()
        self.answers = process.stdout.fileno()
        os.set_blocking(self.items, False)
        os.set_blocking(self.answers, False)
        self.ready = False
        self.retired = False
        """It said that it will end by itself, after the last item it answered."""
        self.outstanding: deque[Any] = deque()
        self.unsent = memoryview(b"")
        self.wall_mark = monotonic()
        """When the first outstanding item was begun, or the start of the process."""
        self._cpu_mark = 0.0
        self._received = b""

    @classmethod
    def start(cls, verifier: str, memory_mib: int, errors: IO[bytes]) -> Self:
        """Start a worker that resolves modules as this process does; what it says before it is ready goes to `errors`."""
        # -P and PYTHONPATH: a file in the caller's folder must not shadow a module unless it does so here.
        # Python integers instead of gmpy2's: the same verdicts with and without it, and MemoryError instead of an abort.
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path),
            "PYTHONHASHSEED": "0",
            "SYMPY_GROUND_TYPES": "python",
            "MPMATH_NOGMPY": "1",
        }
        command = [sys.executable, "-P", "-m", WORKER, verifier, str(memory_mib), str(os.getpid())]
        # A process group of its own: Ctrl-C in the terminal is for the parent to act on.
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, bufsize=0, env=environment, process_group=0
        )
        return cls(process)

    def give(self, item: Any, line: bytes) -> None:
        """Add an item to what it has to answer, and send as much of the line as the pipe takes."""
        if not self.outstanding:
            self.wall_mark = monotonic()
        self.outstanding.append(item)
        self.unsent = memoryview(line)
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
        *lines, self._received = self._received.split(b"\n")
        return [json.loads(line) for line in lines], ended

    def mark(self, cpu_seconds: float) -> None:
        """Note that the next item begins now, at so many CPU seconds of the worker."""
        self.wall_mark = monotonic()
        self._cpu_mark = cpu_seconds

    def cpu_since_mark(self) -> float:
        """Give the CPU seconds spent on the current item; wall-clock seconds where there is no /proc."""
        try:
            with open(f"/proc/{self.pid}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            return monotonic() - self.wall_mark
        user, system = int(fields[11]), int(fields[12])
        return (user + system) / os.sysconf("SC_CLK_TCK") - self._cpu_mark

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
        return self._process.wait()
