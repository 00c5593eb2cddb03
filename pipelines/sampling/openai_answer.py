"""What an OpenAI-compatible server answers, read for what it says: text, reasoning, finish reason, token counts.

    {"choices": [{"message": {"content": "So 7.", "reasoning_content": "3 + 4 …"}, "finish_reason": "stop"}], "usage": {…}}

Only the first choice counts. Not read: log probabilities, tool calls, streams.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

from ...schemas.sample import FinishReason
from .replicas import ReplicaError
from .teacher import Completion

LONGEST_WAIT_SECONDS = 60.0
"""A busy server is left alone no longer than this at a time."""
# vLLM, SGLang and OpenAI; then TGI, Mistral and Anthropic's adapter
FINISH_REASONS: dict[str, FinishReason] = {
    "stop": "stop",
    "length": "length",
    "repetition": "repetition",
    "content_filter": "error",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "max_tokens": "length",
    "model_length": "length",
}
BROKEN_OFF = ("abort", "error")
"""Finish reasons of vLLM, SGLang and OpenRouter when the server, not the model, ended the response: half a sample is none."""


def read_completion(content: bytes, say: Callable[[str], str]) -> Completion:
    """Read a chat or completion answer; raises ReplicaError, worded by `say`, when it is none or was broken off."""
    try:
        answer = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ReplicaError(say(f"the answer is not JSON: {error}")) from error
    try:
        choice = answer["choices"][0]
        reason = choice.get("finish_reason")
        if reason in BROKEN_OFF:
            raise ReplicaError(say(f"the server broke the response off (finish reason {reason})"))
        return _completion(choice, answer.get("usage") or {}, FINISH_REASONS.get(reason, "unknown"))
    except (KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise ReplicaError(say(f"the answer has no choice: {content[:200]!r}")) from error


def _completion(choice: dict[str, Any], usage: dict[str, Any], finish_reason: FinishReason) -> Completion:
    message = choice.get("message") or {}
    text, thoughts = _text_and_thoughts(message.get("content") if message else choice.get("text"))
    return Completion(
        text=text or _as_text(message.get("refusal")),
        finish_reason=finish_reason,
        reasoning=_as_text(message.get("reasoning_content")) or _as_text(message.get("reasoning")) or thoughts or None,
        prompt_tokens=_as_count(usage.get("prompt_tokens")),
        completion_tokens=_as_count(usage.get("completion_tokens")),
        error="the server's content filter ended the response" if finish_reason == "error" else None,
    )


def seconds_to_wait(header: str) -> float:
    """Give the seconds that `Retry-After` asks for, a number or an HTTP date; a minute at most, 0 for nonsense.

    >>> seconds_to_wait("2"), seconds_to_wait("0.5"), seconds_to_wait("86400"), seconds_to_wait("soon"), seconds_to_wait("")
    (2.0, 0.5, 60.0, 0.0, 0.0)
    >>> seconds_to_wait("Wed, 21 Oct 2015 07:28:00 GMT")
    0.0
    """
    try:
        seconds = float(header)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(header).timestamp() - time.time()
        except (ValueError, OverflowError):
            return 0.0
    return min(max(seconds, 0.0), LONGEST_WAIT_SECONDS) if seconds == seconds else 0.0


def _text_and_thoughts(content: Any) -> tuple[str, str]:
    """Read a message's content: a string, or parts of which some may be thinking (Mistral's, Anthropic's)."""
    if isinstance(content, str):
        return content, ""
    parts = [part for part in content if isinstance(part, dict)] if isinstance(content, list) else []
    texts = [_as_text(part.get("text") or part.get("refusal")) for part in parts]
    return "".join(texts), "".join(_as_text(part.get("thinking")) for part in parts)


def _as_text(value: Any) -> str:
    """Give a string as it is, the texts of a list of parts together, and nothing for anything else."""
    return value if isinstance(value, str) else _text_and_thoughts(value)[0] if isinstance(value, list) else ""


def _as_count(value: Any) -> int | None:
    """Give a number of tokens, or None for what cannot be one: columns of a run hold 64 bits."""
    return value if type(value) is int and 0 <= value < 2**63 else None
