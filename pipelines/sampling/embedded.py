"""The embedded teacher: a small real model on the CPU, served by llama.cpp in a child process.

`embedded`, the default model, or `embedded:PATH.gguf`, `embedded:hf:OWNER/REPO/FILE.gguf`. The child dies with its parent,
also when that is killed: it ends when its standard input does.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ...schemas.errors import CotkitError
from ...schemas.recipe import SampleConfig
from ...schemas.record import content_hash
from .openai_server import OpenaiTeacher, open_openai
from .weights import checked_weights

if TYPE_CHECKING:
    import polars as pl

SERVER = "cotkit.pipelines.sampling.embedded_server"
START_SECONDS = 120


class EngineConfig(BaseModel):
    """Settings of the embedded engine, `[sample.engine]` in a recipe."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    threads: int = 0
    """Threads; 0 takes one per core that is not busy."""
    slots: int = 8
    """Requests served at once."""
    context: int = 1024
    """Tokens of one request, prompt and response."""


@asynccontextmanager
async def open_embedded(config: SampleConfig, problems: pl.DataFrame) -> AsyncIterator[OpenaiTeacher]:
    """Start the server and open it like any other; raises CotkitError when the engine or the weights are not there."""
    try:
        engine = EngineConfig.model_validate(config.engine)
    except ValidationError as error:
        first = error.errors()[0]
        raise CotkitError(f"engine.{first['loc'][0]}: {first['msg']}", f"known: {', '.join(EngineConfig.model_fields)}") from None
    weights, digest = checked_weights(config.teacher.partition(":")[2] or None)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(_server(weights, engine))
        served = config.model_copy(update={"teacher": f"openai:{url}/v1"})
        teacher = await stack.enter_async_context(open_openai(served, problems))
        teacher.name = config.teacher
        teacher.fingerprint = content_hash("embedded", digest, config.api)
        yield teacher


@asynccontextmanager
async def _server(weights: Path, engine: EngineConfig) -> AsyncIterator[str]:
    options: dict[str, Any] = {"slots": engine.slots, "context": engine.context, "threads": engine.threads or _free_threads()}
    arguments = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", SERVER, str(weights), *arguments, stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    assert child.stdin
    assert child.stdout
    assert child.stderr
    errors = asyncio.create_task(_tail(child.stderr))
    try:
        try:
            address = (await asyncio.wait_for(child.stdout.readline(), START_SECONDS)).decode().strip()
        except TimeoutError:
            raise CotkitError(f"{weights}: the embedded engine did not start in {START_SECONDS} s", "stop other heavy programs") from None
        if not address:
            said = (await errors).decode("utf-8", "replace").strip().splitlines()
            hint = "pip install 'cotkit[embedded]'" if any("xllamacpp" in line for line in said) else "check the GGUF file"
            reason = next((line for line in reversed(said) if line.startswith("error: ")), said[-1] if said else "it said nothing")
            raise CotkitError(f"{weights}: the embedded engine did not start: {reason.removeprefix('error: ')}", hint)
        yield address
    finally:
        child.stdin.close()
        try:
            await asyncio.wait_for(child.wait(), 5)
        except TimeoutError:
            child.kill()
            await child.wait()
        errors.cancel()


async def _tail(stream: asyncio.StreamReader) -> bytes:
    """Read a stream to its end, keeping the last of it: a pipe nobody reads would stop the child."""
    kept = b""
    while chunk := await stream.read(65536):
        kept = (kept + chunk)[-4096:]
    return kept


def _free_threads() -> int:
    """Count the cores that are idle, at least one: two spinning threads on one free core are slower than one."""
    cores = len(os.sched_getaffinity(0))
    return max(1, min(cores, round(cores - os.getloadavg()[0])))
