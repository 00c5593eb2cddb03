"""A worker of the VerifierPool: reads items from stdin, judges them one at a time, writes one verdict each to stdout.

    python -m cotkit.pipelines.execute.worker cotkit.verifiers:judge 2048 PARENT_PID

One JSON object per line. The first line out says that the worker is ready; every line carries the CPU seconds this process
has used, so that the parent knows where the next item's time begins. A line is written before the next item is begun: when a
worker dies, the first item without an answer is the one that killed it.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from ...schemas.problem import Problem
from ...schemas.verdict import Verdict

Judge = Callable[[str, Problem, str], Verdict]


def main(verifier: str, memory_mib: int, parent: int) -> None:
    """Answer items until stdin ends; a `warm_up()` beside the verifier is called first, outside any deadline."""
    die_with(parent)
    items = os.fdopen(os.dup(0), "rb", buffering=1 << 16)
    answers = os.dup(1)
    silence(0)
    os.dup2(2, 1)  # a stray print must not look like an answer
    judge = load(verifier)
    limit_memory(memory_mib)
    send(answers, {"ready": True})
    silence(2)  # parsers complain there about every answer they cannot read
    for line in items:
        reply = answer(judge, line)
        send(answers, reply)
        if reply["outcome"] == "out_of_memory":  # what lies in memory may be half made: let a new worker go on
            return


def answer(judge: Judge, line: bytes) -> dict[str, Any]:
    """Judge one item; whatever the verifier raises becomes an outcome."""
    try:
        response, problem, finish_reason = json.loads(line)
        return judge(response, Problem.model_construct(**problem), finish_reason).model_dump()
    except MemoryError:
        return {"outcome": "out_of_memory", "decided_by": "MemoryError"}
    except Exception as error:  # noqa: BLE001 - the isolation point: a verifier's failure is an outcome of its item
        return {"outcome": "crashed", "decided_by": type(error).__name__}


def send(answers: int, message: dict[str, Any]) -> None:
    """Write one line, all of it."""
    line = memoryview(json.dumps(message | {"cpu": time.process_time()}).encode() + b"\n")
    while line:
        line = line[os.write(answers, line) :]


def load(verifier: str) -> Judge:
    """Import `module:function`, and warm its module up."""
    module_name, _, function = verifier.partition(":")
    module = importlib.import_module(module_name)
    getattr(module, "warm_up", lambda: None)()
    return getattr(module, function)


def limit_memory(mib: int) -> None:
    """Limit the address space to what is in use now plus `mib`: libraries do not count, answers do. Linux only."""
    if sys.platform != "linux":
        return
    import resource

    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[0])
    limit = pages * resource.getpagesize() + mib * 2**20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


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
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
