"""The search for a lexicon's behaviours: all matches of many texts at once, with the byte at which each starts.

The engine says what matched but not where (`extract_all`), and asking it for the pieces in between (`split`) costs the whole
search again. So the places are looked up: since a match is leftmost, it starts at the first place after the match before where
its text stands and no word is cut. Places are looked up at once without regard to words; the few texts in which a place cuts a
word ("waiter") are done again with care.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from .lexicon import Lexicon

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

_WORD = bytes(byte < 128 and (chr(byte).isalnum() or chr(byte) == "_") for byte in range(256))


class Span(NamedTuple):
    """One behaviour at one place of a text, in characters: `text[start:end]` is what matched."""

    lexicon: str
    behaviour: str
    start: int
    end: int


@dataclass(frozen=True)
class Matches:
    """All matches of one lexicon in a list of texts, in the order of texts and places."""

    distinct: pl.Series
    """The different matched texts, folded."""
    text: np.ndarray
    """Number of the text, per match."""
    code: np.ndarray
    """Place in `distinct`, per match."""
    start: np.ndarray
    """Byte of the text at which the match starts, per match."""


def fold(data: bytes) -> bytes:
    """Give UTF-8 text with A-Z as a-z and everything else, lengths too, as it was."""
    return data.lower()


def find_matches(texts: pl.Series, lexicon: Lexicon) -> Matches:
    """Find all matches of a lexicon in a series of folded texts without nulls; see `Lexicon` for what a match is."""
    import numpy as np
    import polars as pl

    texts = texts.alias("text")
    rows = np.arange(len(texts))
    if lexicon.language == "zh":
        rows = rows[(texts.str.len_bytes() > texts.str.len_chars()).to_numpy().astype(bool)]
        rows = rows[texts.gather(rows).str.contains(r"\p{Han}").to_numpy().astype(bool)]
        texts = texts.gather(rows)
    found = texts.to_frame().select(pl.col("text").str.extract_all(lexicon.expression())).to_series()
    counts = found.list.len().to_numpy().astype(np.int64)
    words = found.explode(empty_as_null=False, keep_nulls=False).alias("match")
    distinct = words.unique(maintain_order=True)
    code = words.replace_strict(distinct, np.arange(len(distinct)), return_dtype=pl.Int64).to_numpy().astype(np.int64)
    some = np.flatnonzero(counts)
    starts = _starts(texts.gather(some).cast(pl.Binary).to_list(), counts[some], distinct.cast(pl.Binary).to_list(), code)
    return Matches(distinct, np.repeat(rows, counts), code, starts)


def spans(text: str, lexicons: Sequence[Lexicon]) -> list[Span]:
    """Give every match of every lexicon in one text, sorted by start; a match that counts for two behaviours is there twice.

    Positions are in characters of `text`. These are the matches that `cotkit tag` counts when `text` is a sample's reasoning, a
    line break and its response.
    """
    import numpy as np
    import polars as pl

    data = text.encode("utf-8", "replace")
    # the character a byte belongs to: bytes that only continue one do not count
    character = np.cumsum((np.frombuffer(data, np.uint8) & 0xC0) != 0x80) - 1
    folded = pl.Series([fold(data)], dtype=pl.Binary).cast(pl.String)
    found: list[Span] = []
    for lexicon in lexicons:
        matches = find_matches(folded, lexicon)
        names = dict(lexicon.attribute(matches.distinct).group_by("match").agg("behaviour").iter_rows())
        for code, first in zip(matches.code, matches.start, strict=True):
            matched = matches.distinct[int(code)]
            start = int(character[first])
            found += [Span(lexicon.name, name, start, start + len(matched)) for name in names[matched]]
    return sorted(found, key=lambda span: (span.start, span.end))


def _starts(texts: list[bytes], counts: np.ndarray, needles: list[bytes], code: np.ndarray) -> np.ndarray:
    """Give the first byte of each match in its text; `counts` says how many of `code` belong to each text."""
    import numpy as np

    if not texts:
        return np.zeros(0, np.int64)
    buffer = b"\n".join(texts) + b"\n"
    begins = np.cumsum([0, *map(len, texts)][:-1]) + np.arange(len(texts))
    bounds = np.concatenate([[0], np.cumsum(counts)]).tolist()
    own = [needles[number] for number in code.tolist()]
    places: list[int] = []
    find, add = buffer.find, places.append
    for begin, first, after in zip(begins.tolist(), bounds, bounds[1:], strict=False):
        place = begin
        for needle in own[first:after]:
            place = find(needle, place)
            add(place)
            place += len(needle)
    starts = np.array(places)
    ends = starts + np.array([len(needle) for needle in needles])[code]
    owner = np.repeat(np.arange(len(texts)), counts)
    for row in np.unique(owner[_cut_a_word(buffer, starts) | _cut_a_word(buffer, ends)]).tolist():
        first, after = bounds[row], bounds[row + 1]
        starts[first:after] = begins[row] + np.array(_careful_starts(texts[row], own[first:after]))
    return starts - begins[owner]


def _cut_a_word(buffer: bytes, places: np.ndarray) -> np.ndarray:
    import numpy as np

    word = np.frombuffer(_WORD, np.uint8).astype(bool)[np.frombuffer(buffer, np.uint8)[np.stack([np.maximum(places - 1, 0), places])]]
    return word[0] & word[1] & (places > 0)


def _careful_starts(data: bytes, needles: list[bytes]) -> list[int]:
    places, place, size = [], 0, len(data)
    for needle in needles:
        place = data.find(needle, place)
        while any(0 < edge < size and _WORD[data[edge - 1]] and _WORD[data[edge]] for edge in (place, place + len(needle))):
            place = data.find(needle, place + 1)
        places.append(place)
        place += len(needle)
    return places
