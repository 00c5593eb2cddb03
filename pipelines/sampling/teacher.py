"""Teacher: one asynchronous method, one request is one sample with its own seed.

To add a teacher: a module with an async context manager `open_…(config, problems)` that yields an object with `name`,
`fingerprint` and `generate`, and one row in `TEACHERS`.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from ...schemas.errors import unknown_name
from ...schemas.recipe import SampleConfig
from ...schemas.sample import FinishReason

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Request:
    """One sample that is wanted."""

    problem_id: str
    index: int
    messages: list[dict[str, str]]
    """Chat messages, `role` and `content`."""
    parameters: dict[str, Any]
    """Fields of an OpenAI-style request: temperature, top_p, max_tokens, stop, …"""
    seed: int


@dataclass(frozen=True, slots=True)
class Completion:
    """What an engine gave back for one request."""

    text: str
    finish_reason: FinishReason
    reasoning: str | None = None
    """Reasoning, when the engine gives it apart from the text."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seeded: bool = True
    """False when the engine ignored the seed."""
    error: str | None = None
    """What the engine said when it refused the request for good."""


class TeacherError(Exception):
    """A request failed for now (the server was down, the answer was garbled): it is worth trying again in a later run."""


class Teacher(Protocol):
    """Draws responses."""

    name: str
    """As the user named it."""
    fingerprint: str
    """Hash of all that makes the teacher itself."""
    at_once: int
    """Requests in flight that keep it busy; taken where the recipe does not say."""

    async def generate(self, request: Request) -> Completion:
        """Draw one response; raises TeacherError when it is worth trying again later, CotkitError when nothing will work.

        Cancelling the task that awaits it aborts the request: the engine spends nothing more on it.
        """
        ...

    def engine_facts(self) -> dict[str, str]:
        """Give what the progress line says of the engine, such as `{"cache hits": "83 %"}`; nothing when it does not tell."""
        ...


# kind -> (module beside this one, function): imported when asked for, as engines are heavy
TEACHERS: dict[str, tuple[str, str]] = {
    "embedded": (".embedded", "open_embedded"),
    "openai": (".openai_server", "open_openai"),
    "scripted": (".scripted", "open_scripted"),
    "vllm": (".vllm_engine", "open_vllm"),
}


def open_teacher(config: SampleConfig, problems: pl.DataFrame) -> AbstractAsyncContextManager[Teacher]:
    """Open the teacher that `config.teacher` names, here or on a cluster; raises CotkitError when there is no such kind."""
    kind = config.teacher.partition(":")[0]
    if kind not in TEACHERS:
        raise unknown_name("teacher", config.teacher, [f"{name}…" if name == "embedded" else f"{name}:…" for name in TEACHERS])
    module, function = (".ray_engines", "open_on_ray") if config.executor == "ray" else TEACHERS[kind]
    return getattr(import_module(module, __package__), function)(config, problems)
