"""Phrase search: sentences of a corpus that are like given phrases.

Source of the set-up: arXiv 2502.03373, §6.5 and App. F (MinHash of 3-word shingles, 128 permutations, Jaccard of at least 0.5).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .recipe import Share
from .record import Record
from .step import StepConfig


class PhraseHit(Record):
    """A sentence of the corpus that is like a phrase; one row per sentence and phrase."""

    file: str
    """Name of the corpus file, from the corpus folder."""
    row: int
    """The text's row in the file, from 0."""
    document: str | None
    """The row's cell in the column that names documents (`url`, `id`, …); null where there is none."""
    sentence_number: int
    """The sentence's place in the text, from 0."""
    phrase: str
    """The phrase."""
    similarity: float
    """Jaccard similarity of the two sets of word triples, as estimated by MinHash; what the threshold is held against."""
    jaccard: float
    """The same, exactly."""
    sentence: str
    """The sentence."""
    before: str
    """What stands before it."""
    after: str
    """What stands after it."""


class PhrasesConfig(StepConfig):
    """How phrases are searched."""

    phrases: str = "aha"
    """A lexicon whose examples are the phrases, shipped or a TOML file, or a TOML file with `phrases = ["…"]`."""
    min_similarity: Share = 0.5
    """Least estimated Jaccard similarity of a hit."""
    shingle_words: Annotated[int, Field(ge=1, le=16)] = 3
    """Words in a row that are compared."""
    column: str | None = None
    """Column of the texts; `text`, `content`, `passage`, … when left out."""
    document: str | None = None
    """Column that names documents; `url`, `id`, … when left out."""
    context_characters: Annotated[int, Field(ge=0)] = 300
    """Characters kept before and after a hit."""
