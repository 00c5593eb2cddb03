"""Start vLLM's asynchronous engine for the `vllm` teacher, and see to it that it ends with the run.

- Engine arguments are checked against the installed vLLM's own list before anything is loaded.
- Its processes are spawned, not forked (a fork would hold the run's lock and ledger), with SIGINT blocked: Ctrl-C is for the
  run, which aborts its requests and then ends the engine in order.
- What they print goes to a log file, never to stdout; its last lines are shown when the engine fails.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import dataclasses
import difflib
import gc
import logging
import multiprocessing
import os
import re
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from ...schemas.errors import CotkitError

GUARD = "cotkit.pipelines.sampling.engine_guard"
OLDEST = (0, 25, 1)
STREAM_INTERVAL = 16
"""Tokens handed over at a time: loops are looked for every 64, and every hand-over costs this process CPU time."""
SHOWN_LINES = 5
_STDERRS: list[IO[str]] = []
"""Never closed: a logger that was set up while the engine started writes to one of them for good."""
INSTALL = "pip install 'cotkit[vllm]' (needs a GPU; the README says how on the CPU), or use a server: --teacher openai:URL#MODEL"
ERROR_LINE = re.compile(r"\b[A-Za-z_.]*(?:Error|Exception)\b: .+")
HINTS = {
    r"out of memory|OutOfMemory|Free memory on device": (
        "free the GPU, lower engine.gpu_memory_utilization, or spread the model over more GPUs with engine.tensor_parallel_size"
    ),
    r"KV cache|max seq len|max_model_len": (
        "lower engine.max_model_len, or give the cache more room: engine.gpu_memory_utilization, on the CPU VLLM_CPU_KVCACHE_SPACE (GB)"
    ),
    r"[Rr]epo id|Repository|not a valid model|not a local folder|gated|offline|connect|Can't load|no file named": (
        "check the model's name (a folder or a Hub id), the network and, for a gated model, HF_TOKEN"
    ),
    r"[Ww]orld.?size|device ordinal|number of.+GPU": (
        "engine.tensor_parallel_size × engine.data_parallel_size must not exceed the number of GPUs"
    ),
}
"""What the first error's text tells, and what to do about it."""


def require_vllm() -> None:
    """Raise CotkitError unless a vLLM that is new enough can be imported."""
    # before the import: it sets its logging up while it is imported
    os.environ.setdefault("VLLM_WORKER_MULTIPROC_METHOD", "spawn")
    try:
        vllm = import_module("vllm")
        import_module("vllm.v1.engine.async_llm")
    except ImportError as error:
        absent = isinstance(error, ModuleNotFoundError) and (error.name or "").split(".")[0] == "vllm"
        raise CotkitError("vLLM is not installed" if absent else f"vLLM cannot be imported: {error}", INSTALL) from error
    release = tuple(int(number) for number in re.findall(r"\d+", vllm.__version__)[:3])
    if release < OLDEST and any(release) and "dev" not in vllm.__version__:  # builds from source may call themselves 0.0.0 or 0.1.dev
        raise CotkitError(f"vLLM {vllm.__version__} is too old", f"install {'.'.join(map(str, OLDEST))} or newer: {INSTALL}")


def on_cpu() -> bool:
    """Tell whether this is vLLM's CPU build."""
    return import_module("vllm.platforms").current_platform.is_cpu()


def engine_arguments(model: str, given: dict[str, Any]) -> Any:
    """Make vLLM's `AsyncEngineArgs`; raises CotkitError naming the nearest argument when one is unknown."""
    make = import_module("vllm.engine.arg_utils").AsyncEngineArgs
    known = {field.name for field in dataclasses.fields(make)} - {"model"}
    given = {name.replace("-", "_"): value for name, value in given.items()}
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = (
                f"did you mean {near[0]!r}?" if near else "any argument of `vllm serve` will do; the model stands in --teacher vllm:MODEL"
            )
            raise CotkitError(f"engine.{name}: vLLM has no such engine argument", hint)
    chosen: dict[str, Any] = {"stream_interval": STREAM_INTERVAL, "disable_log_stats": True}
    if on_cpu():
        # requests have no seeds of their own there, and a resumed run must not draw the first one's samples again
        chosen["seed"] = secrets.randbits(31)
    try:
        return make(model=model, **{name: value for name, value in (chosen | given).items() if name in known})
    except (TypeError, ValueError) as error:
        raise CotkitError(f"vLLM does not take these engine arguments: {_first_line(error)}", "mend [sample.engine]") from error


class EngineLog:
    """The file that takes what vLLM prints."""

    def __init__(self) -> None:
        handle, name = tempfile.mkstemp(prefix="cotkit-vllm-", suffix=".log")
        self.path = Path(name)
        self.file = os.fdopen(handle, "a", encoding="utf-8", errors="replace", buffering=1)
        self._read = 0

    def last_lines(self) -> str:
        """Give the last lines that say something."""
        lines = [line for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
        return "\n".join(f"  {line[:300]}" for line in lines[-SHOWN_LINES:])

    def first_error(self) -> str:
        """Give the first error that it names since the engine ran, or in all: the later ones follow from it."""
        found = ERROR_LINE.search(self.path.read_bytes()[self._read :].decode("utf-8", "replace"))
        return found[0][:500] if found else ""

    def engine_runs(self) -> None:
        """Remember that what it says so far broke nothing."""
        self._read = self.path.stat().st_size

    def take_over_logging(self) -> None:
        """Send what this process logs for vLLM to the file."""
        for handler in logging.getLogger("vllm").handlers:
            if type(handler) is logging.StreamHandler:  # not its subclasses: a test runner's handler reads its own stream
                handler.setStream(self.file)

    def failure(self, what: str, cause: str) -> CotkitError:
        """Make the error that says what broke, with the last lines of the log and, where the cause is known, a hint."""
        self.file.flush()
        hints = (hint for pattern, hint in HINTS.items() if re.search(pattern, cause))
        return CotkitError(f"{what}: {cause}\n{self.last_lines()}".rstrip(), f"{next(hints, 'its log says more')}; log: {self.path}")

    def remove(self) -> None:
        """Delete the file: all went well. It stays open, as vLLM's loggers hold it for good."""
        self.path.unlink(missing_ok=True)


@asynccontextmanager
async def running_engine(make: Callable[[], Any], log: EngineLog, model: str) -> AsyncIterator[Any]:
    """Run the engine that `make` starts, in a thread, so that Ctrl-C is heard during the minutes it takes; raises CotkitError."""
    before = set(multiprocessing.active_children())
    guard = subprocess.Popen([sys.executable, "-m", GUARD], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, start_new_session=True)
    assert guard.stdin
    engine = None
    log.take_over_logging()
    try:
        with _output_of_children_to(log):
            engine = await _started(make, log, model, before, guard)
        log.engine_runs()
        log.take_over_logging()  # again: newer versions set their logging up once more
        yield engine
    finally:
        if engine is not None:
            engine.shutdown()
            engine = None
            # its destructor fails when it runs after vLLM's modules are gone, and cycles keep it until then
            atexit.register(gc.collect)
        with contextlib.suppress(BrokenPipeError):
            guard.stdin.close()
        guard.wait()


async def _started(make: Callable[[], Any], log: EngineLog, model: str, before: set[Any], guard: subprocess.Popen[bytes]) -> Any:
    starting = asyncio.create_task(asyncio.to_thread(_with_interrupts_blocked, make))
    guarded: set[int] = set()
    try:
        while not starting.done():
            await asyncio.wait({starting}, timeout=0.2)
            _guard_new(before, guarded, guard)
        return starting.result()
    except asyncio.CancelledError:
        while not starting.done():
            for child in set(multiprocessing.active_children()) - before:
                child.kill()
            await asyncio.wait({starting}, timeout=0.2)
        if not starting.exception():
            starting.result().shutdown()
        raise
    except Exception as error:
        failed_elsewhere = "See root cause above" in str(error) or "initialization failed" in str(error)
        raise log.failure(f"{model}: vLLM did not start", (failed_elsewhere and log.first_error()) or _first_line(error)) from error


def _guard_new(before: set[Any], guarded: set[int], guard: subprocess.Popen[bytes]) -> None:
    assert guard.stdin
    new = {child.pid for child in set(multiprocessing.active_children()) - before if child.pid} - guarded
    guarded |= new
    for pid in new:
        guard.stdin.write(f"{pid}\n".encode())
    guard.stdin.flush()


def _with_interrupts_blocked(make: Callable[[], Any]) -> Any:
    """Start processes that never see Ctrl-C: a blocked signal stays blocked in children and their children."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return make()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def _output_of_children_to(log: EngineLog) -> Iterator[None]:
    """Have children that are started meanwhile print to the log; this process goes on to say what it says on its own stderr."""
    sys.stdout.flush()
    sys.stderr.flush()
    saved, stderr = (os.dup(1), os.dup(2)), sys.stderr
    own = os.fdopen(os.dup(2), "w", encoding="utf-8", errors="replace", buffering=1)
    _STDERRS.append(own)
    os.dup2(log.file.fileno(), 1)
    os.dup2(log.file.fileno(), 2)
    if _writes_to(stderr, 2):
        sys.stderr = own
    try:
        yield
    finally:
        sys.stdout.flush()
        if sys.stderr is own:
            sys.stderr = stderr
        for place, kept in zip((1, 2), saved, strict=True):
            os.dup2(kept, place)
            os.close(kept)


def _writes_to(stream: Any, descriptor: int) -> bool:
    try:
        return stream.fileno() == descriptor
    except (OSError, ValueError, AttributeError):
        return False


def _first_line(error: BaseException) -> str:
    """Give an error's type and first lines; pydantic's name their field on the second."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {' '.join(lines[:3])[:500]}"
