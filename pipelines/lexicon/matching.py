"""The search for the behaviours of lexicons: all matches of many texts at once, with the bytes at which each starts and ends.

Two searches give the same matches. Where numba is installed (the extra `fast`) and there is text enough, `scanning.py` takes one
pass over the bytes with the automata of all lexicons. Else, and for a pattern that `automaton.py` cannot read, the regular
expressions of polars: one search per lexicon. That engine says what matched but not where (`extract_all`), and asking it for the
pieces in between (`split`) costs the whole search again. So the places are looked up: since a match is leftmost, it starts at the
first place after the match before where its text stands and no word is cut. Places are looked up at once without regard to
words; the few texts in which a place cuts a word ("waiter") are done again with care.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from .automaton import WORD, automaton
from .lexicon import Lexicon
from .utf8 import Utf8, is_for_compiled_code, utf8_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Numbers = npt.NDArray[np.int64]

_WORD = bytes(byte in WORD for byte in range(256))


class Span(NamedTuple):
    """One behaviour at one place of a text, in characters: `text[start:end]` is what matched."""

    lexicon: str
    behaviour: str
    start: int
    end: int


class Matches(NamedTuple):
    """All matches of one lexicon in a list of texts, in the order of texts and places."""

    text: Numbers
    """Number of the text, per match."""
    start: Numbers
    """Byte of the text at which the match starts."""
    end: Numbers
    """Byte behind its last."""
    pattern: Numbers
    """Number of the pattern that matched, in `Lexicon.patterns`."""

    def of(self, chosen: npt.NDArray[np.bool_]) -> Matches:
        """Give some of the matches."""
        return Matches(*(column[chosen] for column in self))


def find_matches(texts: pl.Series, lexicons: Sequence[Lexicon]) -> list[Matches]:
    """Find all matches of each lexicon in a series of texts without nulls; see `Lexicon` for what a match is."""
    data = utf8_of(texts)
    found: dict[int, Matches] = {}
    if is_for_compiled_code(len(data.data)):
        from .scanning import scan

        covered = {place: one for place, lexicon in enumerate(lexicons) if (one := automaton(lexicon.spellings()))}
        found = dict(zip(covered, scan(data, list(covered.values())), strict=True))
    rest = [place for place in range(len(lexicons)) if place not in found]
    if rest:
        folded = fold(data)
        found |= {place: search(folded, lexicons[place]) for place in rest}
    return [_where_spoken(texts, found[place]) if lexicon.language == "zh" else found[place] for place, lexicon in enumerate(lexicons)]


def fold(texts: Utf8) -> pl.Series:
    """Give texts with A-Z as a-z and everything else, lengths too, as it was."""
    import polars as pl

    data, places = texts.data.tobytes(), texts.bounds.tolist()
    folded = [data[start:end].lower() for start, end in itertools.pairwise(places)]
    return pl.Series("text", folded, dtype=pl.Binary).cast(pl.String)


def _where_spoken(texts: pl.Series, found: Matches) -> Matches:
    """Leave out the matches in texts without a Chinese character."""
    import numpy as np

    rows, place = np.unique(found.text, return_inverse=True)
    return found.of(texts.gather(rows).str.contains(r"\p{Han}").to_numpy().astype(bool)[place])


def spans(text: str, lexicons: Sequence[Lexicon]) -> list[Span]:
    """Give every match of every lexicon in one text, sorted by start; a match that counts for two behaviours is there twice.

    Positions are in characters of `text`. These are the matches that `cotkit tag` counts when `text` is a sample's reasoning, a
    line break and its response.
    """
    import numpy as np
    import polars as pl

    data = text.encode("utf-8", "replace")
    # the character a byte belongs to: bytes that only continue one do not count
    character = np.cumsum((np.frombuffer(data + b" ", np.uint8) & 0xC0) != 0x80) - 1
    texts = pl.Series([data], dtype=pl.Binary).cast(pl.String)
    found: list[Span] = []
    for lexicon, matches in zip(lexicons, find_matches(texts, lexicons), strict=True):
        for start, end, pattern in zip(*(column.tolist() for column in matches[1:]), strict=True):
            place = int(character[start]), int(character[end])
            found += [Span(lexicon.name, name, *place) for name in lexicon.counted_for(pattern)]
    return sorted(found, key=lambda span: (span.start, span.end))


def search(folded: pl.Series, lexicon: Lexicon) -> Matches:
    """Find all matches of a lexicon in folded texts, by its regular expression."""
    import numpy as np
    import polars as pl

    found = folded.alias("text").to_frame().select(pl.col("text").str.extract_all(lexicon.expression())).to_series()
    counts = found.list.len().to_numpy().astype(np.int64)
    words = found.explode(empty_as_null=False, keep_nulls=False).alias("match")
    distinct = words.unique(maintain_order=True)
    code = words.replace_strict(distinct, np.arange(len(distinct)), return_dtype=pl.Int64).to_numpy().astype(np.int64)
    some, needles = np.flatnonzero(counts), distinct.cast(pl.Binary).to_list()
    starts = _starts(folded.gather(some).cast(pl.Binary).to_list(), counts[some], needles, code)
    sizes = np.array([len(needle) for needle in needles], np.int64)
    patterns = lexicon.patterns_of(distinct).to_numpy().astype(np.int64)
    return Matches(np.repeat(np.arange(len(folded)), counts), starts, starts + sizes[code], patterns[code])


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
