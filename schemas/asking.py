"""ModelConfig: a model that is asked questions (a judge, an extractor, an actor), not one that is sampled for data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from .recipe import SampleConfig
from .record import content_hash
from .step import StepConfig


class ModelConfig(StepConfig):
    """A model that is asked questions, and how."""

    teacher: str = "embedded"
    """`embedded`, `openai:URL[,URL…]#MODEL`, `vllm:MODEL`, or `scripted:FILE`."""
    temperature: Annotated[float, Field(ge=0.0)] = 0.0
    """Sampling temperature; 0 is greedy."""
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Nucleus sampling: the smallest set of tokens with this much probability."""
    max_tokens: Annotated[int, Field(ge=1)] = 1024
    """Token budget of one reply."""
    seed: int = 0
    """Each question's own seed is derived from this and the question."""
    attempts: Annotated[int, Field(ge=1)] = 3
    """Replies asked for at most until one has the form that was asked for; the model is told what was wrong."""
    extra: dict[str, Any] = {}
    """Further fields of the request, such as `{top_k = 20}`."""
    api: Literal["chat", "completions"] = "chat"
    """Which endpoint of an OpenAI-compatible server is asked."""
    concurrency: Annotated[int, Field(ge=1)] | None = None
    """Questions in flight at once; what keeps the model busy when left out."""
    timeout_seconds: Annotated[float, Field(gt=0)] = 3600.0
    """Time limit of one question."""
    retries: Annotated[int, Field(ge=0)] = 5
    """Further attempts after a rate limit, a server error or a time-out, with back-off."""
    engine: dict[str, Any] = {}
    """Settings of the engine: `threads`, `slots`, `context` of the embedded one, any engine argument of vLLM."""

    @classmethod
    def incidental(cls) -> set[str]:
        """Name the settings that change no reply."""
        return {"concurrency", "timeout_seconds", "retries", "engine"}

    def as_sampling(self) -> SampleConfig:
        """Give the settings with which a teacher of that kind is opened; replies are one each, whole."""
        shared = set(SampleConfig.model_fields) & set(type(self).model_fields)
        return SampleConfig(**{name: getattr(self, name) for name in shared}, stop_loops=False)

    def fingerprint(self) -> str:
        """Hash what changes a reply; the same model on another server's URL is the same model."""
        return content_hash(self.as_sampling().fingerprint(), self.attempts)
