"""What a run has and its dataset has not: kept samples that cannot be trained on, problems that are no RL prompts."""

from __future__ import annotations

from typing import NamedTuple


class LeftOut(NamedTuple):
    """How much is not published, and why."""

    default: dict[str, dict[str, int]]
    """Kept samples, by published split and reason."""
    rl: dict[str, int]
    """Problems, by reason."""

    def notes(self) -> list[str]:
        """Tell it in lines."""
        splits = self.default.items()
        of_splits = [f"{count:,} kept samples are not in default/{split}: {why}" for split, of in splits for why, count in of.items()]
        return of_splits + [f"{count:,} problems are not in rl: {why}" for why, count in self.rl.items()]
