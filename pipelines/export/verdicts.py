"""Judge rows: refused with a reason, or written; what is proven by rendering, what is refused without it, and how long each row is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .dataset import TOKENS
from .examine import explain
from .proof import Conversation, Path, Proof, Proven

if TYPE_CHECKING:
    import polars as pl

AT_ONCE = 256
"""Rows rendered at once: their texts lie in memory together."""
BYTES_PER_TOKEN = 3
TEMPLATE_TOKENS = 32
"""What a template adds to a prompt and a response."""


class RowVerdict(NamedTuple):
    """What became of one row."""

    reason: str | None
    tokens: int
    """Counted with the student's tokenizer, or estimated; 0 when refused before that."""


class Limit(NamedTuple):
    """How long rows may be."""

    tokens: int | None
    counted: bool = True
    """False when nobody asks how long they are: then none is counted."""


def judge_rows(
    rows: pl.DataFrame, proof: Proof | None, conversation_of: Callable[[dict[str, Any]], Conversation], limit: Limit
) -> list[RowVerdict]:
    """Judge rows that have a column `refusal` for what their texts alone refuse; memory is that of `AT_ONCE` rows."""
    names = [name for name in ("prompt", "completion", "messages", "refusal", TOKENS) if name in rows.columns]
    if "completion" not in names:
        names.remove("prompt")
    return [
        verdict
        for some in rows.select(names).iter_slices(AT_ONCE)
        for verdict in _judge(some.rows(named=True), proof, conversation_of, limit)
    ]


def _judge(
    rows: list[dict[str, Any]], proof: Proof | None, conversation_of: Callable[[dict[str, Any]], Conversation], limit: Limit
) -> list[RowVerdict]:
    sound = [row for row in rows if row["refusal"] is None]
    conversations = [conversation_of(row) for row in sound]
    proven = proof.prove(conversations) if proof else [Proven(None)] * len(sound)
    lengths = iter(_lengths(sound, conversations, proven, proof) if limit.counted else [0] * len(sound))
    verdicts = iter(proven)
    return [RowVerdict(row["refusal"], 0) if row["refusal"] else _within(next(verdicts), next(lengths), limit.tokens) for row in rows]


def _within(proven: Proven, tokens: int, limit: int | None) -> RowVerdict:
    if proven.reason is None and limit is not None and tokens > limit:
        return RowVerdict(f"longer than max_length {limit}", tokens)
    return RowVerdict(proven.reason, tokens)


def _lengths(rows: list[dict[str, Any]], conversations: list[Conversation], proven: list[Proven], proof: Proof | None) -> list[int]:
    if proof and (counted := proof.student.count_tokens(["" if row.reason else row.text for row in proven])) is not None:
        return counted
    prompts = [sum(len(turn["content"].encode()) for turn in messages if turn["role"] != "assistant") for messages, _ in conversations]
    return [row[TOKENS] + prompt // BYTES_PER_TOKEN + TEMPLATE_TOKENS for row, prompt in zip(rows, prompts, strict=True)]


def first_failure(proof: Proof, reasoning: str, allowed: tuple[str, ...]) -> str | None:
    """Explain the first skeleton on which no row can pass, with the forms of reasoning that would; None when there is none."""
    failures = proof.failures()
    if not failures:
        return None
    path: Path = failures[0]
    kept = [form for form in proof.other_forms(path) if form in allowed and form != reasoning]
    keeping = f"--reasoning {' or '.join(kept)} keeps it" if kept else "no form of --reasoning of this format keeps it"
    if proof.kept_unthinking(path):
        keeping += "\n  --template-kwargs enable_thinking=false keeps it"
    return f"{path.finding.reason if path.finding else ''}\n{explain(path.dissected, path.rendered)}\n  {keeping}"
