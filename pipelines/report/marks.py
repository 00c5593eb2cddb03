"""Marks in a trace: where behaviours stand and which stretches repeat an earlier one, in the places that a browser counts.

A browser counts UTF-16 units: an emoji is two. The text is a sample's reasoning, a line break, its response, as `cotkit tag` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..lexicon import Lexicon, find_matches

if TYPE_CHECKING:
    import numpy as np

WINDOW = 40
"""Tokens of a window that counts as repeated: the rule behind `Tags.repeated_share`."""

MOST_MARKS = 50_000
"""Behaviours marked in one text at most; a longer list would slow the page down."""

SPACE = r"[ \t\n\r\v\f]"
TOKEN = re.compile(rf"{SPACE}*(?:[A-Za-z\u0080-\u07ff]+|[0-9\u0800-\U0010ffff]|[^A-Za-z0-9 \t\n\r\v\f\u0080-\U0010ffff]+)|{SPACE}+")
"""The tokens of that rule: white space and then a run of letters, a run of signs, one digit or one character from U+0800 on."""

Mark = tuple[int, int, int]
"""Number of the behaviour, first unit, unit behind the last one."""


def behaviour_names(lexicons: Sequence[Lexicon]) -> list[tuple[str, str]]:
    """Name the behaviours that marks count from 0, as (lexicon, behaviour)."""
    return [(lexicon.name, behaviour.name) for lexicon in lexicons for behaviour in lexicon.behaviours]


def behaviour_marks(texts: Sequence[str], lexicons: Sequence[Lexicon]) -> list[list[Mark]]:
    """Find the behaviours of each text, sorted by place; a match that counts for two behaviours is there twice."""
    import polars as pl

    number = {name: place for place, name in enumerate(behaviour_names(lexicons))}
    found: list[list[Mark]] = [[] for _ in texts]
    units = [_units_before(text.encode("utf-8")) for text in texts]
    for lexicon, matches in zip(lexicons, find_matches(pl.Series(texts, dtype=pl.String), lexicons), strict=True):
        counted = [[number[lexicon.name, name] for name in lexicon.counted_for(place)] for place in range(len(lexicon.patterns()))]
        for text, start, end, pattern in zip(*(column.tolist() for column in matches), strict=True):
            place = int(units[text][start]), int(units[text][end])
            found[text] += [(behaviour, *place) for behaviour in counted[pattern]]
    return [sorted(marks, key=lambda mark: mark[1:])[:MOST_MARKS] for marks in found]


def _units_before(data: bytes) -> np.ndarray:
    """Give, for each byte of a text and for its end, the UTF-16 units before it."""
    import numpy as np

    values = np.frombuffer(data, np.uint8)
    units = ((values & 0xC0) != 0x80).astype(np.int64) + (values >= 0xF0)
    return np.concatenate([[0], np.cumsum(units)])


def loop_marks(text: str) -> list[tuple[int, int]]:
    """Find the stretches of a text that lie in a window of 40 tokens that was there before, as (first unit, unit behind the last).

    >>> loop_marks("ten words that come again and again and again . " * 10)[0]
    (51, 479)
    """
    edges = [match.start() for match in TOKEN.finditer(text)] + [len(text)]
    seen: set[str] = set()
    stretches: list[list[int]] = []
    for first in range(len(edges) - WINDOW):
        window = text[edges[first] : edges[first + WINDOW]]
        if window not in seen:
            seen.add(window)
        elif stretches and edges[first] <= stretches[-1][1]:
            stretches[-1][1] = edges[first + WINDOW]
        else:
            stretches.append([edges[first], edges[first + WINDOW]])
    units = _units_to(text)
    return [(units(start), units(end)) for start, end in stretches]


def _units_to(text: str) -> Callable[[int], int]:
    """Give the function that counts the UTF-16 units of the first so many characters."""
    import numpy as np

    if text.isascii():
        return int
    wide = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32) > 0xFFFF
    wide_before = np.concatenate([[0], np.cumsum(wide)])
    return lambda characters: characters + int(wide_before[characters])
