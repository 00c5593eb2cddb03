"""Sampling from servers that lie, stall, die and come back: finished samples lost 0, doubled 0."""

import asyncio
import importlib.util
import json
import os
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from aiohttp import web
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.sampling.openai_server import OpenaiTeacher, open_openai
from cotkit.pipelines.sampling.teacher import Completion, Request
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import SampleConfig

SPEC = importlib.util.spec_from_file_location("loopback", Path(__file__).with_name("loopback.py"))
assert SPEC
assert SPEC.loader
loopback = importlib.util.module_from_spec(SPEC)
sys.modules["loopback"] = loopback
SPEC.loader.exec_module(loopback)
Loopback = loopback.Loopback

NO_PROBLEMS = pl.DataFrame(schema=Problem.polars_schema())
KEY = "sk-secret-of-the-test"
PROBLEMS = 10


def run(session: Coroutine[Any, Any, None]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(60):
            await session

    asyncio.run(limited())


async def draw(teacher: OpenaiTeacher, count: int, in_flight: int = 32) -> list[Completion]:
    left = iter(range(count))

    async def worker() -> list[Completion]:
        return [
            await teacher.generate(Request("p", index, [{"role": "user", "content": "1 + 1?"}], {"max_tokens": 9}, index)) for index in left
        ]

    return [completion for some in await asyncio.gather(*(worker() for _ in range(in_flight))) for completion in some]


def teacher_of(*servers: Any, **settings: Any):
    urls = ",".join(server.url for server in servers)
    return open_openai(SampleConfig(teacher=f"openai:{urls}#m", **settings), NO_PROBLEMS)


async def command(tmp_path: Path, *words: str, **environment: str) -> asyncio.subprocess.Process:
    """Start `cotkit sample` on ten problems, into the folder `run`."""
    problems = tmp_path / "problems.jsonl"
    problems.write_text("".join(json.dumps({"problem": f"What is {i} + {i}?", "answer": str(2 * i)}) + "\n" for i in range(PROBLEMS)))
    pipe = asyncio.subprocess.PIPE
    arguments = ["-m", "cotkit", "sample", str(problems), "-o", str(tmp_path / "run"), *words]
    return await asyncio.create_subprocess_exec(sys.executable, *arguments, stdout=pipe, stderr=pipe, env=os.environ | environment)


async def told(child: asyncio.subprocess.Process) -> str:
    stdout, stderr = await child.communicate()
    return (stdout + stderr).decode()


def all_ids(run: RunFolder) -> list[str]:
    """Give the ids of all samples, sealed and live: a live row that is sealed too is not a double."""
    sealed = run.scan("samples").select("sample_id").collect()["sample_id"].to_list()
    return sealed + [key for key in run.live_sample_ids() if key not in set(sealed)]


def solved(body: dict[str, Any]) -> str:
    return f"\\boxed{{{2 * int(body['messages'][-1]['content'].split()[2])}}}"


def test_each_fault_passes_and_no_sample_is_lost_or_doubled(tmp_path: Path) -> None:
    faults: list[Callable[[web.Request], Any]] = [
        lambda _: web.Response(status=429, headers={"Retry-After": "0.2"}),
        lambda _: web.Response(status=500, text="internal error"),
        lambda request: loopback.reset(request, b'{"choices": [{"message": {"content": "It i'),
        lambda request: loopback.reset(request),
        lambda _: web.Response(text='{"choices": [{"message": {"content": "It i', content_type="application/json"),
        lambda _: web.json_response({"choices": []}),
        lambda _: web.Response(text="<html>bad gateway</html>", status=502),
    ]

    async def behave(server: Any, request: web.Request, body: dict) -> web.StreamResponse:
        place = body["seed"] % (len(faults) + 2)
        if place < len(faults) and server.attempts[loopback.key(body)] == 1:
            response = faults[place](request)
            return await response if asyncio.iscoroutine(response) else response
        text = solved(body)
        if place == len(faults):  # n was not asked for
            return web.json_response({"choices": [{"message": {"content": text}, "finish_reason": "stop"}] * 3})
        return loopback.chat(text, "length" if place == len(faults) + 1 else "stop")

    async def session() -> None:
        async with Loopback(behave) as server:
            child = await command(tmp_path, "--teacher", f"openai:{server.url}#m", "-n", "16", "--concurrency", "40")
            said = await told(child)
            assert child.returncode == 0, said
            assert len(server.attempts) == 160
            assert sum(server.attempts.values()) > 240  # faults did happen

    run(session())
    folder = RunFolder.open(tmp_path / "run")
    assert len(all_ids(folder)) == len(set(all_ids(folder))) == 160
    rows = folder.scan("samples").collect().join(folder.scan("verdicts").collect(), on="sample_id")
    cut = rows.filter(finish_reason="length")
    assert 0 < cut.height < 40
    assert set(rows["outcome"]) <= {"correct", "truncated"}
    assert rows.filter(finish_reason="stop")["outcome"].unique().to_list() == ["correct"]


def test_a_hang_ends_after_the_time_limit_and_the_request_is_sent_again() -> None:
    async def behave(server: Any, _request: web.Request, body: dict) -> web.StreamResponse:
        if server.attempts[loopback.key(body)] == 1 and body["seed"] % 4 == 0:
            await asyncio.sleep(60)
        return loopback.chat()

    async def session() -> None:
        async with Loopback(behave) as server, teacher_of(server, timeout_seconds=0.4, retries=1) as teacher:
            assert len(await draw(teacher, 32)) == 32
            assert sum(server.attempts.values()) == 40
            assert server.given_up == 8

    run(session())


def test_a_server_that_dies_and_returns_loses_nothing() -> None:
    async def behave(_server: Any, _request: web.Request, _body: dict) -> web.StreamResponse:
        await asyncio.sleep(0.02)
        return loopback.chat()

    async def session() -> None:
        async with Loopback(behave) as server, teacher_of(server, retries=1) as teacher:
            drawing = asyncio.create_task(draw(teacher, 1000))
            await asyncio.sleep(0.2)
            await server.die()
            answered = sum(server.answered.values())
            await asyncio.sleep(2)
            assert not drawing.done()
            assert teacher.engine_facts() == {"servers": "0 of 1"}
            await server.start()
            assert len(await drawing) == 1000
            assert 0 < answered < 1000
            assert max(server.attempts.values()) <= 2

    run(session())


@pytest.mark.alone
def test_of_three_servers_two_may_be_down_and_what_they_had_goes_to_the_third() -> None:
    async def behave(_server: Any, _request: web.Request, _body: dict) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        return loopback.chat()

    async def session() -> None:
        async with Loopback(behave) as good, Loopback(behave) as mortal, Loopback(behave) as late:
            await late.die()
            async with teacher_of(good, mortal, late, retries=0) as teacher:
                assert teacher.engine_facts() == {"servers": "2 of 3"}
                drawing = asyncio.create_task(draw(teacher, 1500))
                await asyncio.sleep(0.2)
                await mortal.die()
                await late.start()
                assert len(await drawing) == 1500
                assert teacher.engine_facts() == {"servers": "2 of 3"}
            assert min(sum(server.answered.values()) for server in (good, mortal, late)) > 20

    run(session())


def test_servers_of_different_models_are_an_error_but_one_that_is_down_is_not() -> None:
    async def session() -> None:
        async with Loopback(models=["m"]) as one, Loopback(models=["x"]) as other:
            with pytest.raises(CotkitError, match="does not serve 'm'"):
                async with teacher_of(one, other):
                    pass
            with pytest.raises(CotkitError, match="no model named"):
                async with open_openai(SampleConfig(teacher=f"openai:{one.url},{other.url}"), NO_PROBLEMS):
                    pass
            await other.die()
            async with teacher_of(one, other) as teacher, teacher_of(one) as alone:
                assert teacher.fingerprint == alone.fingerprint
                await other.start()  # it comes up, with another model
                await asyncio.sleep(1)
                assert teacher.engine_facts() == {"servers": "1 of 2"}
                assert len(await draw(teacher, 10)) == 10
            assert sum(other.attempts.values()) == 0
            await one.die()
            await other.die()
            with pytest.raises(CotkitError, match="no server answers") as caught:
                async with teacher_of(one, other):
                    pass
            assert one.url in caught.value.message
            assert other.url in caught.value.message

    run(session())


def test_a_cancelled_request_is_aborted_at_the_server() -> None:
    async def behave(_server: Any, _request: web.Request, _body: dict) -> web.StreamResponse:
        await asyncio.sleep(60)
        return loopback.chat()

    async def session() -> None:
        async with Loopback(behave) as server, teacher_of(server) as teacher:
            drawing = asyncio.create_task(draw(teacher, 8, in_flight=8))
            while server.in_flight < 8:
                await asyncio.sleep(0.01)
            drawing.cancel()
            await asyncio.gather(drawing, return_exceptions=True)
            for _ in range(200):
                if server.in_flight:
                    await asyncio.sleep(0.01)
            assert (server.in_flight, server.given_up) == (0, 8)

    run(session())


def test_a_wrong_key_fails_at_once_and_is_written_nowhere(tmp_path: Path) -> None:
    async def behave(_server: Any, request: web.Request, _body: dict) -> web.StreamResponse:
        return web.Response(status=401, text=f"Incorrect API key provided: {request.headers['Authorization']}")

    async def session() -> None:
        async with Loopback(behave) as server:
            child = await command(tmp_path, "--teacher", f"openai:{server.url}#m", "-n", "4", OPENAI_API_KEY=KEY)
            said = await told(child)
            assert child.returncode == 1
            assert "HTTP 401" in said
            assert "hint: set OPENAI_API_KEY" in said
            assert "Traceback" not in said
            assert KEY not in said
            assert max(server.attempts.values()) == 1

    run(session())
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if KEY.encode() in path.read_bytes()]


def test_a_poison_prompt_becomes_recorded_outcomes_and_the_others_are_drawn(tmp_path: Path) -> None:
    async def behave(_server: Any, _request: web.Request, body: dict) -> web.StreamResponse:
        await asyncio.sleep(0.02)
        if "What is 0" in body["messages"][-1]["content"]:
            return web.json_response({"error": {"message": "This model's maximum context length is 9 tokens."}}, status=400)
        return loopback.chat(solved(body))

    async def session() -> None:
        async with Loopback(behave) as server:
            child = await command(tmp_path, "--teacher", f"openai:{server.url}#m", "-n", "4", "--concurrency", "8")
            said = await told(child)
            assert child.returncode == 0, said
            assert sum(server.attempts.values()) == 40

    run(session())
    folder = RunFolder.open(tmp_path / "run")
    rows = folder.scan("samples").collect().join(folder.scan("verdicts").collect(), on="sample_id")
    poisoned = rows.filter(pl.col("error").is_not_null())
    assert (rows.height, poisoned.height, poisoned["problem_id"].n_unique()) == (40, 4, 1)
    assert poisoned["error"].str.contains("maximum context length").all()
    assert set(poisoned["finish_reason"]) == {"error"}
    assert rows["outcome"].value_counts(sort=True).rows() == [("correct", 36), ("no_answer", 4)]


def test_256_in_flight_at_kill_9_lose_and_double_no_finished_sample(tmp_path: Path) -> None:
    before, holding = 100, True

    async def behave(server: Any, _request: web.Request, body: dict) -> web.StreamResponse:
        if holding and sum(server.attempts.values()) > before:
            await asyncio.sleep(60)
        return loopback.chat(solved(body))

    async def session() -> None:
        nonlocal holding
        async with Loopback(behave) as server:
            words = ["--teacher", f"openai:{server.url}#m", "-n", "40", "--concurrency", "256"]
            child = await command(tmp_path, *words)
            while server.in_flight < 256:
                await asyncio.sleep(0.02)
            folder = RunFolder.open(tmp_path / "run")
            while len(folder.live_sample_ids()) < before:
                await asyncio.sleep(0.05)
            child.kill()
            await child.wait()
            finished, answered = set(all_ids(folder)), dict(server.answered)
            assert len(finished) == len(answered) == before
            holding = False
            child = await command(tmp_path, *words)
            said = await told(child)
            assert child.returncode == 0, said
            assert f"400 of 400 samples ({400 - before} new" in said
            assert all(server.attempts[key] == 1 for key in answered)  # paid for once
            ids = all_ids(folder)
            assert len(ids) == len(set(ids)) == 400
            assert finished < set(ids)

    run(session())


def test_the_context_is_that_of_the_model_asked_for_and_the_smallest_of_the_servers() -> None:
    async def session() -> int | None:
        async with Loopback(models=["m", "n"]) as large, Loopback(models=["m"]) as small, Loopback(models=["m"]) as silent:
            large.listed = {"m": {"max_model_len": 4096}, "n": {"max_model_len": 512}}
            small.listed = {"m": {"max_model_len": 2048}}
            teacher = f"openai:{large.url},{small.url},{silent.url}#m"
            async with open_openai(SampleConfig(teacher=teacher), NO_PROBLEMS) as found:
                return found.context

    assert asyncio.run(session()) == 2048
