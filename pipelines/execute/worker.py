r"""A worker of the VerifierPool: reads items from stdin, judges them one at a time, writes a line of JSON for each to stdout.

    python -m cotkit.pipelines.execute.worker cotkit.verifiers:judge MEMORY_MIB DEADLINE_SECONDS PARENT_PID PAGE_DESCRIPTOR

An item is `number problem_bytes response_bytes finish_reason\n`, the problem as JSON, the response in UTF-8. Before an item
is begun it is noted in the progress page: when a worker dies, the parent knows which item killed it. Answers to quick items
are sent together.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import ModuleType
from typing import Any

from ...schemas.problem import Problem
from ...schemas.verdict import Verdict
from .progress_page import ProgressPage

Judge = Callable[[str, Problem, str], Verdict]
HOLD_SECONDS = 0.002
"""Answers are held back for at most so long after they could have been sent, and the item that is begun then."""
SPARE_CPU_SECONDS = 30
"""CPU time past its deadline after which a worker that no parent has killed ends by itself."""
HEAVY = frozenset({"sympy", "math_verify", "mpmath", "antlr4", "latex2sympy2_extended"})
"""Libraries that are imported when the first item needs them, on no item's account."""


class Outbox:
    """Sends answers to the parent, several at a time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lines: list[str] = []
        self._sent = 0.0

    def add(self, message: dict[str, Any]) -> None:
        """Take a message, and send what is held when it has been held long enough."""
        self._lines.append(json.dumps(message))
        if time.monotonic() - self._sent > HOLD_SECONDS:
            self.send()

    def send(self) -> None:
        """Send all that is held."""
        text = memoryview("".join(f"{line}\n" for line in self._lines).encode())
        self._lines.clear()
        while text:
            text = text[os.write(self._descriptor, text) :]
        self._sent = time.monotonic()


def main(verifier: str, memory_mib: int, deadline_seconds: float, parent: int, page_descriptor: int) -> None:
    """Answer items until stdin ends."""
    die_with(parent)
    page = ProgressPage(page_descriptor)
    outbox = Outbox(os.dup(1))
    stdin = os.dup(0)
    silence(0)
    os.dup2(2, 1)  # a stray print must not look like an answer
    judge = load(verifier)
    limit_memory(memory_mib)
    sys.meta_path.insert(0, UnbilledImports(page, outbox, memory_mib))
    outbox.add({"ready": True})
    outbox.send()
    silence(2)  # parsers complain there about every answer they cannot read
    cpu_limit = 0.0
    for number, item in read_items(stdin, outbox.send):
        if number <= page.revoked:
            continue
        cpu = page.begin(number)
        if cpu + deadline_seconds > cpu_limit - SPARE_CPU_SECONDS / 2:
            cpu_limit = limit_cpu(deadline_seconds + SPARE_CPU_SECONDS)
        reply = answer(judge, *item)
        reply["number"], reply["milliseconds"] = number, 1000 * (time.monotonic() - page.begun().wall)
        outbox.add(reply)
        if reply["outcome"] == "out_of_memory":  # what lies in memory may be half made: let a new worker go on
            break
    outbox.send()


def read_items(stdin: int, before_waiting: Callable[[], None]) -> Iterator[tuple[int, tuple[bytes, bytes, bytes]]]:
    """Give the number of every item, and its problem, response and finish reason as they were sent."""
    held = bytearray()

    def take(size: int) -> bytes:
        while len(held) < size:
            more()
        part = bytes(held[:size])
        del held[:size]
        return part

    def more() -> None:
        before_waiting()
        held.extend(os.read(stdin, 1 << 20) or end())

    def end() -> bytes:
        raise EOFError

    try:
        while True:
            while (line_end := held.find(b"\n")) < 0:
                more()
            number, problem_size, response_size, finish_reason = take(line_end + 1).split(b" ", 3)
            yield int(number), (take(int(problem_size)), take(int(response_size)), finish_reason)
    except EOFError:
        return


def answer(judge: Judge, problem: bytes, response: bytes, finish_reason: bytes) -> dict[str, Any]:
    """Judge one item; whatever the verifier raises becomes an outcome."""
    try:
        return judge(response.decode("utf-8", "surrogatepass"), read_problem(problem), json.loads(finish_reason)).model_dump()
    except MemoryError:
        return {"outcome": "out_of_memory", "decided_by": "MemoryError"}
    except Exception as error:  # noqa: BLE001 - the isolation point: a verifier's failure is an outcome of its item
        return {"outcome": "crashed", "decided_by": type(error).__name__}


@lru_cache(maxsize=16)
def read_problem(line: bytes) -> Problem:
    """Read a problem; samples of one problem come one after the other."""
    return Problem.model_construct(**json.loads(line))


class UnbilledImports(importlib.abc.MetaPathFinder):
    """Takes the time and memory of importing a heavy library off the account of the item that needs it first."""

    def __init__(self, page: ProgressPage, outbox: Outbox, memory_mib: int) -> None:
        self._page = page
        self._outbox = outbox
        self._memory_mib = memory_mib

    def find_spec(self, name: str, path: Any, target: ModuleType | None = None) -> importlib.machinery.ModuleSpec | None:
        """Find a heavy library as usual, with a loader that keeps time; it imports the others meanwhile."""
        spec = importlib.machinery.PathFinder.find_spec(name, path, target) if name in HEAVY and not self._page.importing else None
        if spec is None or spec.loader is None:
            return None
        load = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            self._outbox.send()
            cpu, wall = time.process_time(), time.monotonic()
            in_use = address_space()
            self._page.importing = True
            try:
                load(module)
            except Exception:  # noqa: BLE001 - a broken installation is no item's outcome: the parent has to tell
                self._outbox.add({"broken": traceback.format_exc()})
                self._outbox.send()
                os._exit(1)
            limit_memory(self._memory_mib, already=in_use)
            self._page.forgive(time.process_time() - cpu, time.monotonic() - wall)
            self._page.importing = False

        spec.loader.exec_module = exec_module
        return spec


def load(verifier: str) -> Judge:
    """Import `module:function`."""
    module_name, _, function = verifier.partition(":")
    return getattr(importlib.import_module(module_name), function)


def limit_memory(mib: int, already: int | None = None) -> None:
    """Limit the address space to what is in use now plus `mib`: libraries do not count, answers do. Linux only.

    With `already`, raise the limit by what has come into use since then.
    """
    if sys.platform != "linux":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = address_space() + mib * 2**20 if already is None else soft + address_space() - already
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def address_space() -> int:
    """Give the bytes of address space in use; 0 where there is no /proc."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def limit_cpu(seconds: float) -> float:
    """Have the kernel end this process after so many more CPU seconds; give the CPU time at which it will."""
    import resource

    limit = int(time.process_time() + seconds) + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    return limit


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent dies, however busy it is. Linux only."""
    if sys.platform != "linux":
        return
    import ctypes

    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def silence(descriptor: int) -> None:
    """Point a file descriptor at nothing."""
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, descriptor)
    os.close(nothing)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
