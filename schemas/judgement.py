"""Judgement: what a model that was shown the reference answer said of a sample; it stands beside the rule's verdict, never in its place.

Example row: `{"sample_id": "9c1e…", "outcome": "correct", "method": "model/1", "judge": "openai:…#Qwen/Qwen2.5-7B-Instruct", …}`
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from .asking import ModelConfig
from .record import Record
from .step import StepConfig

JudgedOutcome = Literal["correct", "wrong", "not_found", "unreadable_reply", "refused"]
JUDGED_OUTCOMES: tuple[JudgedOutcome, ...] = get_args(JudgedOutcome)
"""Only `correct` counts as correct."""


class Judgement(Record):
    """What a model said of one sample; its key is `sample_id`, its rows stand in the order of the samples' shard."""

    sample_id: str
    """The sample that was judged."""
    outcome: JudgedOutcome
    """correct, wrong, not_found (the response states no final answer), unreadable_reply (no reply of the judge had the form that was
    asked for), refused (the engine took no question about this response)."""
    method: str
    """The way of judging and its version, such as `model/1`; the rule's verdicts have theirs in `verifier`."""
    judge: str
    """The model that judged, as the user named it."""
    reasons: str | None
    """What it said before its verdict; null when it was not asked, or its reply was unreadable."""
    attempts: int
    """Replies it took; 0 when it was not asked, as the response is empty."""
    tokens: int
    """Tokens that the judge generated."""


class JudgeConfig(StepConfig):
    """How a model judges responses."""

    model: ModelConfig = ModelConfig(attempts=2)
    """The judge."""
    prompt: str = "judge"
    """A shipped prompt by its name, or a TOML file."""
    last_lines: Annotated[int, Field(ge=1)] = 20
    """Lines from the end of the response that the judge sees, empty ones not counted."""
    last_characters: Annotated[int, Field(ge=100)] = 8000
    """Of these lines at most so many characters, from the end."""
    reference: Literal["answer", "solution"] = "answer"
    """What the judge is shown: the gold answer, or the worked solution where the problem's `meta` has one."""
