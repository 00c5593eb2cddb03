"""Writing systems: letters per script, and the longest passage in another script than most of the text.

ASCII letters are counted by deleting all other bytes; only what is not ASCII is looked at character by character. Where numba is
installed and there is text enough, `letters.py` does the same in one pass over the bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..lexicon import is_for_compiled_code, utf8_of

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

# fmt: off
SCRIPTS = (
    "Latin", "Han", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Bengali", "Thai", "Hiragana", "Katakana", "Hangul", "Tamil",
    "Telugu", "Kannada", "Malayalam", "Gujarati", "Gurmukhi", "Oriya", "Sinhala", "Lao", "Khmer", "Myanmar", "Tibetan", "Georgian",
    "Armenian", "Ethiopic", "Mongolian",
)
# fmt: on
"""Scripts that are told apart; letters of any other count as `Other`."""

NAMES = sorted((*SCRIPTS, "Other"))
"""In the order in which scripts with as many letters are named."""

_BYTES = bytes(range(256))
_LETTERS = bytes(byte for byte in range(128) if chr(byte).isalpha())
_NOT_LETTERS = bytes(set(_BYTES) - set(_LETTERS))
_ASCII = bytes(range(128))


def scripts_of(rows: pl.Series, texts: pl.Series) -> tuple[pl.DataFrame, Sequence[int]]:
    """Give `row` and the fields of ScriptCount for each script that occurs in texts, most frequent first within a row; and, per text,
    the letters of its longest passage in other scripts than its most frequent one.

    A passage ends where two letters of that script follow one another: a single one is a variable ("设 x 为整数" is one passage
    of English text). What is no letter neither counts nor ends a passage.
    """
    data = utf8_of(texts)
    if is_for_compiled_code(len(data.data)):
        from . import letters

        counts, longest = letters.letters_of(data)
        return as_frame(rows, counts), longest.tolist()
    counts = script_counts(rows, texts)
    return counts, longest_foreign(texts, rows, counts)


def is_of(script: str) -> str:
    """Give the expression that matches a character, letter or mark, of one of SCRIPTS."""
    return rf"\p{{{script}}}"


def is_letter(but_for: str = "") -> str:
    """Give the expression that matches a letter of any script, but for some class."""
    return rf"[\p{{L}}--[\p{{Common}}\p{{Inherited}}{but_for}]]"


OWN_OF_OTHER = r"[\p{L}--[" + "".join(map(is_of, SCRIPTS)) + "]]"


def as_frame(rows: pl.Series, counts: np.ndarray) -> pl.DataFrame:
    """Give letters by text and script, shape (texts, NAMES), as `row` and the fields of ScriptCount, most frequent first within a row."""
    import numpy as np
    import polars as pl

    text, script = np.nonzero(counts)
    order = np.lexsort((script, -counts[text, script], text))
    text, script = text[order], script[order]
    characters = pl.Series("characters", counts[text, script], pl.Int64)
    return pl.DataFrame([rows.gather(text).alias("row"), pl.Series("script", NAMES).gather(script), characters])


def script_counts(rows: pl.Series, texts: pl.Series) -> pl.DataFrame:
    """Give the first part of what `scripts_of` gives, without compiled code."""
    import polars as pl

    return _scripts(rows, [_letters_of(data) for data in texts.cast(pl.Binary)])


def longest_foreign(texts: pl.Series, rows: pl.Series, scripts: pl.DataFrame) -> list[int]:
    """Give the second part of what `scripts_of` gives, without compiled code; `rows` are the numbers of the texts in `scripts`."""
    import polars as pl

    per_row = scripts.group_by("row", maintain_order=True).agg(pl.col("script").first(), pl.col("characters").slice(1).sum())
    foreign = per_row.filter(pl.col("characters") > 0)
    longest = dict.fromkeys(rows, 0) | dict(foreign.select("row", "characters").iter_rows())
    several = pl.DataFrame({"row": rows, "text": texts}).join(foreign.filter(pl.col("characters") > 1), on="row")
    for (script,), group in several.group_by("script"):
        own = is_of(script) if script != "Other" else OWN_OF_OTHER
        pieces = pl.col("text").str.split(f"{own}{{2,}}", literal=False)
        letters = pl.element().str.count_matches(is_letter(own))
        longest |= dict(group.select("row", pieces.list.eval(letters).list.max()).iter_rows())
    return list(longest.values())


def _letters_of(data: bytes) -> tuple[int, Counter[str]]:
    """Count a text's ASCII letters, and each character that is not ASCII."""
    others = Counter() if data.isascii() else Counter(data.translate(None, _ASCII).decode("utf-8"))
    return len(data.translate(None, _NOT_LETTERS)), others


def _scripts(rows: pl.Series, letters: list[tuple[int, Counter[str]]]) -> pl.DataFrame:
    """Give `row` and the fields of ScriptCount for each script that occurs, most frequent first within a row."""
    import polars as pl

    script_of = _script_of({character for _, others in letters for character in others})
    found: list[tuple[int, str, int]] = []
    for row, (latin, others) in zip(rows, letters, strict=True):
        found += [(row, "Latin", latin)] if latin else []
        found += [(row, script_of[character], count) for character, count in others.items() if character in script_of]
    frame = pl.DataFrame(found, schema={"row": rows.dtype, "script": pl.String, "characters": pl.Int64}, orient="row")
    counts = frame.group_by("row", "script").agg(pl.col("characters").sum())
    return counts.sort("row", "characters", "script", descending=[False, True, False])


def _script_of(characters: set[str]) -> dict[str, str]:
    """Give the script of each letter: one of SCRIPTS, or `Other`; what is no letter, or belongs to no script, is left out."""
    import polars as pl

    letters = pl.Series("character", sorted(characters), pl.String)
    letters = letters.filter(letters.str.contains(is_letter()))
    rest, script_of = letters, dict.fromkeys(letters, "Other")
    for script in SCRIPTS:
        if rest.is_empty():
            break
        belongs = rest.str.contains(is_of(script))
        script_of |= dict.fromkeys(rest.filter(belongs), script)
        rest = rest.filter(~belongs)
    return script_of
