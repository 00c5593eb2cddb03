"""A child process that serves one GGUF file with llama.cpp, OpenAI-compatible, on loopback, for the `embedded` teacher.

    python -m cotkit.pipelines.sampling.embedded_server MODEL.gguf --slots 8 --context 512 --threads 2

It writes one line to stdout when it is ready, the address (`http://127.0.0.1:40513`), and nothing else; everything native goes to stderr.
It exits with status 0 when its stdin reaches EOF or its parent is gone, so that it dies with a parent that was killed with `kill -9`, and
with status 1 after a line `error: …` on stderr when it cannot serve the model.

A process of its own, because a crash in native code must not take the run with it, and because llama.cpp writes to file descriptor 1.
Not covered: Windows (`select` cannot watch a pipe there); a GPU (the layers stay on the CPU).
"""

from __future__ import annotations

import argparse
import importlib
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

PARENT_CHECK_SECONDS = 1.0
LOG_ERRORS_ONLY = 1
"""llama.cpp's verbosity: 0 output, 1 errors, 2 warnings, 3 (its default) information with timings per request."""


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Parse the command line; a wrong one exits with status 2."""
    parser = argparse.ArgumentParser(
        prog="python -m cotkit.pipelines.sampling.embedded_server", description="Serve a GGUF file on loopback."
    )
    parser.add_argument("model", type=Path, help="a .gguf file")
    parser.add_argument("--slots", type=_positive, default=8, help="requests decoded together (default: %(default)s)")
    parser.add_argument("--context", type=_positive, default=512, help="tokens per slot, prompt and completion (default: %(default)s)")
    parser.add_argument("--threads", type=_positive, default=1, help="CPU threads (default: %(default)s)")
    return parser.parse_args(arguments)


def server_parameters(model: Path, slots: int, context: int, threads: int) -> Any:
    """Make xllamacpp's `CommonParams` for a quiet CPU server with `slots` × `context` tokens of context."""
    parameters = importlib.import_module("xllamacpp").CommonParams()
    parameters.model.path = str(model)
    parameters.n_parallel = slots
    parameters.n_ctx = slots * context
    parameters.n_gpu_layers = 0
    parameters.fit_params = False  # It loads the model a second time, and may change the context that was asked for.
    parameters.cache_ram_mib = 0  # The default keeps up to 8 GiB of old prompts, which no sample asks for again.
    parameters.ui = False
    parameters.verbosity = LOG_ERRORS_ONLY
    for cpu in (parameters.cpuparams, parameters.cpuparams_batch):
        cpu.n_threads = threads
        cpu.poll = 0  # The default spins while it waits, and collapses when the cores have other work.
    return parameters


def start_server(model: Path, slots: int, context: int, threads: int) -> Any:
    """Load the model and start to listen; return xllamacpp's `Server`, which serves until the process ends."""
    if problem := _unservable(model):
        _fail(f"{model}: {problem}")
    try:
        xllamacpp = importlib.import_module("xllamacpp")  # Not `import`: it has no types that a checker could read.
    except ImportError as error:
        _fail(f"xllamacpp cannot be imported ({error}); install it with: pip install 'cotkit[embedded]'")
    try:
        return xllamacpp.Server(server_parameters(model, slots, context, threads))
    except RuntimeError as error:
        _fail(f"{model}: llama.cpp cannot load it: {error}")


def wait_for_parent_to_leave(parent: int) -> None:
    """Return once stdin reaches EOF or this process has another parent than `parent`.

    The parent is checked too, because a worker that it forked holds a copy of the pipe's other end and delays the EOF.
    """
    while os.getppid() == parent:
        readable, _, _ = select.select([0], [], [], PARENT_CHECK_SECONDS)
        if readable and not os.read(0, 4096):
            return


def main(arguments: list[str] | None = None) -> NoReturn:
    """Serve until the parent leaves."""
    parent = os.getppid()
    options = parse_arguments(arguments)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole process group; the parent still wants its last completions.
    stdout = os.dup(1)
    os.dup2(2, 1)  # Before xllamacpp is imported: native code keeps the descriptor it finds.
    server = start_server(options.model, options.slots, options.context, options.threads)
    try:
        os.write(stdout, f"{server.listening_address}\n".encode())
        wait_for_parent_to_leave(parent)
    except BrokenPipeError:
        pass  # The parent left while the model was loading.
    os._exit(0)  # Not sys.exit: the native destructor would first wait for the requests in flight.


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def _unservable(model: Path) -> str:
    """Say in words why the file is no GGUF file, or return "" when it starts as one does."""
    try:
        with model.open("rb") as file:
            magic = file.read(4)
    except OSError as error:
        return error.strerror or str(error)
    return "" if magic == b"GGUF" else f"not a GGUF file: it starts with {magic!r} instead of b'GGUF'"


def _fail(message: str) -> NoReturn:
    sys.stderr.flush()
    stderr = os.dup(2)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # llama.cpp logs from a thread of its own: ours is the last line, and whole
    half_a_line = "\n" if "xllamacpp" in sys.modules else ""
    os.write(stderr, f"{half_a_line}error: {message}\n".encode())
    os._exit(1)


if __name__ == "__main__":
    main()
