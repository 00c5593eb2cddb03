r"""A reward service: trainers that take a URL for their rewards ask it, and cotkit's verifiers answer.

    cotkit serve-reward --port 8765        then, with OpenRLHF, --reward.remote_url http://127.0.0.1:8765/reward

    POST /reward  {"query": ["…\\boxed{7}."], "prompts": ["…"], "labels": ["7"]}
    200           {"rewards": [1.0], "scores": [1.0], "extra_logs": {"judged": [1.0]}}

`query` holds prompt and completion in one text, as OpenRLHF sends it, or the completion alone; a label is a bare gold answer or what
`cotkit export rl --format openrlhf` writes. What could not be judged is rewarded 0.0 and has `judged` 0.0. `GET /health` says that it
is up. Answers are judged in killable workers, so a hostile one costs its deadline and holds up no other. Beyond the loopback a token is
required, as a header `Authorization: Bearer TOKEN` or, for trainers that send no headers, `?token=TOKEN`; it is never logged.

Not covered: TLS, and rewards that need token ids.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..schemas.errors import CotkitError
from .reward import Rollout, labelled_rollout, reward_async

if TYPE_CHECKING:
    from aiohttp import web

SHORTEST_TOKEN = 16


class Service(NamedTuple):
    """How the service listens and what it takes."""

    host: str = "127.0.0.1"
    port: int = 8765
    """0 for any free one."""
    token: str = ""
    """Asked of every request when it is not empty; at least 16 characters beyond the loopback."""
    max_bytes: int = 64 * 2**20
    """Largest body of a request."""
    max_batch: int = 4096
    """Most completions of a request."""


class _Refusal(Exception):
    """A request that is not understood."""


def serve(service: Service, said: Callable[[str], None]) -> None:
    """Serve until interrupted; raises CotkitError when the address cannot be had or must have a token. `said` is told the URL."""
    check(service)
    asyncio.run(_serve(service, said))


def check(service: Service) -> None:
    """Raise CotkitError when others could reach the service without a token worth the name."""
    if not is_loopback(service.host) and len(service.token) < SHORTEST_TOKEN:
        hint = f"set COTKIT_REWARD_TOKEN to {SHORTEST_TOKEN} characters or more, or listen on 127.0.0.1"
        raise CotkitError(f"{service.host} can be reached from other machines: a token is needed", hint)


def is_loopback(host: str) -> bool:
    """Tell whether only this machine reaches an address; a name other than `localhost` may be anything.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "rewards.example")]
    [True, True, True, False, False]
    """
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def application(service: Service) -> web.Application:
    """Make the web application."""
    from aiohttp import web

    async def reward(request: web.Request) -> web.Response:
        if not _is_allowed(request, service.token):
            return web.json_response({"error": "a token is needed, or it is another"}, status=401)
        try:
            rollouts = read_rollouts(await request.read(), service.max_batch)
        except _Refusal as error:
            return web.json_response({"error": str(error)}, status=400)
        given = await asyncio.gather(*map(reward_async, rollouts))
        values, judged = [value or 0.0 for value in given], [float(value is not None) for value in given]
        return web.json_response({"rewards": values, "scores": values, "extra_logs": {"judged": judged}})

    async def health(_request: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    app = web.Application(client_max_size=service.max_bytes)
    app.add_routes([web.post("/reward", reward), web.get("/health", health)])
    return app


def read_rollouts(body: bytes, max_batch: int) -> list[Rollout]:
    """Read a request's body; raises an error that says what is wrong with it."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise _Refusal(f"the body is no JSON: {error}") from None
    if not isinstance(given, dict):
        raise _Refusal("the body is no JSON object")
    queries: Any = given.get("query")
    labels: Any = given.get("labels")
    prompts: Any = given.get("prompts") or [""] * len(queries if isinstance(queries, list) else ())
    columns = {"query": queries, "labels": labels, "prompts": prompts}
    for name, column in columns.items():
        if not isinstance(column, list) or not all(isinstance(cell, str) for cell in column):
            raise _Refusal(f"{name!r} is no list of texts")
    if len({len(column) for column in (queries, labels, prompts)}) != 1:
        raise _Refusal("'query', 'labels' and 'prompts' differ in length")
    if len(queries) > max_batch:
        raise _Refusal(f"{len(queries)} completions are more than the {max_batch} that one request may have")
    return [labelled_rollout(*row) for row in zip(queries, prompts, labels, strict=True)]


def _is_allowed(request: web.Request, token: str) -> bool:
    if not token:
        return True
    given = request.headers.get("Authorization", "").removeprefix("Bearer ") or request.query.get("token", "")
    return hmac.compare_digest(given.encode(), token.encode())


async def _serve(service: Service, said: Callable[[str], None]) -> None:
    from aiohttp import web

    # no access log: its lines would hold the token of those that put it into the URL
    runner: Any = web.AppRunner(application(service), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, service.host, service.port)
        try:
            await site.start()
        except OSError as error:
            raise CotkitError(f"cannot listen on {service.host}:{service.port}: {error.strerror}", "choose another --port") from None
        host, port = runner.addresses[0][:2]
        said(f"http://{f'[{host}]' if ':' in host else host}:{port}/reward")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
