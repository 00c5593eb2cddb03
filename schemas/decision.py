"""Decision: whether a sample is kept, the one reason if it is not, and the splits it goes to.

Example row: `{"sample_id": "9c1e…", "kept": false, "reason": "outcome is wrong", "splits": []}`
"""

from __future__ import annotations

from .record import Record


class Decision(Record):
    """Kept or dropped, and the one reason; its key is `sample_id`."""

    sample_id: str
    """The sample that was decided on."""
    kept: bool
    """True when the sample is in at least one split."""
    reason: str | None
    """Why it was dropped: the first rule that failed; null when kept."""
    splits: list[str]
    """The exported splits that hold it, such as `long` or `short`."""
