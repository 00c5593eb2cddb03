"""The openai teacher: any OpenAI-compatible chat or completion server (vLLM, SGLang, llama.cpp, hosted).

`openai:URL#MODEL`, such as `openai:http://127.0.0.1:8000/v1#Qwen/QwQ-32B-Preview`. The key comes from `OPENAI_API_KEY`.
One request per sample: `n` is not trusted. aiohttp rather than httpx, which spends 60 times the CPU per request.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast, get_args

from ...schemas.errors import CotkitError
from ...schemas.recipe import SampleConfig
from ...schemas.record import content_hash
from ...schemas.sample import FinishReason
from .teacher import Completion, Request, TeacherError

if TYPE_CHECKING:
    import aiohttp
    import polars as pl

BUSY = {408, 409, 425, 429}
"""Statuses worth another attempt, beside all of 5xx."""
FATAL = {401, 403, 404, 405}
"""Statuses that every further request would get too."""


class _BusyError(TeacherError):
    """The server said, or showed, that it is worth trying again."""


class OpenaiTeacher:
    """Asks one server for one model."""

    def __init__(self, config: SampleConfig, session: aiohttp.ClientSession, url: str, model: str) -> None:
        self.name = config.teacher
        # without the URL: the same model on another port is the same teacher
        self.fingerprint = content_hash("openai", model, config.api)
        self._session, self._url, self._model, self._config = session, url, model, config

    async def generate(self, request: Request) -> Completion:
        """Ask for one response, again after a busy answer; a refusal (HTTP 4xx) is a completion with `error`."""
        import stamina

        attempts = stamina.retry_context(
            on=_BusyError, attempts=self._config.retries + 1, timeout=None, wait_initial=0.5, wait_max=60.0, wait_jitter=1.0
        )
        async for attempt in attempts:
            with attempt:
                return await self._ask(request)
        raise AssertionError("stamina gives at least one attempt")

    def engine_facts(self) -> dict[str, str]:
        """Say nothing of the engine: a server does not tell."""
        return {}

    async def _ask(self, request: Request) -> Completion:
        import aiohttp

        path, body = self._body(request)
        try:
            async with self._session.post(f"{self._url}/{path}", json=body) as answer:
                if answer.status == 200:
                    return _completion(await answer.json(content_type=None))
                text = (await answer.text())[:2000]
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise _BusyError(f"{self._url}: {type(error).__name__}: {error}") from error
        except ValueError as error:
            raise _BusyError(f"{self._url}: the answer is not JSON: {error}") from error
        if answer.status in BUSY or answer.status >= 500:
            await asyncio.sleep(_retry_after(answer.headers.get("Retry-After", "")))
            raise _BusyError(f"{self._url}: HTTP {answer.status}: {text[:200]}")
        if answer.status in FATAL:
            raise CotkitError(f"{self._url}/{path}: HTTP {answer.status}: {text[:300]}", _fatal_hint(answer.status))
        return Completion("", "error", error=f"HTTP {answer.status}: {text}")

    def _body(self, request: Request) -> tuple[str, dict[str, Any]]:
        body = {"model": self._model, "seed": request.seed, **request.parameters}
        if self._config.api == "chat":
            return "chat/completions", body | {"messages": request.messages}
        return "completions", body | {"prompt": "\n\n".join(message["content"] for message in request.messages)}


@asynccontextmanager
async def open_openai(config: SampleConfig, _problems: pl.DataFrame) -> AsyncIterator[OpenaiTeacher]:
    """Open `openai:URL#MODEL`; raises CotkitError when the server cannot be reached or does not serve the model."""
    url, _, model = config.teacher.partition(":")[2].partition("#")
    if not url.startswith(("http://", "https://")):
        raise CotkitError(f"--teacher {config.teacher}: no URL", "give openai:URL#MODEL, such as openai:http://127.0.0.1:8000/v1#MODEL")
    async with _session(config) as session:
        url = url.rstrip("/")
        yield OpenaiTeacher(config, session, url, await _served_model(session, url, model))


@asynccontextmanager
async def _session(config: SampleConfig) -> AsyncIterator[aiohttp.ClientSession]:
    import aiohttp

    key = os.environ.get("OPENAI_API_KEY")
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    limits = aiohttp.ClientTimeout(total=config.timeout_seconds, sock_connect=30)
    connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300)
    async with aiohttp.ClientSession(timeout=limits, connector=connector, headers=headers) as session:
        yield session


async def _served_model(session: aiohttp.ClientSession, url: str, model: str) -> str:
    """Reach the server before anything is paid for; a server that lists no models is believed."""
    import aiohttp

    try:
        async with session.get(f"{url}/models", timeout=aiohttp.ClientTimeout(total=30)) as answer:
            if answer.status in (401, 403):
                raise CotkitError(f"{url}: HTTP {answer.status}", _fatal_hint(answer.status))
            listing = await answer.json(content_type=None) if answer.status == 200 else {}
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        raise CotkitError(f"{url}: no server answers: {error}", "start it (`vllm serve MODEL`), or mend the URL after openai:") from error
    except ValueError:
        listing = {}
    served = [str(row.get("id")) for row in _rows(listing) if row.get("id")]
    if not model and len(served) == 1:
        return served[0]
    if not model:
        raise CotkitError(f"{url}: no model named", f"add #MODEL; served here: {', '.join(served) or 'not listed'}")
    if served and model not in served:
        raise CotkitError(f"{url}: does not serve {model!r}", f"served here: {', '.join(served[:10])}")
    return model


def _rows(listing: Any) -> list[dict[str, Any]]:
    rows = listing.get("data") if isinstance(listing, dict) else None
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _completion(answer: Any) -> Completion:
    """Read a chat or completion answer; raises TeacherError when it is none."""
    try:
        choice = answer["choices"][0]
        message = choice.get("message") or {}
        text = message.get("content") if message else choice.get("text")
        reasoning = message.get("reasoning_content") or message.get("reasoning")
        usage = answer.get("usage") or {}
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise _BusyError(f"the server's answer has no choice: {str(answer)[:200]}") from error
    reason = choice.get("finish_reason")
    return Completion(
        text=text or "",
        finish_reason=cast(FinishReason, reason) if reason in get_args(FinishReason) else "unknown",
        reasoning=reasoning or None,
        prompt_tokens=usage.get("prompt_tokens"),
        completion_tokens=usage.get("completion_tokens"),
    )


def _retry_after(header: str) -> float:
    """Give the seconds a busy server asks us to wait, a minute at most; a date or nonsense is 0, as the back-off waits anyway.

    >>> _retry_after("2"), _retry_after("Wed, 21 Oct 2026 07:28:00 GMT"), _retry_after("")
    (2.0, 0.0, 0.0)
    """
    return min(float(header), 60.0) if header.strip().isdigit() else 0.0


def _fatal_hint(status: int) -> str:
    return "set OPENAI_API_KEY" if status in (401, 403) else "mend the URL after openai: (most end in /v1) or the model's name"
