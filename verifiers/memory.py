"""Remember what was found in short texts: a problem's gold answer comes again with each sample, and its samples say few different things.

    @remembered
    def read(text): ...

Only texts of up to `REMEMBERED_LENGTH` characters are kept, `REMEMBERED` of them for a function, so that no text fills memory.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

REMEMBERED_LENGTH = 200
"""Longer texts are not kept: they would fill memory, and seldom come twice."""
REMEMBERED = 4_096
"""So many texts are kept for each function."""

Result = TypeVar("Result")


def remembered(function: Callable[[str], Result]) -> Callable[[str], Result]:
    """Keep what a pure function says of short texts."""
    kept = lru_cache(maxsize=REMEMBERED)(function)

    @wraps(function)
    def look(text: str) -> Result:
        return kept(text) if len(text) <= REMEMBERED_LENGTH else function(text)

    return look
