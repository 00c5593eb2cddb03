r"""The verifier of kind `boolean`: true or false, yes or no, correct or incorrect.

The first of these words counts when the answer begins with it (`Yes, since 7 is not even`); otherwise all of them must agree. A
word that is denied means its contrary: `not true`. `T` and `F` count alone; 1 and 0 do not.
"""

from __future__ import annotations

import re

from ..schemas.problem import Problem
from .canonical import canonical
from .extraction import TAIL, Extraction, statement
from .finding import Finding

TRUE = frozenset({"true", "yes", "correct", "right", "t", "y"})
FALSE = frozenset({"false", "no", "incorrect", "wrong", "untrue", "f", "n"})
_WORD = re.compile(
    r"(?:(?P<denied>\b(?:not|never|isn't|aren't|wasn't|cannot be|can't be)\s+(?:\w+\s+){0,2}?))?\b(?P<word>[a-z]+)\b", re.IGNORECASE
)
_OPENING = re.compile(r"(?:the )?(?:statement|claim|answer|it|this)(?: above)? is:? +", re.IGNORECASE)


def verify_boolean(response: str, problem: Problem) -> Finding:
    """Judge a response to a problem whose answer is true or false."""
    gold = truth_of(problem.answer)
    if gold is None:
        return Finding(outcome="unreadable_gold", decided_by="truth")
    found = statement(response)
    said = stated_truths(found.answer) if found.answer is not None else set()
    if not said and found.found_by in (None, "bold", "whole_text", "sentence"):
        word = _last_truth(response)
        found, said = (Extraction(word, "last_word"), stated_truths(word)) if word else (found, said)
    if found.answer is None:
        return Finding(outcome="no_answer")
    if not said:
        outcome = "unreadable_answer"
    elif len(said) > 1:
        outcome = "ambiguous"
    else:
        outcome = "correct" if said == {gold} else "wrong"
    return Finding(outcome=outcome, answer=found.answer, found_by=found.found_by, decided_by="truth")


def truth_of(text: str) -> bool | None:
    r"""Read a text that is one such word and nothing else; None when it is not.

    >>> truth_of(r"\text{Yes}."), truth_of("False"), truth_of("no solution")
    (True, False, None)
    """
    word = canonical(text).casefold()
    return True if word in TRUE else False if word in FALSE else None


def stated_truths(text: str) -> set[bool]:
    """Read what a statement says; empty when it says neither, both when it contradicts itself."""
    plain = _OPENING.sub("", canonical(text[:TAIL]).strip(" *\"'"))
    alone = truth_of(plain)
    if alone is not None:
        return {alone}
    first = re.match(r"(yes|no|true|false)(?=[,.:;!*]| -|$)", plain, re.IGNORECASE)
    if first:
        return {first[1].casefold() in TRUE}
    said = set()
    for match in _WORD.finditer(plain):
        word = match["word"].casefold()
        if len(word) > 2 and word in TRUE | FALSE and word != "right":
            said.add((word in TRUE) is not bool(match["denied"]))
    return said


def _last_truth(response: str) -> str | None:
    """Give the last such word of a response's last sentences, with what denies it."""
    matches = [match for match in _WORD.finditer(response[-TAIL:].replace("*", " ")) if match["word"].casefold() in _LAST_WORDS]
    return matches[-1][0] if matches else None


_LAST_WORDS = frozenset({"true", "false", "yes", "no", "correct", "incorrect", "untrue"})
