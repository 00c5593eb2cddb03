"""Texts as one stream of 64-bit word hashes, made from the bytes of a whole batch at once.

A word is a run of letters, a run of digits, one operator (`+ - * / ^ = < > ! % |` and the mathematical symbols of Unicode) or one
Chinese or Japanese character; all else separates words. Case is folded where the folded letter takes as many bytes. Operators
count because `x + 1` and `x - 1` are different problems.

    words_of(["Add 2+2."]).hashes   ->  4 hashes: add 2 + 2
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

    Hashes = npt.NDArray[np.uint64]
    Places = npt.NDArray[np.int64]

SEPARATOR, LETTER, DIGIT, ALONE = range(4)
OPERATORS = "+-*/^=<>!%|"
BATCH_BYTES = 1 << 17
"""Text per batch: its arrays then fit in the processor's second-level cache (measured: 64 KiB and 256 KiB are a tenth slower)."""
ROWS_PER_SLICE = 1024


def _ascii_kind(code: int) -> int:
    character = chr(code)
    if character in OPERATORS:
        return ALONE
    return SEPARATOR if code > 127 or not character.isalnum() else DIGIT if character.isdigit() else LETTER


KINDS = bytes(map(_ascii_kind, range(256)))
FOLDED = bytes(code + 32 if 65 <= code <= 90 else code for code in range(256))


class Words(NamedTuple):
    """The words of some texts, one text after the other."""

    hashes: Hashes
    bounds: Places
    """Text i has the words `bounds[i]` to `bounds[i + 1]`."""
    kinds: npt.NDArray[np.uint8]
    """LETTER, DIGIT or ALONE, of each word."""


class Characters(NamedTuple):
    """The folded bytes of the words of some texts, one text after the other, without what separates them."""

    characters: npt.NDArray[np.uint8]
    kinds: npt.NDArray[np.uint8]
    """LETTER, DIGIT or ALONE, of each byte."""
    bounds: Places
    """Text i has the bytes `bounds[i]` to `bounds[i + 1]`."""


def words_of(texts: Sequence[str] | pl.Series) -> Words:
    """Give the words of texts as one stream; a null is an empty text.

    >>> one, other = words_of(["Find  $X+1$"]), words_of(["find x + 1"])
    >>> one.hashes.tolist() == other.hashes.tolist()
    True
    """
    import numpy as np
    import polars as pl

    parts = list(word_batches(texts if isinstance(texts, pl.Series) else pl.Series(texts, dtype=pl.String)))
    if not parts:
        return _words(b"", np.zeros(1, np.int64))
    starts = np.cumsum([0, *(part.bounds[-1] for part in parts)])
    bounds = [part.bounds[:-1] + start for part, start in zip(parts, starts[:-1], strict=True)]
    bounds = np.concatenate([*bounds, starts[-1:]])
    return Words(np.concatenate([part.hashes for part in parts]), bounds, np.concatenate([part.kinds for part in parts]))


def characters_of(texts: Sequence[str] | pl.Series) -> Characters:
    """Give what is left of texts when case and all that separates words are taken away; a null is an empty text.

    >>> characters_of(["Find  $X+1$"]).characters.tobytes()
    b'findx+1'
    """
    import numpy as np

    data, bounds = _buffer(texts)
    kinds, folded, _ = _kinds_and_folded(data)
    characters = np.frombuffer(folded, np.uint8, len(data))
    used = (kinds != SEPARATOR) & (characters != 0)  # a fold may be shorter than its character
    return Characters(characters[used], kinds[used], np.concatenate(([0], np.cumsum(used)))[bounds])


def word_batches(texts: pl.Series) -> Iterator[Words]:
    """Give the words of texts in batches that follow one another, so that memory is bounded whatever the number of texts."""
    import numpy as np

    for start in range(0, len(texts), ROWS_PER_SLICE):
        data, bounds = _buffer(texts.slice(start, ROWS_PER_SLICE))
        row = 0
        while row < len(bounds) - 1:
            stop = max(row + 1, int(np.searchsorted(bounds, bounds[row] + BATCH_BYTES, side="right")) - 1)
            yield _words(data[bounds[row] : bounds[stop]], bounds[row : stop + 1] - bounds[row])
            row = stop


def mix(hashes: Hashes) -> Hashes:
    """Spread every bit of 64-bit numbers over all bits (the finaliser of splitmix64; Steele, Lea and Flood 2014)."""
    import numpy as np

    mixed = hashes ^ (hashes >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _buffer(texts: Sequence[str] | pl.Series) -> tuple[bytes, Places]:
    """Give the UTF-8 bytes of all texts, one after the other, and where each begins; one more bound than texts."""
    import numpy as np
    import polars as pl

    texts = texts if isinstance(texts, pl.Series) else pl.Series(texts, dtype=pl.String)
    array = (texts.fill_null("") if texts.null_count() else texts).to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return b"", np.zeros(len(array) + 1, np.int64)
    bounds = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    return data[int(bounds[0]) : int(bounds[-1])].to_pybytes(), bounds - bounds[0]


def _words(data: bytes, bounds: Places) -> Words:
    import numpy as np

    if not data:
        return Words(np.empty(0, np.uint64), np.zeros(len(bounds), np.int64), np.empty(0, np.uint8))
    kinds, folded, inside = _kinds_and_folded(data)
    starts = np.empty(len(data) + 1, bool)
    starts[0] = starts[-1] = True
    np.not_equal(kinds[1:], kinds[:-1], out=starts[1:-1])
    starts[:-1] |= kinds == ALONE
    starts[inside] = False
    starts[bounds] = True
    used = kinds != SEPARATOR
    first = np.flatnonzero(starts[:-1] & used)
    last = np.flatnonzero(starts[1:] & used)
    return Words(_hash(folded, first, last + 1 - first), np.searchsorted(first, bounds), kinds[first])


def _kinds_and_folded(data: bytes) -> tuple[npt.NDArray[np.uint8], bytes, Places]:
    """Give the kind of each byte, the folded bytes with eight more, and the places inside characters of several bytes."""
    import numpy as np

    kinds, folded, nowhere = np.frombuffer(data.translate(KINDS), np.uint8), data.translate(FOLDED) + bytes(8), np.empty(0, np.int64)
    if data.isascii():
        return kinds, folded, nowhere
    kinds, characters, raw = kinds.copy(), np.frombuffer(folded, np.uint8).copy(), np.frombuffer(data, np.uint8)
    inside = np.flatnonzero((raw & 0xC0) == 0x80)
    leads = np.flatnonzero(raw >= 0xC0)
    lengths = 2 + (raw[leads] >= 0xE0) + (raw[leads] >= 0xF0)
    codes = (raw[leads] & (0x7F >> lengths)).astype(np.int64)
    for place in range(1, 4):
        there = np.flatnonzero(lengths > place)
        codes[there] = codes[there] << 6 | (raw[leads[there] + place] & 0x3F)
    of_kind, of_bytes = _looked_up(codes)
    for place in range(4):
        there = np.flatnonzero(lengths > place)
        kinds[leads[there] + place] = of_kind[there]
        characters[leads[there] + place] = of_bytes[there] >> np.uint32(8 * place)
    return kinds, characters.tobytes(), inside


def _looked_up(codes: Places) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32]]:
    """Give the kinds and the folded bytes of characters; each is worked out when it is first seen."""
    import numpy as np

    kinds, folded, known = character_table()
    learn_characters(np.unique(codes[~known[codes]]))
    return kinds[codes], folded[codes]


def learn_characters(codes: Places) -> None:
    """Put characters into the table."""
    kinds, folded, known = character_table()
    for code in codes.tolist():
        kinds[code], folded[code] = _beyond_ascii(chr(code))
    known[codes] = True


@lru_cache(maxsize=1)
def character_table() -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint32], npt.NDArray[np.bool_]]:
    """Give the kinds and the folded bytes of all characters, and which of them are known yet."""
    import numpy as np

    return np.zeros(0x110000, np.uint8), np.zeros(0x110000, np.uint32), np.zeros(0x110000, bool)


def _beyond_ascii(character: str) -> tuple[int, int]:
    """Give a character's kind and its folded bytes, read as a little-endian number."""
    original = character.encode("utf-8")
    folded = unicodedata.normalize("NFKC", character).casefold().replace("\u2212", "-")
    encoded = folded.encode("utf-8")
    # a letter must keep its place in the word; a word of one character may become shorter
    fits = len(encoded) == len(original) or (len(encoded) < len(original) and _kind(folded[:1]) == ALONE)
    if len(folded) == 1 and fits:
        character, original = folded, encoded
    return _kind(character), int.from_bytes(original, "little")


def _kind(character: str) -> int:
    code, category = ord(character), unicodedata.category(character)
    if character in OPERATORS or category == "Sm":
        return ALONE
    if category[0] in "LM":
        written_without_spaces = 0x2E80 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF
        return ALONE if written_without_spaces else LETTER
    return DIGIT if category[0] == "N" else SEPARATOR


def _hash(folded: bytes, first: Places, lengths: Places) -> Hashes:
    """Hash the words that begin at `first`, eight bytes at a time; `folded` has eight bytes more than the words reach."""
    import numpy as np

    masks = np.array([(1 << 8 * size) - 1 for size in range(9)], np.uint64)
    eights = np.ndarray((len(folded) - 7,), "<u8", folded, strides=(1,))  # the eight bytes from each place on
    hashes = mix((eights[first] & masks[np.minimum(lengths, 8)]) + np.uint64(0x9E3779B97F4A7C15))
    longer, done = np.flatnonzero(lengths > 8), 8
    while len(longer):
        left = lengths[longer] - done
        hashes[longer] = mix(hashes[longer] ^ (eights[first[longer] + done] & masks[np.minimum(left, 8)]))
        longer, done = longer[left > 8], done + 8
    return hashes
