"""Verdict: what a verifier said of one sample. An outcome is a kind, never a bare boolean.

Example row: `{"sample_id": "9c1e…", "outcome": "correct", "answer": "7", "found_by": "boxed", "decided_by": "exact", …}`
"""

from __future__ import annotations

from typing import Literal, get_args

from .record import Record

Outcome = Literal[
    "correct",
    "wrong",
    "ambiguous",
    "no_answer",
    "unreadable_answer",
    "unreadable_gold",
    "truncated",
    "timeout",
    "out_of_memory",
    "crashed",
]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
"""Only `correct` counts as correct and only `wrong` as wrong; the rest is neither."""


class Verdict(Record):
    """What a verifier said of one response."""

    outcome: Outcome
    """correct, wrong, ambiguous (hedged or changed), no_answer, unreadable_answer, unreadable_gold, truncated (stopped by
    its token budget before an answer), timeout, out_of_memory or crashed (the verifier's process, not the model's)."""
    answer: str | None = None
    """The extracted answer, as it stands in the response; null when none was found."""
    found_by: str | None = None
    """How the answer was found: `boxed`, `answer_tag`, `sentence`, `last_number`, …"""
    decided_by: str = ""
    """The rule that decided: `same_text`, `exact`, `math_verify`, `letter`, …"""
    verifier: str = ""
    """Verifier and its version, such as `math/1`."""


class SampleVerdict(Verdict):
    """A verdict in a run folder; its key is `sample_id`, its rows stand in the order of the samples' shard."""

    sample_id: str
    """The sample that was judged."""
