"""The verifier of kind `text`: the same words, whatever their case, punctuation, articles and layout."""

from __future__ import annotations

import re
import unicodedata

from ..schemas.problem import Problem
from ..schemas.verdict import Verdict
from .canonical import canonical
from .extraction import Extraction, extract

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = re.compile(r"[^\w\s+\-*/=<>^%]|_")


def verify_text(response: str, problem: Problem) -> Verdict:
    """Judge a response to a problem whose answer is a word or a phrase."""
    gold = plain_words(problem.answer)
    if not gold:
        return Verdict(outcome="unreadable_gold", decided_by="empty")
    found = extract(response)
    if found.answer is None:
        last_line = response.strip().rpartition("\n")[2]
        if plain_words(last_line) != gold:
            return Verdict(outcome="no_answer")
        found = Extraction(last_line, "last_line")
    outcome = "correct" if plain_words(found.answer or "") == gold else "ambiguous" if found.hedged else "wrong"
    return Verdict(outcome=outcome, answer=found.answer, found_by=found.found_by, decided_by="words")


def plain_words(text: str) -> str:
    r"""Give the words that count.

    >>> plain_words(r"\text{The Eiffel Tower.}")
    'eiffel tower'
    """
    words = _PUNCTUATION.sub(" ", unicodedata.normalize("NFKC", canonical(text)).casefold())
    return " ".join(_ARTICLE.sub(" ", words).split()) or " ".join(words.split())
