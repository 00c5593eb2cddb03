"""The verifier of kind `text`: the same words, whatever their case, punctuation, articles and layout."""

from __future__ import annotations

import re
import unicodedata

from ..schemas.problem import Problem
from .canonical import canonical
from .extraction import EXPLICIT, Extraction, statement
from .finding import Finding

_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_PUNCTUATION = re.compile(r"[^\w\s+\-*/=<>^%]|_")
_LABEL = re.compile(r"(?:^|\s)(?:\*\*)?answer(?: is)?\s*$")


def verify_text(response: str, problem: Problem) -> Finding:
    """Judge a response to a problem whose answer is a word or a phrase."""
    gold = plain_words(problem.answer)
    if not gold:
        return Finding(outcome="unreadable_gold", decided_by="empty")
    found = statement(response)
    same = found.answer is not None and plain_words(found.answer) == gold
    whole = None if same else _where_it_stands_whole(response, gold, found)
    if whole:
        return Finding(outcome="correct", answer=problem.answer, found_by=whole, decided_by="words")
    if found.answer is None:
        return Finding(outcome="no_answer")
    outcome = "correct" if same else "ambiguous" if found.hedged else "wrong"
    return Finding(outcome=outcome, answer=found.answer, found_by=found.found_by, decided_by="words")


def _where_it_stands_whole(response: str, gold: str, found: Extraction) -> str | None:
    """Say where a gold answer stands that is longer than what a statement is cut down to: last line, whole text, last sentence."""
    text = response[-20 * len(gold) - 1_000 :].strip()
    if found.answer is None and plain_words(text.rpartition("\n")[2]) == gold:
        return "last_line"
    if found.found_by in EXPLICIT - {"sentence"}:
        return None
    words = plain_words(text)
    if words == gold:
        return "whole_text"
    return "sentence" if words.endswith(gold) and _LABEL.search(words[: -len(gold)]) else None


def plain_words(text: str) -> str:
    r"""Give the words that count.

    >>> plain_words(r"\text{The Eiffel Tower.}")
    'eiffel tower'
    """
    words = _PUNCTUATION.sub(" ", unicodedata.normalize("NFKC", canonical(text)).casefold())
    return " ".join(_ARTICLE.sub(" ", words).split()) or " ".join(words.split())
