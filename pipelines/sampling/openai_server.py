"""The openai teacher: any OpenAI-compatible chat or completion server (vLLM, SGLang, llama.cpp, hosted), one or several.

`openai:URL[,URL…]#MODEL`, such as `openai:http://127.0.0.1:8000/v1#Qwen/QwQ-32B-Preview`. The key comes from `OPENAI_API_KEY`.
One request per sample: `n` is not trusted. aiohttp rather than httpx, which spends 60 times the CPU per request.
Each server is one replica: it makes one attempt per request; `replicas` chooses the server and tries again.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ...schemas.errors import CotkitError
from ...schemas.recipe import AT_ONCE, SampleConfig
from ...schemas.record import content_hash
from .openai_answer import read_completion, seconds_to_wait
from .replicas import ReplicaError, Replicas
from .teacher import Completion, Request, TeacherError

if TYPE_CHECKING:
    import aiohttp
    import polars as pl

BUSY = {408, 409, 425, 429}
"""Statuses worth another attempt, beside all of 5xx."""
AWAY = {502, 503, 504}
"""What a proxy says of a server that is down: probes wait for it, as for one that does not answer at all."""
FATAL = {301, 302, 307, 308, 401, 402, 403, 404, 405}
"""Statuses that every further request would get too."""
OURS = {"messages": None, "model": None, "n": 1, "prompt": None, "stream": False}
"""Fields of a request that `[sample.extra]` may not set, but to these values."""
KEPT_ALIVE_SECONDS = 3.0
"""Below uvicorn's and node's 5: a server must not close a connection in the moment in which we send on it."""
CONNECT_SECONDS = 30.0
PROBE_SECONDS = 30.0


class OpenaiServer:
    """One server, asked for one model; makes one attempt per request."""

    def __init__(self, config: SampleConfig, session: aiohttp.ClientSession, url: str, key: str = "") -> None:
        from yarl import URL

        self.name, self.fingerprint, self.model, self.at_once = url, url, "", AT_ONCE
        self.contexts: dict[str, int] = {}
        """Tokens that each model's context holds, where the server says so, as vLLM and SGLang do."""
        self._session, self._url, self._key = session, url, key
        self._chat = config.api == "chat"
        self._path = URL(f"{url}/{'chat/completions' if self._chat else 'completions'}")

    async def generate(self, request: Request) -> Completion:
        """Ask once; a refusal (HTTP 4xx) is a completion with `error`, a wrong key or address a CotkitError."""
        import aiohttp

        try:
            async with self._session.post(self._path, data=self._body(request), allow_redirects=False) as answer:
                content = await answer.read()
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise ReplicaError(self._say(f"cannot connect: {error}"), fallen=True, sent=False) from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ReplicaError(self._say(f"{type(error).__name__}: {error}"), fallen=True) from error
        if answer.status == 200:
            return read_completion(content, self._say)
        return self._refusal(answer, content.decode("utf-8", "replace")[:2000])

    async def probe(self) -> None:
        """Return when the server answers and, if it lists its models, serves ours."""
        served = await self.served_models()
        if served and self.model not in served:
            raise TeacherError(self._say(f"does not serve {self.model!r}, but {', '.join(served[:10])}"))

    async def served_models(self) -> list[str]:
        """List the models; empty when the server lists none. Raises TeacherError when nobody answers, CotkitError at a wrong key."""
        import aiohttp

        try:
            limit = aiohttp.ClientTimeout(total=PROBE_SECONDS)
            async with self._session.get(f"{self._url}/models", timeout=limit, allow_redirects=False) as answer:
                if answer.status in (401, 402, 403):
                    raise CotkitError(self._say(f"HTTP {answer.status}"), _fatal_hint(answer.status))
                if answer.status in AWAY:
                    raise TeacherError(self._say(f"HTTP {answer.status}"))
                listing = json.loads(await answer.read()) if answer.status == 200 else {}
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TeacherError(self._say(f"{error or type(error).__name__}")) from error
        except ValueError:
            listing = {}
        listed = listing.get("data") if isinstance(listing, dict) else None
        rows = [row for row in listed if isinstance(row, dict) and row.get("id")] if isinstance(listed, list) else []
        self.contexts = {str(row["id"]): row["max_model_len"] for row in rows if isinstance(row.get("max_model_len"), int)}
        return [str(row["id"]) for row in rows]

    def engine_facts(self) -> dict[str, str]:
        """Say nothing of the engine: a server does not tell."""
        return {}

    def _body(self, request: Request) -> bytes:
        body = {"model": self.model, "seed": request.seed, **request.parameters}
        if self._chat:
            body["messages"] = request.messages
        else:
            body["prompt"] = "\n\n".join(message["content"] for message in request.messages)
        return json.dumps(body).encode()

    def _refusal(self, answer: aiohttp.ClientResponse, text: str) -> Completion:
        """Tell what will pass (ReplicaError) from what nothing mends (CotkitError) and from what this request alone got."""
        status = answer.status
        said = self._say(f"HTTP {status}: {text[:300]}")
        if status in FATAL or (status == 429 and "insufficient_quota" in text):
            to = f" (it points to {answer.headers.get('Location', 'nowhere')})" if status < 400 else ""
            raise CotkitError(f"{said}{to}", _fatal_hint(402 if status == 429 else status))
        if status in BUSY or status >= 500:
            wait = seconds_to_wait(answer.headers.get("Retry-After", ""))
            raise ReplicaError(said, fallen=status >= 500, leave_alone_seconds=wait)
        return Completion("", "error", error=self._hide(f"HTTP {status}: {text}"))

    def _say(self, what: str) -> str:
        return self._hide(f"{self._url}: {what}")

    def _hide(self, text: str) -> str:
        """Take out the key, which a server may well quote, and what no log can hold."""
        text = text.encode("utf-8", "replace").decode()
        return text.replace(self._key, "***") if self._key else text


class OpenaiTeacher(Replicas):
    """One model on one server or several; not told by their addresses, as the same model on another port is the same teacher."""

    def __init__(self, config: SampleConfig, servers: list[OpenaiServer], model: str) -> None:
        super().__init__(config.teacher, content_hash("openai", model, config.api), servers, config.retries, "servers")
        self.servers = servers
        for server in servers:
            server.model = model

    @property
    def context(self) -> int | None:
        """Tokens that the smallest context among the servers holds; None when none of them says."""
        return min((server.contexts[server.model] for server in self.servers if server.model in server.contexts), default=None)


@asynccontextmanager
async def open_openai(config: SampleConfig, _problems: pl.DataFrame) -> AsyncIterator[OpenaiTeacher]:
    """Open `openai:URL[,URL…]#MODEL`; raises CotkitError when no server can be reached or one does not serve the model.

    A server that is down joins when it comes up.
    """
    place, _, model = config.teacher.partition(":")[2].partition("#")
    urls = _read_urls(place, config.teacher)
    if taken := [name for name, value in OURS.items() if config.extra.get(name, value) != value]:
        hint = "samples per problem are `n` in [sample]; each is one request, answered whole"
        raise CotkitError(f"[sample.extra] sets {', '.join(taken)}, which cotkit sets itself", hint)
    key = _read_key()
    _allow_open_files(config.concurrency or AT_ONCE * len(urls))
    async with _session(config, key) as session:
        servers = [OpenaiServer(config, session, url, key) for url in urls]
        found = await asyncio.gather(*(server.served_models() for server in servers), return_exceptions=True)
        model = _agreed_model(servers, found, model)
        async with OpenaiTeacher(config, servers, model) as teacher:
            for server, listing in zip(servers, found, strict=True):
                if isinstance(listing, TeacherError):
                    teacher.set_aside(server, str(listing))
            yield teacher


def _agreed_model(servers: list[OpenaiServer], found: list[list[str] | BaseException], model: str) -> str:
    """Find the model that all servers that are up serve; one that lists no models is believed."""
    for listing in found:
        if isinstance(listing, BaseException) and not isinstance(listing, TeacherError):
            raise listing
    if all(isinstance(listing, TeacherError) for listing in found):
        down = "; ".join(str(listing) for listing in found)
        raise CotkitError(f"no server answers: {down}", "start it (`vllm serve MODEL`), or mend the URL after openai:")
    served = [(server, listing) for server, listing in zip(servers, found, strict=True) if isinstance(listing, list)]
    if not model:
        names = {name for _, listing in served for name in listing}
        if len(names) != 1:
            raise CotkitError(f"{servers[0].name}: no model named", f"add #MODEL; served here: {', '.join(sorted(names)) or 'not listed'}")
        model = names.pop()
    for server, listing in served:
        if listing and model not in listing:
            raise CotkitError(f"{server.name}: does not serve {model!r}", f"served here: {', '.join(listing[:10])}")
    return model


def _read_urls(place: str, teacher: str) -> list[str]:
    from yarl import URL

    urls = list(dict.fromkeys(url.strip().rstrip("/") for url in place.split(",")))
    if not all(url.startswith(("http://", "https://")) for url in urls):
        raise CotkitError(
            f"--teacher {teacher}: no URL",
            "give openai:URL#MODEL, such as openai:http://127.0.0.1:8000/v1#MODEL; several URLs with commas between",
        )
    for url in urls:
        if URL(url).raw_password or URL(url).raw_user:  # the run folder keeps the teacher's name
            raise CotkitError(f"--teacher openai: a password in the URL of {URL(url).host}", "set OPENAI_API_KEY instead")
    return urls


def _read_key() -> str:
    key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not (key.isascii() and key.isprintable()):
        raise CotkitError("OPENAI_API_KEY holds characters that no HTTP header can carry", "set it to the key alone")
    return key


def _allow_open_files(concurrency: int) -> None:
    """Raise the soft limit on open files to what so many connections need; raises CotkitError when the hard limit is lower."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = concurrency + 256
    if resource.RLIM_INFINITY in (soft, hard) or soft >= wanted:
        return
    if hard < wanted:
        raise CotkitError(f"{concurrency} requests at once need {wanted} open files, {hard} are allowed", "lower --concurrency")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@asynccontextmanager
async def _session(config: SampleConfig, key: str) -> AsyncIterator[aiohttp.ClientSession]:
    import aiohttp

    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    limits = aiohttp.ClientTimeout(total=config.timeout_seconds, sock_connect=CONNECT_SECONDS)
    connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=KEPT_ALIVE_SECONDS)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(timeout=limits, connector=connector, headers=headers, cookie_jar=jar) as session:
        yield session


def _fatal_hint(status: int) -> str:
    if status == 402:
        return "the account behind OPENAI_API_KEY has no credit left: add some and run the same command again"
    return "set OPENAI_API_KEY" if status in (401, 403) else "mend the URL after openai: (most end in /v1) or the model's name"
