"""The embedded teacher's server as a child process: the real program, and in the slow tests the real model."""

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cotkit.pipelines.sampling.weights import find_weights

PROGRAM = [sys.executable, "-m", "cotkit.pipelines.sampling.embedded_server"]
EXIT_SECONDS = 5
PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
address = child.stdout.readline()
if os.fork() == 0:  # As a pool of workers does: it holds a copy of the pipe to the child's stdin.
    time.sleep(10)
    os._exit(0)
print(address, end="", flush=True)
time.sleep(60)
"""


@pytest.fixture
def server() -> Iterator[subprocess.Popen[str]]:
    command = [*PROGRAM, str(find_weights(None)), "--slots", "2", "--context", "256", "--threads", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def complete(address: str) -> dict[str, Any]:
    """Ask for a short completion."""
    body = {"messages": [{"role": "user", "content": "What is 2 + 3?"}], "max_tokens": 8, "temperature": 0.7, "seed": 1}
    request = urllib.request.Request(f"{address}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def refuses_connections(address: str, within_seconds: float) -> bool:
    """Tell whether the server at `address` goes away in time."""
    deadline = time.monotonic() + within_seconds
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{address}/health", timeout=2).close()
        except (urllib.error.URLError, ConnectionError):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.slow
def test_it_prints_its_address_completes_and_exits_when_stdin_closes(server: subprocess.Popen[str]) -> None:
    assert server.stdin
    assert server.stdout
    address = server.stdout.readline().strip()
    assert address.startswith("http://127.0.0.1:")
    reply = complete(address)
    assert reply["choices"][0]["message"]["content"]
    assert 1 <= reply["usage"]["completion_tokens"] <= 8
    server.stdin.close()
    assert server.wait(EXIT_SECONDS) == 0
    assert server.stdout.read() == "", "the address must be the only line on stdout"


@pytest.mark.slow
def test_it_dies_with_a_killed_parent_although_a_fork_holds_its_stdin() -> None:
    command = [sys.executable, "-c", PARENT, *PROGRAM, str(find_weights(None)), "--slots", "1", "--context", "256"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        address = parent.stdout.readline().strip()
        assert complete(address)["choices"]
        parent.kill()
    assert refuses_connections(address, EXIT_SECONDS)


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file or directory"), (b"PK\x03\x04", "not a GGUF file"), (b"", "not a GGUF file")],
    ids=["absent", "another format", "empty"],
)
def test_a_model_that_cannot_be_read_is_one_line_and_exit_1(tmp_path: Path, content: bytes | None, message: str) -> None:
    model = tmp_path / "model.gguf"
    if content is not None:
        model.write_bytes(content)
    child = subprocess.run([*PROGRAM, str(model)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert (child.returncode, child.stdout) == (1, "")
    assert child.stderr.startswith(f"error: {model}: ")
    assert message in child.stderr
    assert child.stderr.count("\n") == 1


def test_a_torn_model_is_an_error_and_exit_1(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    model = tmp_path / "model.gguf"
    model.write_bytes(b"GGUF\x03\x00\x00\x00")
    child = subprocess.run([*PROGRAM, str(model)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert (child.returncode, child.stdout) == (1, "")
    assert child.stderr.splitlines()[-1].startswith(f"error: {model}: llama.cpp cannot load it")


@pytest.mark.parametrize("option", ["--slots", "--context", "--threads"])
def test_zero_is_a_usage_error(option: str) -> None:
    child = subprocess.run([*PROGRAM, "model.gguf", option, "0"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert child.returncode == 2
    assert "0 is not a positive number" in child.stderr
