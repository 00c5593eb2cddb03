"""A child process that ends an engine's processes when the run that started them is gone, also after `kill -9`.

    python -m cotkit.pipelines.sampling.engine_guard        (process ids on stdin, one a line)

vLLM's engine processes outlive a parent that was killed and keep the GPU's memory, so that the resumed run could not start. When
stdin reaches EOF or the parent is gone, what is left of the processes is killed; after an orderly end nothing is left.
A process id that was given to another process meanwhile is told by its start time. Not covered: Windows; engines on other machines.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from pathlib import Path

PARENT_CHECK_SECONDS = 1.0


def start_time(pid: int) -> str | None:
    """Give the kernel's start time of a process; None when there is none such, "" where the kernel does not tell."""
    if not Path("/proc/self/stat").exists():
        return ""
    try:
        # the second field is the program's name in brackets, and may hold blanks and brackets
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return None


def main() -> None:
    """Collect process ids until the parent leaves, then kill what is left of them."""
    parent = os.getppid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    guarded: dict[int, str | None] = {}
    pending = b""
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], PARENT_CHECK_SECONDS)
        if not readable:
            continue
        chunk = os.read(0, 4096)
        if not chunk:
            break
        *lines, pending = (pending + chunk).split(b"\n")
        guarded |= {int(line): start_time(int(line)) for line in lines}
    for pid, started in guarded.items():
        if started is not None and start_time(pid) == started:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
