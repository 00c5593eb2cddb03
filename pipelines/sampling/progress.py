"""SamplingProgress: what a run has on disk so far, for whoever watches it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ...schemas.verdict import Outcome
from .allocation import Settled


@dataclass
class SamplingProgress:
    """What stands on disk so far, handed to the progress callback after every commit."""

    total: int = 0
    """Samples wanted in all; of an adaptive run the most there can be."""
    done: int = 0
    """Samples on disk, those of earlier runs included."""
    resumed: int = 0
    """Of these, how many an earlier run had finished."""
    tokens: int = 0
    """Completion tokens drawn by this run."""
    failed: int = 0
    """Requests that failed for now; drawn when the run is resumed."""
    at_once: int = 0
    """Requests at the teacher at most."""
    in_flight: int = 0
    """Requests at the teacher."""
    aborted: int = 0
    """Requests that were aborted as their problem was settled."""
    outcomes: dict[Outcome, int] = field(default_factory=dict)
    """Outcomes of the samples judged by this run."""
    adaptive: bool = False
    """Whether the verdicts decide how many samples are drawn, so that `total` is only a bound."""
    problems: int = 0
    """Problems of the run."""
    settled: dict[Settled, int] = field(default_factory=dict)
    """Problems that want no further samples, by why."""
    engine: dict[str, str] = field(default_factory=dict)
    """What the teacher says of its engine."""


Watch = Callable[[SamplingProgress], None]


def unseen(_progress: SamplingProgress) -> None:
    """Take progress and show nothing."""
