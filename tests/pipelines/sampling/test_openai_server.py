"""The openai teacher against a real server on the loopback that answers, refuses, stalls and lies."""

import asyncio
import json
import time
import traceback
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import polars as pl
import pytest
from aiohttp import web
from cotkit.pipelines.sampling.openai_server import open_openai
from cotkit.pipelines.sampling.teacher import Completion, Request, TeacherError, open_teacher
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import SampleConfig

NO_PROBLEMS = pl.DataFrame(schema=Problem.polars_schema())
REQUEST = Request("p", 0, [{"role": "user", "content": "1 + 1?"}], {"temperature": 0.5, "max_tokens": 9}, 7)
GOOD: dict[str, Any] = {
    "choices": [{"message": {"content": "It is 2."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 5, "completion_tokens": 4},
}

PARTS = [{"type": "text", "text": "It is"}, {"type": "text", "text": " 2."}, {"type": "image_url"}, "?"]


@asynccontextmanager
async def serving(answers: list[Callable[[], web.StreamResponse]], models: list[str] | None = None, seen: list[dict] | None = None):
    """Serve the answers in their order, the last one again and again; gives the URL."""
    left = list(answers)

    async def ask(request: web.Request) -> web.StreamResponse:
        if seen is not None:
            seen.append({"path": request.path, "headers": dict(request.headers), "body": await request.json()})
        answer = left.pop(0) if len(left) > 1 else left[0]
        return answer()

    async def listing(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"data": [{"id": name} for name in models or []]}) if models is not None else web.Response(status=404)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", ask)
    app.router.add_post("/v1/completions", ask)
    app.router.add_get("/v1/models", listing)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()


def reply(body: Any = GOOD, status: int = 200) -> Callable[[], web.StreamResponse]:
    return lambda: web.Response(status=status, text=body if isinstance(body, str) else json.dumps(body), content_type="application/json")


def ask(answers: list, seen: list[dict] | None = None, **settings: Any) -> Completion:
    async def session() -> Completion:
        async with serving(answers, ["m"], seen) as url:
            config = SampleConfig(teacher=f"openai:{url}#m", retries=settings.pop("retries", 0), **settings)
            async with open_openai(config, NO_PROBLEMS) as teacher:
                teacher.first_wait_seconds = 0.01
                return await teacher.generate(REQUEST)

    return asyncio.run(session())


def test_a_chat_request_carries_seed_and_parameters_and_not_n(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    seen: list[dict] = []
    completion = ask([reply()], seen)
    assert (completion.text, completion.finish_reason, completion.prompt_tokens, completion.completion_tokens) == ("It is 2.", "stop", 5, 4)
    (request,) = seen
    assert request["path"] == "/v1/chat/completions"
    assert request["headers"]["Authorization"] == "Bearer secret"
    assert request["body"] == {"model": "m", "seed": 7, "temperature": 0.5, "max_tokens": 9, "messages": REQUEST.messages}


def test_a_completion_request_sends_the_prompt_as_text() -> None:
    seen: list[dict] = []
    body = {"choices": [{"text": "2", "finish_reason": "length"}]}
    completion = ask([reply(body)], seen, api="completions")
    assert (completion.text, completion.finish_reason, completion.completion_tokens) == ("2", "length", None)
    assert seen[0]["body"]["prompt"] == "1 + 1?"


@pytest.mark.parametrize("count", ["4", 4.5, -4, True, None, 10**30], ids=str)
def test_a_count_of_tokens_that_is_none_is_left_out(count: Any) -> None:
    completion = ask([reply(GOOD | {"usage": {"prompt_tokens": 5, "completion_tokens": count}})])
    assert (completion.prompt_tokens, completion.completion_tokens) == (5, None)


THINKING = [{"type": "thinking", "thinking": [{"type": "text", "text": "1 and 1"}]}, {"type": "text", "text": "2"}]


def test_thinking_among_the_parts_of_the_content_is_reasoning() -> None:
    completion = ask([reply({"choices": [{"message": {"content": THINKING}, "finish_reason": "stop"}]})])
    assert (completion.text, completion.reasoning) == ("2", "1 and 1")


def test_a_response_that_a_filter_cut_short_is_an_outcome_that_says_so() -> None:
    completion = ask([reply({"choices": [{"message": {"content": "The bomb"}, "finish_reason": "content_filter"}]})])
    assert (completion.text, completion.finish_reason) == ("The bomb", "error")
    assert "content filter" in (completion.error or "")


@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
def test_reasoning_given_apart_is_kept_apart(field: str) -> None:
    completion = ask([reply({"choices": [{"message": {"content": "2", field: "1 and 1"}, "finish_reason": "stop"}]})])
    assert (completion.text, completion.reasoning) == ("2", "1 and 1")


@pytest.mark.parametrize(
    ("body", "text", "reason"),
    [
        pytest.param({"choices": [{"message": {"content": None}, "finish_reason": "length"}]}, "", "length", id="null content"),
        pytest.param({"choices": [{"message": {"content": "2"}, "finish_reason": None}]}, "2", "unknown", id="no finish reason"),
        pytest.param({"choices": [{"message": {"content": "2"}, "finish_reason": "tired"}]}, "2", "unknown", id="odd finish reason"),
        pytest.param({"choices": [{"message": {"content": "2"}}, {"message": {"content": "3"}}]}, "2", "unknown", id="two choices"),
        pytest.param({"choices": [{"message": {"content": "2"}}], "usage": None}, "2", "unknown", id="null usage"),
        pytest.param({"choices": [{"message": {"content": PARTS}, "finish_reason": "stop"}]}, "It is 2.", "stop", id="content in parts"),
        pytest.param({"choices": [{"message": {"content": {"a": 2}}}]}, "", "unknown", id="content that is no text"),
        pytest.param({"choices": [{"message": {"content": None, "refusal": "I must not."}}]}, "I must not.", "unknown", id="refusal"),
        pytest.param(
            {"choices": [{"message": {"content": None, "tool_calls": [{}]}, "finish_reason": "tool_calls"}]}, "", "unknown", id="tools"
        ),
        pytest.param({"choices": [{"message": {"content": "2"}, "finish_reason": "eos_token"}]}, "2", "stop", id="TGI's stop"),
        pytest.param({"choices": [{"message": {"content": "2"}, "finish_reason": "model_length"}]}, "2", "length", id="Mistral's length"),
        pytest.param({"choices": [{"message": {"content": "2"}, "finish_reason": "repetition"}]}, "2", "repetition", id="vLLM's loop"),
        pytest.param({"choices": [{"message": {"content": "2"}, "finish_reason": 3}]}, "2", "unknown", id="a number for a finish reason"),
    ],
)
def test_odd_answers_are_read_for_what_they_say(body: dict, text: str, reason: str) -> None:
    completion = ask([reply(body)])
    assert (completion.text, completion.finish_reason) == (text, reason)


@pytest.mark.parametrize(
    "lie",
    [
        pytest.param(reply("<html>all is well</html>"), id="HTML with status 200"),
        pytest.param(reply({"choices": []}), id="no choice"),
        pytest.param(reply({"choices": "\ud800"}), id="a lone surrogate for choices"),
        pytest.param(reply({"choices": [{"message": "hello"}]}), id="a message that is text"),
        pytest.param(reply({"choices": [{"finish_reason": ["stop"]}]}), id="a list for a finish reason"),
        pytest.param(reply("[" * 100_000), id="deep JSON"),
        pytest.param(reply('{"choices": [{"message": {"content": ' + '[{"text": ' * 450 + "2" + "}]" * 450 + "}}]}"), id="deep content"),
        pytest.param(reply({"error": "busy"}), id="an error with status 200"),
        pytest.param(reply([]), id="a list"),
        pytest.param(reply({"choices": [{"message": {"content": "half a th"}, "finish_reason": "abort"}]}), id="broken off by the server"),
        pytest.param(reply(json.dumps(GOOD)[:40]), id="half JSON"),
        pytest.param(reply(b"\xff\xfe".decode("latin-1"), 200), id="no text"),
        pytest.param(reply("slow down", 429), id="429"),
        pytest.param(reply("timeout", 408), id="408"),
        pytest.param(reply("oops", 500), id="500"),
        pytest.param(reply("oops", 503), id="503"),
    ],
)
def test_a_passing_fault_is_tried_again_and_then_worth_a_later_run(lie: Callable) -> None:
    assert ask([lie, reply()], retries=1).text == "It is 2."
    with pytest.raises(TeacherError) as caught:
        ask([lie], retries=0)
    str(caught.value).encode()  # a log can hold it


@pytest.mark.parametrize("asked", ["1", "date"])
def test_a_busy_server_is_left_alone_as_long_as_it_asks(asked: str) -> None:
    def busy() -> web.StreamResponse:
        later = format_datetime(datetime.now(UTC) + timedelta(seconds=2), usegmt=True)
        return web.Response(status=503, headers={"Retry-After": later if asked == "date" else asked})

    started = time.monotonic()
    assert ask([busy, reply()], retries=1).text == "It is 2."
    assert time.monotonic() - started > 0.9


def test_a_refusal_is_a_completion_with_the_servers_words() -> None:
    completion = ask([reply("prompt is too long", 400)])
    assert (completion.finish_reason, completion.text) == ("error", "")
    assert completion.error == "HTTP 400: prompt is too long"


@pytest.mark.parametrize(
    ("status", "says", "hint"),
    [
        pytest.param(401, "no", "OPENAI_API_KEY", id="wrong key"),
        pytest.param(403, "no", "OPENAI_API_KEY", id="forbidden"),
        pytest.param(404, "no", "mend the URL", id="no such place or model"),
        pytest.param(307, "no", "mend the URL", id="moved"),
        pytest.param(402, "no", "no credit", id="nothing paid"),
        pytest.param(429, '{"error": {"code": "insufficient_quota"}}', "no credit", id="quota used up"),
    ],
)
def test_what_no_request_survives_is_an_error_at_once(status: int, says: str, hint: str) -> None:
    seen: list[dict] = []
    with pytest.raises(CotkitError) as caught:
        ask([reply(says, status)], seen, retries=5)
    assert f"HTTP {status}" in caught.value.message
    assert hint in caught.value.hint
    assert len(seen) == 1


@pytest.mark.parametrize("status", [400, 401, 429, 500])
def test_the_key_is_in_no_error_though_the_server_quotes_it(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "-".join(["sk", "secret"])  # not in this line of a traceback
    monkeypatch.setenv("OPENAI_API_KEY", f"{key}\n")
    try:
        told = repr(ask([reply(f"Incorrect API key provided: Bearer {key}", status)]))
    except (CotkitError, TeacherError) as error:
        told = "".join(traceback.format_exception(error)) + repr(error) + str(error)
    assert f"HTTP {status}" in told
    assert "***" in told
    assert key not in told


def test_a_key_that_no_header_can_carry_is_an_error_that_does_not_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-a\nsk-b")
    with pytest.raises(CotkitError, match="OPENAI_API_KEY") as caught:
        ask([reply()])
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize("extra", [{"stream": True}, {"n": 4}, {"messages": []}, {"model": "other"}])
def test_what_would_undo_one_answer_per_request_is_refused(extra: dict) -> None:
    with pytest.raises(CotkitError, match=f"sets {next(iter(extra))}"):
        ask([reply()], extra=extra)


def test_other_fields_are_passed_on() -> None:
    seen: list[dict] = []
    ask([reply()], seen, extra={"stream": False, "n": 1})
    assert REQUEST.parameters.items() <= seen[0]["body"].items()


def test_a_stalled_request_times_out() -> None:
    async def session() -> None:
        async def stall(_request: web.Request) -> web.StreamResponse:
            await asyncio.sleep(5)
            return web.Response()

        app = web.Application()
        app.router.add_post("/v1/chat/completions", stall)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        try:
            config = SampleConfig(teacher=f"openai:{url}#m", retries=0, timeout_seconds=0.2)
            async with open_openai(config, NO_PROBLEMS) as teacher:
                await teacher.generate(REQUEST)
        finally:
            await runner.cleanup()

    with pytest.raises(TeacherError, match="TimeoutError"):
        asyncio.run(session())


def opened(teacher: str, models: list[str] | None) -> tuple[str, str]:
    async def session() -> tuple[str, str]:
        async with serving([reply()], models) as url, open_teacher(SampleConfig(teacher=teacher.format(url=url)), NO_PROBLEMS) as found:
            await found.generate(REQUEST)
            return found.name.replace(url, "URL"), found.fingerprint

    return asyncio.run(session())


def test_the_only_model_served_need_not_be_named() -> None:
    assert opened("openai:{url}", ["m"])[1] == opened("openai:{url}#m", ["m", "n"])[1]


def test_a_server_that_lists_no_models_is_believed() -> None:
    assert opened("openai:{url}#m", None)[0] == "openai:URL#m"


@pytest.mark.parametrize(
    ("teacher", "models", "says", "hint"),
    [
        pytest.param("openai:{url}#x", ["m", "n"], "does not serve 'x'", "m, n", id="model not served"),
        pytest.param("openai:{url}", ["m", "n"], "no model named", "m, n", id="model not named"),
        pytest.param("openai:http://127.0.0.1:9/v1#m", ["m"], "no server answers", "start it", id="nobody there"),
        pytest.param("openai:localhost#m", ["m"], "no URL", "openai:URL#MODEL", id="no URL"),
        pytest.param("openai:{url},#m", ["m"], "no URL", "openai:URL#MODEL", id="a comma too many"),
        pytest.param(
            "openai:http://me:sk-secret@127.0.0.1:9/v1#m", ["m"], "a password in the URL", "OPENAI_API_KEY", id="password in the URL"
        ),
        pytest.param("oracle:delphi", ["m"], "unknown teacher", "embedded", id="unknown kind"),
    ],
)
def test_a_teacher_that_cannot_be_opened_is_an_error_before_anything_is_paid_for(
    teacher: str, models: list[str], says: str, hint: str
) -> None:
    with pytest.raises(CotkitError) as caught:
        opened(teacher, models)
    assert says in caught.value.message
    assert hint in caught.value.hint
    assert "sk-secret" not in str(caught.value)
