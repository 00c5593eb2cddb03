r"""The verifier of kind `choice`: the letter of an option, bare, in brackets or as text, or the option's own text.

Letters run from A to J. A single capital is taken for a letter only where a choice is stated, so that the article "A" is none.
Several letters are ambiguous unless the gold answer lists the same ones.
"""

from __future__ import annotations

import re

from ..schemas.problem import Problem
from ..schemas.verdict import Verdict
from .canonical import canonical
from .extraction import Extraction, extract
from .text import plain_words

_LETTERS = re.compile(r"\(?([A-J])\)?(?:(?:\s*(?:,|;|/|&|and|or)\s*|\s+)\(?([A-J])\)?(?![a-z]))*(?=[\s.,:;)\]]|$)")
_ONE = re.compile(r"(?<![A-Za-z])[A-J](?![A-Za-z'])")
_OPENING = re.compile(r"(?:the\s+)?(?:correct\s+)?(?:option|choice|answer|letter)?\s*(?:is|:)?\s*", re.IGNORECASE)
_STATED = re.compile(r"\b(?:option|choice|select|choose|pick)\s+(?:is\s+)?\**\(?([A-J])\)?(?![A-Za-z])", re.IGNORECASE)
_JUDGED = re.compile(r"(?<![A-Za-z])\(?([A-J])\)? is (?:the )?(?:correct|right|best)")
_BRACKETED = re.compile(r"\(([A-J])\)")
_LAST_LINE = re.compile(r"\W*([A-J])(?:\W*|[.):]\s.*)")


def verify_choice(response: str, problem: Problem) -> Verdict:
    """Judge a response to a problem with lettered options."""
    gold = letters_of(canonical(problem.answer))
    if not gold:
        return Verdict(outcome="unreadable_gold", decided_by="letter")
    found = extract(response)
    said = set() if found.answer is None else stated_letters(found.answer, problem.options)
    if not said and found.found_by in (None, "bold", "whole_text", "sentence"):
        guess = _letter_in(response)
        found, said = (Extraction(guess, "letter"), {guess}) if guess else (found, said)
    if found.answer is None:
        return Verdict(outcome="no_answer")
    if said == gold:
        outcome = "correct"
    elif not said:
        outcome = "unreadable_answer"
    else:
        outcome = "ambiguous" if found.hedged or len(said) > 1 else "wrong"
    return Verdict(outcome=outcome, answer=found.answer, found_by=found.found_by, decided_by="letter")


def stated_letters(answer: str, options: list[str]) -> set[str]:
    """Read the letters of an answer, or find the option whose text it is; empty when it is neither."""
    text = canonical(answer)
    by_text = {chr(ord("A") + place) for place, option in enumerate(options[:10]) if plain_words(option) == plain_words(answer)}
    if len(by_text) == 1 and len(text) > 1:
        return by_text
    letters = letters_of(text)
    if letters:
        return letters
    body = plain_words(re.sub(r"^\W*[A-J][.):]\s*", "", text))
    by_text = {chr(ord("A") + place) for place, option in enumerate(options[:10]) if body and plain_words(option) == body}
    return by_text if len(by_text) == 1 else set()


def letters_of(text: str) -> set[str]:
    """Read the letters at the start of a canonical text.

    >>> sorted(letters_of("(B) because")), sorted(letters_of("A and C")), sorted(letters_of("A triangle"))
    (['B'], ['A', 'C'], [])
    """
    start = _OPENING.match(text)
    text = text[start.end() if start else 0 :].lstrip("[{* ")
    if len(text) == 1 and text.upper() in "ABCDEFGHIJ":
        return {text.upper()}
    match = _LETTERS.match(text)
    if match is None:
        return set()
    rest = text[match.end() :].strip(" ])}*")
    bare = match[0] in ("A", "I")
    if bare and rest[:1].isalpha():
        return set()
    return set(_ONE.findall(match[0]))


def _letter_in(response: str) -> str | None:
    """Find the letter of a response that states no answer in so many words."""
    tail = response[-2000:].rstrip()
    last_line = _LAST_LINE.fullmatch(tail.rpartition("\n")[2][:200])
    if last_line:
        return last_line[1]
    for pattern in (_STATED, _JUDGED, _BRACKETED):
        matches = pattern.findall(tail)
        if matches:
            return matches[-1].upper()
    return None
