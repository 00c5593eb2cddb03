"""The reward service over real HTTP on the loopback: what a trainer gets, and what nobody else does."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from cotkit.pipelines.reward_server import Service, application, check, is_loopback
from cotkit.schemas.errors import CotkitError

TOKEN = "a-token-of-the-test-that-is-long-enough"
HOSTILE = r"\boxed{9^{9^{9^{9^{9}}}}}"


def asked(talk: Callable[[aiohttp.ClientSession, str], Awaitable[Any]], **settings: Any) -> Any:
    async def session() -> Any:
        runner = web.AppRunner(application(Service(port=0, **settings)), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        try:
            async with aiohttp.ClientSession() as client:
                return await talk(client, f"http://127.0.0.1:{runner.addresses[0][1]}")
        finally:
            await runner.cleanup()

    return asyncio.run(session())


def posted(body: Any, path: str = "/reward", headers: dict[str, str] | None = None, **settings: Any) -> tuple[int, Any]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()

    async def talk(client: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
        async with client.post(url + path, data=data, headers=headers) as answer:
            return answer.status, await answer.json() if answer.content_type == "application/json" else await answer.text()

    return asked(talk, **settings)


def test_completions_are_rewarded_as_openrlhf_asks_and_expects() -> None:
    prompt = "<|im_start|>user\nWhat is 3 + 4?<|im_end|>\n<|im_start|>assistant\n<think>\n"
    label = json.dumps({"answer": "7", "kind": "math", "options": []})
    said = [r"3 + 4 is 7.</think>So \boxed{7}.<|im_end|>", r"Hm.</think>So \boxed{8}.", "Still thinking", r"</think>\boxed{\frac{14}{2}}"]
    status, answer = posted({"query": [prompt + text for text in said], "prompts": [prompt] * 4, "labels": [label] * 3 + ["7"]})
    assert status == 200
    assert answer == {"rewards": [1.0, 0.0, 0.0, 1.0], "scores": [1.0, 0.0, 0.0, 1.0], "extra_logs": {"judged": [1.0] * 4}}


def test_what_cannot_be_judged_is_marked_and_holds_up_no_other() -> None:
    started = time.monotonic()
    status, answer = posted({"query": [HOSTILE, r"\boxed{7}"] * 3, "labels": ["7", "7"] * 3})
    assert status == 200
    assert answer["rewards"] == [0.0, 1.0] * 3
    assert time.monotonic() - started < 60
    status, answer = posted({"query": [r"\boxed{7}"], "labels": [r"\frac{1}{"]})
    assert (answer["rewards"], answer["extra_logs"]["judged"]) == ([0.0], [0.0])


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"not json", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (["7"], "no JSON object"),
        ({"labels": ["7"]}, "'query'"),
        ({"query": "7", "labels": ["7"]}, "'query'"),
        ({"query": [7], "labels": ["7"]}, "'query'"),
        ({"query": ["7"], "labels": [None]}, "'labels'"),
        ({"query": ["7"], "labels": ["7", "8"]}, "differ in length"),
        ({"query": ["7"] * 9, "labels": ["7"] * 9}, "more than the 8"),
    ],
)
def test_a_request_that_is_not_understood_is_refused_with_the_reason(body: Any, says: str) -> None:
    status, answer = posted(body, max_batch=8)
    assert status == 400
    assert says in answer["error"]


def test_an_empty_batch_has_no_rewards() -> None:
    assert posted({"query": [], "labels": [], "prompts": []})[1]["rewards"] == []


def test_a_body_that_is_too_large_is_refused() -> None:
    assert posted({"query": ["7" * 5000], "labels": ["7"]}, max_bytes=4096)[0] == 413


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/reward", {}, 401),
        ("/reward", {"Authorization": f"Bearer {TOKEN[:-1]}"}, 401),
        ("/reward?token=é", {}, 401),
        ("/reward", {"Authorization": f"Bearer {TOKEN}"}, 200),
        (f"/reward?token={TOKEN}", {}, 200),
    ],
)
def test_a_token_is_asked_for_where_one_is_set(path: str, headers: dict[str, str], status: int) -> None:
    assert posted({"query": [], "labels": []}, path, headers, token=TOKEN)[0] == status


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "rewards.example"])
def test_nothing_beyond_the_loopback_without_a_token(host: str) -> None:
    assert not is_loopback(host)
    for token in ("", "short"):
        with pytest.raises(CotkitError, match="a token is needed"):
            check(Service(host, token=token))
    check(Service(host, token=TOKEN))


def test_the_command_says_where_it_listens_serves_and_ends_with_its_workers() -> None:
    words = [sys.executable, "-m", "cotkit", "serve-reward", "--port", "0"]
    child = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=os.environ | {"COTKIT_REWARD_TOKEN": TOKEN})
    assert child.stderr
    try:
        line = child.stderr.readline()
        url = line.removeprefix("rewards at ").split()[0]

        async def talk() -> Any:
            async with aiohttp.ClientSession() as client:
                async with client.get(url.replace("reward", "health")) as answer:
                    assert (await answer.json())["status"] == "ok"
                async with client.post(f"{url}?token={TOKEN}", json={"query": [r"\boxed{7}"], "labels": ["7"]}) as answer:
                    return await answer.json()

        assert asyncio.run(talk())["rewards"] == [1.0]
        child.send_signal(signal.SIGINT)
        rest = child.communicate(timeout=30)[1]
    finally:
        child.kill()
        child.wait()
    assert child.returncode == 130
    assert TOKEN not in line + rest
    assert "Traceback" not in rest


def test_a_port_that_is_taken_is_told() -> None:
    async def talk(_client: aiohttp.ClientSession, url: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "cotkit", "serve-reward", "--port", url.rpartition(":")[2]]
        return await asyncio.to_thread(subprocess.run, words, capture_output=True, text=True, timeout=60)

    done = asked(talk)
    assert done.returncode == 1
    assert "cannot listen on 127.0.0.1" in done.stderr
    assert "--port" in done.stderr
