r"""The verifier of kind `choice`: the letter of an option, bare, in brackets or as text, or the option's own text.

Letters run from A to J, and to the last option where the options are known. A single capital is taken for a letter only where a
choice is stated, so that the article "A" is none; a lower-case letter only alone or in brackets. Letters that are denied (`not A`,
`it can't be A or B`) do not count. Several letters are ambiguous unless the gold answer lists the same ones, and so is a letter
with the text of another option.
"""

from __future__ import annotations

import re

from ..schemas.problem import Problem
from .canonical import canonical
from .extraction import TAIL, Extraction, statement
from .finding import Finding
from .text import plain_words

LETTERS = "ABCDEFGHIJ"

_LETTERS = re.compile(r"\(?([A-J])\)?(?:(?:\s*(?:,|;|/|&|and|or)\s*|\s+)\(?([A-J])\)?(?![a-z]))*(?=[\s.,:;()\]।。]|$)")
_TOGETHER = re.compile(r"[A-J]{2,10}")
_SMALL = re.compile(r"\(([a-j])\)(?=\W|$)|([a-j])[).:]?$")
_ONE = re.compile(r"(?<![A-Za-z])[A-J](?![A-Za-z'])")
_ALONE = re.compile(r"(?<![A-Za-z0-9*+/^=_\\{-])(?:\(([A-J])\)|\[([A-J])\]|([A-J]))(?![A-Za-z0-9+/^=_{₀-₉⁰-⁹-]|\s?[*=+^]|\s[a-z]|'[a-z])")
"""A letter that stands alone: no part of a formula, no article."""
_OPENING = re.compile(r"(?:the\s+)?(?:correct\s+)?(?:option|choice|answer|letter)?\s*(?:is|:)?\s*", re.IGNORECASE)
_STATED = re.compile(r"\b(?:option|choice|select|choose|pick)\**:?\**\s+(?:is\s+)?\**\(?([A-J])\)?(?![A-Za-z])", re.IGNORECASE)
_JUDGED = re.compile(
    r"(?<![A-Za-z])\(?([A-J])\)? is (?:the )?(?:correct|right|best)"
    r"|\b(?:so|therefore|thus|hence|think|it's|it is)\W{1,3}\(?([A-J])\)?(?=[\s.,!]*$)"
)
_BRACKETED = re.compile(r"\(([A-J])\)")
_LAST_LINE = re.compile(r"\W*([A-J])(?:\W*|[.):]\s.*)")
_LETTER_LIST = r"(?:options? |choices? )?\(?[A-J]\)?(?![A-Za-z])(?:\s*(?:,|/|or|nor|and)\s*\(?[A-J]\)?(?![A-Za-z])){0,9}"
_DENIED = re.compile(
    r"(?:\b(?:not|cannot|neither|nor|non|rather than|instead of|exclud(?:es?|ing)|eliminat(?:es?|ing)|rules? out)|n't|不是|并非|不选)"
    rf"(?: be| is| the)?\s*\**{_LETTER_LIST}"
    rf"|{_LETTER_LIST}\s*\**(?:is|are|was)(?: not|n't| wrong| incorrect| false)\b"
)
_OTHER_SCRIPT = re.compile(r"[\u0400-\u052f\u0590-\u06ff\u0900-\u0dff\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


def verify_choice(response: str, problem: Problem) -> Finding:
    """Judge a response to a problem with lettered options."""
    gold = gold_letters(problem.answer, problem.options)
    if not gold:
        return Finding(outcome="unreadable_gold", decided_by="letter")
    found = statement(response)
    said = set() if found.answer is None else stated_letters(found.answer, problem.options)
    if not said and found.found_by in (None, "bold", "whole_text", "sentence"):
        guess = _letter_in(response, problem.options)
        found, said = (Extraction(guess, "letter"), {guess}) if guess else (found, said)
    if found.answer is None:
        return Finding(outcome="no_answer")
    if said == gold:
        outcome = "correct"
    elif not said:
        outcome = "unreadable_answer"
    else:
        outcome = "ambiguous" if len(said) > 1 or (found.hedged and not _DENIED.search(found.answer)) else "wrong"
    return Finding(outcome=outcome, answer=found.answer, found_by=found.found_by, decided_by="letter")


def gold_letters(gold: str, options: list[str]) -> set[str]:
    """Read the letters of a gold answer, of an option's text, or of a sentence that states them."""
    letters = letters_of(canonical(gold)) or _by_text(plain_words(gold), options)
    if letters:
        return letters
    stated = statement(gold).answer if "\n" in gold or "nswer" in gold else None
    return letters_of(canonical(stated)) if stated else set()


def stated_letters(answer: str, options: list[str]) -> set[str]:
    """Read the letters of an answer, or find the option whose text it is; empty when it is neither."""
    text = canonical(answer)
    by_text = _by_text(plain_words(answer), options)
    if by_text and len(text) > 1:
        return by_text
    denied = _DENIED.search(text) is not None
    said = _DENIED.sub(" ", text) if denied else text
    letters = set() if denied else letters_of(said)
    letters = letters or set(map("".join, _ALONE.findall(said)))
    letters = letters if len(letters) == 1 or not denied else set()
    known = letters & set(LETTERS[: len(options)]) if options else letters
    body = plain_words(re.sub(r"^\W*[A-J][.):\]]+\s*", "", text))
    return known if known and len(body) < 2 else known | _by_text(body, options)


def letters_of(text: str) -> set[str]:
    """Read the letters at the start of a canonical text.

    >>> sorted(letters_of("(B) because")), sorted(letters_of("A and C")), sorted(letters_of("A triangle"))
    (['B'], ['A', 'C'], [])
    """
    start = _OPENING.match(text)
    text = text[start.end() if start else 0 :].lstrip("[{*'\"`“‘— ")
    small = _SMALL.match(text)
    if small or (len(text) == 1 and text in LETTERS):
        return {(small[1] or small[2]).upper() if small else text}
    if _TOGETHER.fullmatch(text) and "".join(sorted(set(text))) == text:
        return set(text)
    match = _LETTERS.match(text)
    if match is None:
        return set()
    rest = text[match.end() :].strip(" ])}*")
    if match[0] in ("A", "I") and rest[:1].isalpha():
        return set()
    return set(_ONE.findall(match[0]))


def _by_text(words: str, options: list[str]) -> set[str]:
    same = {letter for letter, option in zip(LETTERS, options, strict=False) if words and plain_words(option) == words}
    return same if len(same) == 1 else set()


def _letter_in(response: str, options: list[str]) -> str | None:
    """Find the letter of a response that states no answer in so many words."""
    tail = _DENIED.sub(" ", response[-TAIL:].rstrip())
    last_line = _LAST_LINE.fullmatch(tail.rpartition("\n")[2][:200])
    if last_line:
        return last_line[1]
    for pattern in (_STATED, _JUDGED, _BRACKETED):
        matches = ["".join(match) for match in pattern.findall(tail)]
        if matches:
            return matches[-1].upper()
    sentence = re.split(r"[।。.!?\n]\s*", tail.rstrip("।。.!? *'\"”"))[-1]
    alone = {"".join(match) for match in _ALONE.findall(sentence)} if _OTHER_SCRIPT.search(sentence) else set()
    alone &= set(LETTERS[: len(options) or len(LETTERS)])
    return alone.pop() if len(alone) == 1 else None
