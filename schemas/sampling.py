"""SampleConfig: how responses are drawn, and the worked examples that go before a problem."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from .record import content_hash
from .step import Share, StepConfig

Executor = Literal["local", "ray"]
AT_ONCE = 64
"""Requests in flight that suit a server, and a teacher that cannot be asked."""
BOXED = "{prompt}\n\nPlease reason step by step, and put your final answer within \\boxed{}."


class Shot(StepConfig):
    """One worked example that goes before the problem, as a user and an assistant turn."""

    prompt: str
    """The example's question, rendered with the prompt template like a problem."""
    response: str
    """The example's response."""


class SampleConfig(StepConfig):
    """How responses are drawn."""

    teacher: str = "embedded"
    """`embedded`, `openai:URL[,URL…]#MODEL`, `vllm:MODEL`, or `scripted:FILE`."""
    n: Annotated[int, Field(ge=1)] = 8
    """Samples per problem."""
    until_correct: Annotated[int, Field(ge=1)] | None = None
    """Stop a problem when it has so many correct samples, and abort its running requests."""
    max_samples: Annotated[int, Field(ge=1)] | None = None
    """With until_correct or give_up: at most so many samples of a problem; n when left out."""
    give_up: Share | None = None
    """Stop a problem when the probability that its pass rate reaches useful_pass_rate falls under this."""
    useful_pass_rate: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    """With give_up: the pass rate from which a problem is worth more samples."""
    token_budget: Annotated[int, Field(ge=1)] | None = None
    """Start no further samples once a run has generated so many tokens."""
    temperature: Annotated[float, Field(ge=0.0)] = 1.0
    """Sampling temperature; 0 is greedy."""
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 0.95
    """Nucleus sampling: the smallest set of tokens with this much probability."""
    max_tokens: Annotated[int, Field(ge=1)] = 8192
    """Token budget of one response, reasoning included."""
    stop: list[str] = []
    """Strings at which the teacher stops."""
    seed: int = 0
    """Each request's own seed is derived from this, the problem and the index."""
    system_prompt: str | None = None
    """System message; none when left out."""
    prompt_template: str = BOXED
    """The user message; `{prompt}` stands for the problem."""
    shots: list[Shot] = []
    """Worked examples before the problem."""
    api: Literal["chat", "completions"] = "chat"
    """Which endpoint of an OpenAI-compatible server is asked."""
    extra: dict[str, Any] = {}
    """Further fields of the request, such as `{top_k = 20}`."""
    reasoning: str = "auto"
    """Which delimiters tell reasoning from response: `auto`, a name from `data/delimiters.toml`, or `none`."""
    stop_loops: bool = True
    """Stop a response that repeats itself without end, where the engine runs in process."""
    executor: Executor = "local"
    """Where engines run: on this machine, or as actors of a Ray cluster."""
    replicas: Annotated[int, Field(ge=1)] | None = None
    """With ray: engines to start; as many as the cluster has GPUs for when left out, or one per node without GPUs."""
    concurrency: Annotated[int, Field(ge=1)] | None = None
    """Requests in flight at once; what keeps the teacher busy when left out: 64 per server, a quarter more than vLLM runs at once."""
    timeout_seconds: Annotated[float, Field(gt=0)] = 3600.0
    """Time limit of one request."""
    retries: Annotated[int, Field(ge=0)] = 5
    """Further attempts after a rate limit, a server error or a time-out, with back-off."""
    engine: dict[str, Any] = {}
    """Settings of the engine: `threads`, `slots`, `context` of the embedded one, any engine argument of vLLM."""

    @classmethod
    def incidental(cls) -> set[str]:
        """How many samples are drawn is incidental too: a sample's id does not depend on how many others there are."""
        amounts = {"n", "until_correct", "max_samples", "give_up", "useful_pass_rate", "token_budget"}
        return amounts | {"executor", "replicas", "concurrency", "timeout_seconds", "retries", "engine"}

    def fingerprint(self) -> str:
        """Hash the settings that make a sample itself; the same model on another server's URL is the same teacher."""
        kind, _, place = self.teacher.partition(":")
        teacher = f"openai:#{place.partition('#')[2]}" if kind == "openai" else self.teacher
        return content_hash(self.model_dump(mode="json", exclude=self.incidental()) | {"teacher": teacher})

    def parameters(self) -> dict[str, Any]:
        """Give the sampling parameters that are part of a sample's identity."""
        parameters = {"temperature": self.temperature, "top_p": self.top_p, "max_tokens": self.max_tokens, "seed": self.seed}
        return parameters | ({"stop": self.stop} if self.stop else {}) | self.extra

    def at_once(self) -> int:
        """Give the requests in flight at once where no teacher can be asked what suits it."""
        return self.concurrency or AT_ONCE

    def most_samples(self) -> int:
        """Give the number of samples that a problem has at most."""
        return self.max_samples or self.n if self.is_adaptive() else self.n

    def is_adaptive(self) -> bool:
        """Say whether the verdicts so far decide how many samples a problem gets."""
        return self.until_correct is not None or self.give_up is not None

    @model_validator(mode="after")
    def _adaptive_settings_agree(self) -> Self:
        if self.max_samples is not None and not self.is_adaptive():
            raise ValueError("max_samples goes with until_correct or give_up; n is the fixed number of samples")
        if self.until_correct is not None and self.until_correct > self.most_samples():
            raise ValueError(f"until_correct {self.until_correct} is above the {self.most_samples()} samples a problem has at most")
        return self

    @model_validator(mode="after")
    def _template_names_the_problem(self) -> Self:
        if "{prompt}" not in self.prompt_template:
            raise ValueError("prompt_template must contain {prompt}")
        return self
