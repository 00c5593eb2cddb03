"""Decision: whether a sample is kept, the one reason if it is not, and the splits it goes to.

Example row: `{"sample_id": "9c1e…", "kept": false, "reason": "outcome is wrong", "splits": []}`
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .record import Record

if TYPE_CHECKING:
    import polars as pl


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


def reason_kind(column: str = "reason") -> pl.Expr:
    """Give the kind of a reason: without the one sample or problem, and the similarity, that it may name."""
    import polars as pl

    return pl.col(column).str.replace(r"^much like (sample|problem) .*", "much like an earlier ${1}")
