"""Keys: the small facts of a sample's texts that curation decides on. Texts are read for them once, shard by shard, and never held.

Example row: `{"sample_id": "9c1e…", "text_hash": -4921…, "has_reasoning": true, "boxes": 1, …, "signature": null}`
"""

from __future__ import annotations

from .record import Record


class Keys(Record):
    """What curation reads in a sample's texts; its key is `sample_id`. A function of the samples alone: it may be made before verdicts."""

    sample_id: str
    """The sample."""
    text_hash: int
    """64 bits of BLAKE2b over reasoning and response: equal for equal texts, on every machine and in every version."""
    has_reasoning: bool
    """True when there is reasoning apart from the response."""
    boxes: int
    """Different `\\boxed{}` answers in the response, spaces aside; braces three deep are read."""
    doubled_reasoning: bool
    """True when the response opens or closes a block of reasoning."""
    answered_in_reasoning: bool
    """True when the reasoning has a boxed answer and the response has none."""
    signature: bytes | None
    """MinHash signature, 128 bytes; null unless a rule or a split compares texts."""
