"""Silver data: problems whose gold answer a model read out of a free-form solution. They say so wherever they go.

Mark of a silver problem: `source` begins with `silver:`, which every export carries, and `meta` holds `{"silver": {…}}`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .asking import ModelConfig
from .recipe import SampleConfig, Share, VerifyConfig
from .record import Record
from .step import StepConfig

SILVER = "silver:"
"""What the `source` of a silver problem begins with."""
Reason = Literal[
    "no_question", "no_solution", "near_duplicate", "not_short", "unreadable_reply", "refused", "unreadable_gold", "leaked", "no_agreement"
]
"""Why a row is no silver problem, in the order in which it is asked."""


class Dropped(Record):
    """A row that did not become a silver problem."""

    row: int
    """Its number in the source, from 1."""
    reason: Reason
    """no_question, no_solution; near_duplicate (of an earlier question); not_short (the extractor found no short answer),
    unreadable_reply, refused; unreadable_gold (the answer does not verify itself); leaked (the question states the answer in a box);
    no_agreement (too few of the teacher's responses agree)."""
    detail: str | None
    """The row it is a copy of, the extracted answer, or what the extractor said."""


class SilverConfig(StepConfig):
    """How silver problems are made."""

    extractor: ModelConfig = ModelConfig(max_tokens=512)
    """The model that reads the short answer out of a solution."""
    prompt: str = "extract"
    """The extractor's prompt: a shipped one by its name, or a TOML file."""
    max_similarity: Share | None = 0.8
    """Drop a question that is more alike to an earlier one: Jaccard similarity of runs of 5 words, numbers being equal; none is dropped
    when null."""
    max_answer_characters: Annotated[int, Field(ge=1)] = 200
    """A longer answer is not short."""
    max_solution_characters: Annotated[int, Field(ge=100)] = 20_000
    """Of a longer solution the extractor sees the end."""
    agree: Literal["any", "majority"] = "any"
    """How many of the teacher's responses must agree with the extracted answer: one, or more than half of those drawn."""
    sample: SampleConfig = SampleConfig(n=2)
    """How the teacher responds."""
    verify: VerifyConfig = VerifyConfig()
    """How its answers are compared with the extracted one."""
