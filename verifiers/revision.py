"""What a verdict says to the one who answered, for kinds that name no faults of their own: the outcome, and nothing of the answer."""

from __future__ import annotations

from ..schemas.verdict import Outcome

AGAIN = "Look for the mistake, then answer again in the same form."
FAULTS: dict[Outcome, str] = {
    "wrong": "Your last answer is not correct.",
    "ambiguous": "Your last reply does not settle on one answer.",
    "no_answer": "Your last reply states no answer.",
    "unreadable_answer": "The answer in your last reply cannot be read.",
    "truncated": "Your last reply was cut off before an answer.",
}
"""Outcomes that say something of the reply; of the others there is nothing to tell."""


def plain_feedback(outcome: Outcome) -> str:
    """Say what an outcome means for the reply; empty for a correct one, and where nothing could be judged.

    >>> plain_feedback("no_answer")
    'Your last reply states no answer. Look for the mistake, then answer again in the same form.'
    """
    return f"{FAULTS[outcome]} {AGAIN}" if outcome in FAULTS else ""


def plain_reward(outcome: Outcome) -> float:
    """Give 1 for a correct reply, 0 for any other."""
    return float(outcome == "correct")
