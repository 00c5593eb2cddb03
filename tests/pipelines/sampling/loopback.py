"""A real HTTP server on the loopback that does to its callers what a test wants, and can die and come back on the same port."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Self

from aiohttp import web

Behave = Callable[["Loopback", web.Request, dict[str, Any]], Awaitable[web.StreamResponse]]


def chat(text: str = "It is 2.", finish_reason: str | None = "stop", **message: Any) -> web.Response:
    """Make a chat answer with one choice."""
    choice = {"message": {"role": "assistant", "content": text} | message, "finish_reason": finish_reason}
    return web.json_response({"choices": [choice], "usage": {"prompt_tokens": 5, "completion_tokens": 4}})


async def answer_at_once(_server: Loopback, _request: web.Request, _body: dict[str, Any]) -> web.StreamResponse:
    return chat()


async def reset(request: web.Request, begun: bytes = b"") -> web.StreamResponse:
    """Begin an answer, or not, and cut the connection."""
    if begun:
        response = web.StreamResponse(headers={"Content-Length": "2000", "Content-Type": "application/json"})
        await response.prepare(request)
        await response.write(begun)
    assert request.transport
    request.transport.abort()
    return web.Response()


class Loopback:
    """Answers as `behave` does; counts what it was asked, per request too, and what callers gave up on."""

    def __init__(self, behave: Behave = answer_at_once, models: list[str] | None = None) -> None:
        self.behave, self.models = behave, ["m"] if models is None else models
        self.listed: dict[str, dict[str, int]] = {}
        """What is listed of a model beside its name."""
        self.port = 0
        self.attempts: Counter[str] = Counter()
        """How often each request came, by its messages and seed."""
        self.answered: Counter[str] = Counter()
        self.in_flight = self.most_in_flight = self.given_up = self.probes = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.die()

    async def start(self) -> None:
        """Listen, on the port of the last time if there was one."""
        app = web.Application()
        app.router.add_post("/v1/chat/completions", self._ask)
        app.router.add_post("/v1/completions", self._ask)
        app.router.add_get("/v1/models", self._list)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.01)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()
        self.port = self._runner.addresses[0][1]

    async def die(self) -> None:
        """Cut all connections and stop to listen, as a killed process does."""
        for connection in list(self._runner.server.connections if self._runner.server else []):
            if connection.transport:
                connection.transport.abort()
        await self._runner.cleanup()

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.attempts[key(body)] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            response = await self.behave(self, request, body)
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        finally:
            self.in_flight -= 1
        self.answered[key(body)] += 1
        return response

    async def _list(self, _request: web.Request) -> web.StreamResponse:
        self.probes += 1
        return web.json_response({"data": [{"id": name} | self.listed.get(name, {}) for name in self.models]})


def key(body: dict[str, Any]) -> str:
    """Tell a request by what was asked and its seed."""
    return json.dumps([body.get("messages") or body.get("prompt"), body["seed"]])
