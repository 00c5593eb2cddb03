r"""Find the sentences of texts that are like given phrases.

A sentence ends at `.`, `!`, `?` or `…` before a blank, at `。`, `！`, `？`, or at a line's end. Two texts are compared as sets of their
runs of three words (a shorter one is a single run, whole), lower case, without punctuation and operators, by MinHash of 128
permutations. What shares no run with a phrase has no slot in common with it, so cheaper filters come before the sketch: one regular
expression of all runs, on texts, then on sentences; then the exact similarity, which must come within `MARGIN` of the threshold.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from ...schemas.errors import CotkitError
from ...schemas.phrases import PhrasesConfig
from ..lexicon import load_lexicon, shipped_lexicons
from ..similarity import Shingles, shingles, signatures, word_batches
from ..similarity.words import OPERATORS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

BREAK = "\x1e"
"""Set between sentences; a text's own is a blank."""
_WORD = re.compile("[a-z]+|[0-9]+")
SENTENCE_END = r"""([.!?…]["'”’)\]]*)[ \t]+|([。！？]["”’」』]*)|\s*\n\s*"""
MARGIN = 0.2
"""What is so far below the threshold is not sketched: more than four standard errors of the estimate."""
SKETCHED_AT_ONCE = 1024
MOST_RUNS = 4000
"""With more runs than so many, texts are not looked through first."""


class PhraseMatcher:
    """Phrases, ready to be compared with texts."""

    def __init__(self, phrases: list[str], config: PhrasesConfig) -> None:
        import polars as pl

        self.phrases, self.config = phrases, config
        self._plain = plain(pl.Series(phrases, dtype=pl.String))

    @cached_property
    def _sets(self) -> list[set[int]]:
        return _shingle_sets(self._plain, self.config.shingle_words)

    @cached_property
    def _signatures(self) -> npt.NDArray[np.uint32]:
        return signatures(self._plain, self.config.shingle_words)

    @cached_property
    def _owners(self) -> dict[int, list[int]]:
        """Which phrases have a run, by its hash."""
        owners: dict[int, list[int]] = {}
        for number, runs in enumerate(self._sets):
            for run in runs:
                owners.setdefault(run, []).append(number)
        return owners

    @cached_property
    def run_pattern(self) -> str | None:
        """A regular expression that matches in every text with a run of a phrase; None when the phrases do not allow one."""
        if not all(text.isascii() for text in self._plain):
            return None
        runs = sorted({tuple(run) for text in self._plain for run in _runs(_WORD.findall(text), self.config.shingle_words)})
        return f"(?i){'|'.join(map(_run_pattern, runs))}" if len(runs) <= MOST_RUNS else None

    def hits(self, texts: pl.Series) -> pl.DataFrame:
        """Give the hits in texts: columns row, sentence_number, phrase, similarity, jaccard, sentence, before, after."""
        import polars as pl

        sentences = self._near(self._likely(texts))
        found = [self._compared(sentences[start : start + SKETCHED_AT_ONCE]) for start in range(0, sentences.height, SKETCHED_AT_ONCE)]
        hits = pl.concat(found) if found else self._compared(sentences)
        return self._with_context(hits, texts)

    def _likely(self, texts: pl.Series) -> pl.DataFrame:
        """Give the sentences that may share a run with a phrase: columns row, sentence_number, sentence, plain."""
        import polars as pl

        if self.run_pattern is None:
            sentences = split_sentences(texts)
        else:
            rows = texts.str.contains(self.run_pattern).fill_null(False).arg_true().cast(pl.Int64)
            sentences = split_sentences(texts[rows]).filter(pl.col("sentence").str.contains(self.run_pattern))
            sentences = sentences.with_columns(rows[sentences["row"]].alias("row"))
        return sentences.with_columns(plain(sentences["sentence"]).alias("plain"))

    def _near(self, sentences: pl.DataFrame) -> pl.DataFrame:
        """Keep the sentences whose exact similarity to a phrase is near the threshold or above."""
        import polars as pl

        least, near = self.config.min_similarity - MARGIN, []
        for runs in _shingle_sets(sentences["plain"], self.config.shingle_words):
            shared = Counter(phrase for run in runs & self._owners.keys() for phrase in self._owners[run])
            near.append(any(n >= least * (len(runs) + len(self._sets[phrase]) - n) for phrase, n in shared.items()))
        return sentences.filter(pl.Series(near, dtype=pl.Boolean))

    def _compared(self, sentences: pl.DataFrame) -> pl.DataFrame:
        """Sketch sentences and compare each with all phrases."""
        import numpy as np
        import polars as pl

        ours, size = self._signatures, self.config.shingle_words
        theirs = signatures(sentences["plain"], size)
        similarity = np.stack([(theirs == one).mean(axis=1) for one in ours], axis=1) if len(theirs) else np.empty((0, len(ours)))
        rows, phrases = np.nonzero(similarity >= self.config.min_similarity)
        hit = sentences[rows]
        sets = _shingle_sets(hit["plain"], size)
        exact = [len(sets[at] & self._sets[phrase]) / len(sets[at] | self._sets[phrase]) for at, phrase in enumerate(phrases)]
        return hit.select("row", "sentence_number", "sentence").with_columns(
            pl.Series("phrase", [self.phrases[phrase] for phrase in phrases], pl.String),
            pl.Series("similarity", similarity[rows, phrases], pl.Float64).round(4),
            pl.Series("jaccard", exact, pl.Float64).round(4),
        )

    def _with_context(self, hits: pl.DataFrame, texts: pl.Series) -> pl.DataFrame:
        size, before, after = self.config.context_characters, [], []
        known: dict[int, list[str]] = {}
        for row, number in hits.select("row", "sentence_number").iter_rows():
            if row not in known:
                known = {row: split_sentences(texts[row : row + 1])["sentence"].to_list()}
            before.append(" ".join(known[row][max(0, number - 20) : number])[-size:] if size else "")
            after.append(" ".join(known[row][number + 1 : number + 21])[:size])
        import polars as pl

        return hits.with_columns(pl.Series("before", before, pl.String), pl.Series("after", after, pl.String))


def load_phrases(name: str) -> list[str]:
    """Read phrases: a lexicon's examples, or `phrases = […]` of a TOML file; raises CotkitError when there are none."""
    path = Path(name)
    if path.is_file():
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise CotkitError(f"{path}: not valid TOML: {error}", "mend the file") from None
        if "phrases" in content:
            return _checked(content["phrases"], str(path))
    elif name not in shipped_lexicons():
        raise CotkitError(f"{name}: no such phrases", f"name a TOML file, or a shipped lexicon: {', '.join(shipped_lexicons())}")
    lexicon = load_lexicon(name)
    return _checked([example for behaviour in lexicon.behaviours for example in behaviour.examples], name)


def split_sentences(texts: pl.Series) -> pl.DataFrame:
    r"""Split texts: columns row, sentence_number, sentence; a null is an empty text.

    >>> import polars as pl
    >>> split_sentences(pl.Series(["Wait! Is 3.5 right?\nYes.", None]))["sentence"].to_list()
    ['Wait!', 'Is 3.5 right?', 'Yes.', '']
    """
    import polars as pl

    text = pl.col("text").fill_null("").str.replace_all(BREAK, " ", literal=True).str.replace_all(SENTENCE_END, f"${{1}}${{2}}{BREAK}")
    frame = (
        texts.rename("text").to_frame().with_row_index("row").select(pl.col("row").cast(pl.Int64), text.str.split(BREAK).alias("sentence"))
    )
    frame = frame.with_columns(pl.int_ranges(pl.col("sentence").list.len()).alias("sentence_number"))
    return frame.explode("sentence", "sentence_number").select("row", "sentence_number", "sentence")


def plain(texts: pl.Series) -> pl.Series:
    """Write texts in lower case with blanks for operators, which are no words here."""
    import polars as pl

    text = pl.col("text").fill_null("").str.replace_many(list(OPERATORS), [" "] * len(OPERATORS)).str.to_lowercase()
    return texts.rename("text").to_frame().select(text).to_series()


def _checked(phrases: object, place: str) -> list[str]:
    if not isinstance(phrases, list) or not phrases or not all(isinstance(phrase, str) and len(phrase.split()) > 1 for phrase in phrases):
        raise CotkitError(f"{place}: no phrases", "give texts of two words or more")
    return list(dict.fromkeys(phrases))


def _shingle_sets(texts: pl.Series, size: int) -> list[set[int]]:
    sets: list[set[int]] = []
    for words in word_batches(texts):
        of: Shingles = shingles(words, size)
        sets += [set(of.hashes[start:end].tolist()) for start, end in zip(of.bounds[:-1], of.bounds[1:], strict=True)]
    return sets


def _runs(words: list[str], size: int) -> list[list[str]]:
    return [words[at : at + size] for at in range(max(1, len(words) - size + 1))]


def _run_pattern(run: tuple[str, ...]) -> str:
    """Words with anything but letters between; digits may stand close to letters."""
    between = ["[^a-z]+" if one.isalpha() and other.isalpha() else "[^a-z]*" for one, other in pairwise(run)]
    return "".join(part for pair in zip(run, [*between, ""], strict=True) for part in pair)
