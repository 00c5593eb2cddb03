"""What sampling with cotkit costs over the bare engine, and what draining the engine between batches costs; A/B in one engine.

    .venv-vllm/bin/python tests/bench/vllm_overhead.py MODEL [--rounds 3] [--problems 16] [--samples 8] [--seqs 32] [--batch 4]

Three ways to do the same requests, in turn, on one engine whose prefix cache is emptied before each:

    cotkit    `sample_run` on a new run folder: scheduler, vllm teacher, ledger, verifier pool, sealing
    bare      all requests given to `AsyncLLM.generate` at once, their texts thrown away
    drained   the same in batches of problems, each waited for, as tools do that call `LLM.generate` batch by batch

Every response has a length of its own, drawn with a heavy tail from the request and the same for all three (`ignore_eos`, `min_tokens` =
`max_tokens`), so the tokens are equal to the last one; that is checked. Ratios are of output tokens per second, the median of the rounds.
"""

import argparse
import asyncio
import dataclasses
import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.sampling import teacher as teachers
from cotkit.pipelines.sampling.scheduler import sample_run
from cotkit.pipelines.sampling.teacher import Completion, Request
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, SampleConfig

MEDIAN, SIGMA, LONGEST = 40, 1.0, 512
"""Tokens of a response: log-normal, cut off; its mean is 1.6 medians, and one in a hundred is ten times the median."""


def length(request: Request) -> int:
    dice = random.Random(f"{request.problem_id}{request.index}")
    return max(1, min(LONGEST, round(MEDIAN * math.exp(SIGMA * dice.gauss(0, 1)))))


def sized(request: Request) -> Request:
    tokens = length(request)
    return dataclasses.replace(request, parameters=request.parameters | {"min_tokens": tokens, "max_tokens": tokens, "ignore_eos": True})


class Sized:
    """The vllm teacher, asked for responses of fixed lengths; keeps the requests, for the other two ways to repeat."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.name, self.fingerprint = inner, inner.name, inner.fingerprint
        self.at_once = inner.at_once
        self.requests: list[Request] = []
        self.tokens = 0

    async def generate(self, request: Request) -> Completion:
        request = sized(request)
        self.requests.append(request)
        completion = await self.inner.generate(request)
        self.tokens += completion.completion_tokens or 0
        return completion

    def engine_facts(self) -> dict[str, str]:
        return self.inner.engine_facts()


OPENED: list[Sized] = []


@asynccontextmanager
async def open_sized(_config: SampleConfig, _problems: pl.DataFrame) -> AsyncIterator[Sized]:
    yield OPENED[-1]


async def one(sized: Sized, request: Request) -> int:
    """Have the bare engine do a request; its answer is handed over once, at the end."""
    kind = import_module("vllm.sampling_params").RequestOutputKind.FINAL_ONLY
    teacher = sized.inner
    parameters = teacher.sampling_parameters(request)
    parameters.output_kind = kind
    prompt = {"type": "token", "prompt_token_ids": teacher._prompts.render(request.messages).token_ids}
    async for output in teacher._engine.generate(prompt, parameters, f"bare-{request.problem_id}-{request.index}"):
        tokens = len(output.outputs[0].token_ids)
    return tokens


async def bare(sized: Sized, requests: list[Request]) -> int:
    return sum(await asyncio.gather(*(one(sized, request) for request in requests)))


async def drained(sized: Sized, requests: list[Request], batch: int) -> int:
    return sum([await bare(sized, requests[at : at + batch]) for at in range(0, len(requests), batch)])


def problems(number: int) -> pl.DataFrame:
    sums = [(17 + place, 5 * place + 3) for place in range(number)]
    rows = [Problem.make(f"What is {left} + {right}?", str(left + right), "number", source="bench") for left, right in sums]
    return pl.DataFrame([row.model_dump() for row in rows], schema=Problem.polars_schema())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("model")
    for name, default in (("rounds", 3), ("problems", 16), ("samples", 8), ("seqs", 32), ("batch", 4)):
        options.add_argument(f"--{name}", type=int, default=default)
    given = options.parse_args()
    engine = {"enforce_eager": True, "max_model_len": 1024, "max_num_seqs": given.seqs}
    config = SampleConfig(teacher=f"vllm:{given.model}", n=given.samples, top_p=1.0, engine=engine)
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "1")
    teachers.TEACHERS["sized"] = (__name__, "open_sized")
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as folder:
        asyncio.run = runner.run  # type: ignore[assignment] # sample_run's loop must be the one that the engine lives in
        opening = teachers.open_teacher(config, problems(given.problems))
        inner = runner.run(opening.__aenter__())
        seconds: dict[str, list[float]] = {"cotkit": [], "bare": [], "drained": []}

        def timed(name: str, number: int) -> int:
            runner.run(inner._engine.reset_prefix_cache())
            started = time.perf_counter()
            tokens = ways[name](number)
            seconds[name].append(time.perf_counter() - started)
            print(f"{name:8} {tokens} tokens in {seconds[name][-1]:.1f} s: {tokens / seconds[name][-1]:.0f} tokens/s", flush=True)
            return tokens

        def with_cotkit(number: int, asked: int = given.problems) -> int:
            OPENED.append(Sized(inner))
            recipe = Recipe(sample=config.model_copy(update={"teacher": "sized:"}))
            run = RunFolder.create(Path(folder) / f"run{number}", recipe, problems(asked))
            assert sample_run(run).done == asked * given.samples
            return OPENED[-1].tokens

        def requests() -> list[Request]:
            return sorted(OPENED[-1].requests, key=lambda request: (request.problem_id, request.index))

        with_cotkit(-1, 2)  # warms up
        batch = given.batch * given.samples
        ways: dict[str, Callable[[int], int]] = {
            "cotkit": with_cotkit,
            "bare": lambda number: runner.run(bare(OPENED[-1], requests())),
            "drained": lambda number: runner.run(drained(OPENED[-1], requests(), batch)),
        }
        for number in range(given.rounds):
            order = list(ways) if number % 2 == 0 else list(reversed(ways))
            drawn = {name: timed(name, number) for name in order}
            assert len(set(drawn.values())) == 1, drawn
        runner.run(opening.__aexit__(None, None, None))
    middle = {name: statistics.median(seconds[name]) for name in ways}
    print(f"cotkit / bare    {middle['bare'] / middle['cotkit']:.3f}")
    print(f"cotkit / drained {middle['drained'] / middle['cotkit']:.3f}")


if __name__ == "__main__":
    main()
