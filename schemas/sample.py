r"""Sample: one response of a teacher to one problem, reasoning and answer part kept as two strings.

Example row: `{"sample_id": "9c1e…", "problem_id": "41f0…", "index": 3, "reasoning": "3 and 4 make …", "response": "\\boxed{7}", …}`
"""

from __future__ import annotations

from typing import Literal

from .record import Record, content_hash

FinishReason = Literal["stop", "length", "repetition", "error", "unknown"]


class Sample(Record):
    """One response of a teacher to one problem; its key is `sample_id`."""

    sample_id: str
    """Hash of problem_id, rendered prompt, teacher fingerprint, sampling parameters and index."""
    problem_id: str
    """The problem that was asked."""
    index: int
    """Number of this sample among the problem's samples with the same settings, from 0."""
    reasoning: str | None
    """The thinking before the answer part; null when the teacher's text has none."""
    response: str
    """The part after the reasoning; the whole text when there is no reasoning."""
    delimiter: str
    """How the reasoning was told apart: a delimiter's name from `data/delimiters.toml`, `field`, or `none`."""
    finish_reason: FinishReason
    """Why the teacher stopped: `stop`, `length` (token budget), `repetition`, `error` (refused; see `error`), `unknown`."""
    prompt_tokens: int | None
    """Tokens of the rendered prompt as the engine counted them; null when it did not say."""
    completion_tokens: int | None
    """Generated tokens, reasoning included, as the engine counted them; null when it did not say."""
    seed: int | None
    """Seed of this request; null when the engine takes none."""
    seconds: float | None
    """Wall-clock time of the request."""
    teacher: str
    """Name of the teacher, as given by the user (`embedded`, `openai:URL#MODEL`, …)."""
    teacher_fingerprint: str
    """Hash of all that makes the teacher itself: model, weights or endpoint, template."""
    parameters: str
    """Sampling parameters as a JSON object: temperature, top_p, max_tokens, …"""
    prompt_hash: str
    """Hash of the rendered prompt (all messages)."""
    error: str | None = None
    """What the engine said when it refused the request for good."""


def sample_id(problem_id: str, prompt_hash: str, teacher_fingerprint: str, parameters: str, index: int) -> str:
    """Hash what makes a sample itself: the same request has the same id in every run."""
    return content_hash(problem_id, prompt_hash, teacher_fingerprint, parameters, index)
