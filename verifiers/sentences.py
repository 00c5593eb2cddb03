r"""The sentence that states the answer, "The final answer is 7", and its counterparts in other languages.

    next(stated_sentences("Well. **Answer:** 7 because so.")).answer == "7"

Sentences are looked for from the end: the last occurrence of a word for "answer" that something follows, `is` or a colon or, in a
heading, a new line. What follows is cut down to its first clause.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

MAX_ANSWER = 20_000
"""Characters of the longest answer that is looked at."""
SENTENCES_FROM = 50_000
"""A sentence that states the answer is looked for in so many characters before the end."""
LAST_SENTENCES = 50
"""So many places, counted from the end, are looked at."""

_NAMED = re.compile(r"[*_]*+(?:\s++(?:to|for|of|in)\s[^.\n:=$]{0,80}?)?(?:\s*\([^()\n]{0,40}\))?[\s*_]*+")
# Possessive (`*+`) throughout and matched against a short window: blanks by the thousand must not backtrack.
_SENTENCE = re.compile(
    r"answers?+"
    + _NAMED.pattern
    + r"(?:(?:is|are|will be|would be|would then be|should be|must be|becomes|comes (?:out )?to|turns out to be)\b"
    r"|:|=|–|→|->|(?=\$?\\boxed))[\s*_]*+:?+\s*+",
    re.IGNORECASE,
)
_HEADING_START = re.compile(r"[\s#*_>-]*(?:(?:the|my|final|correct|short)\s+){0,2}", re.IGNORECASE)
_HEADING = re.compile(r"answers?+[ *_]*+\n\s*+", re.IGNORECASE)
_BARE = r"|[(\[]?[A-J\d]\b"
_LABELS = {"answer": _SENTENCE} | {
    label: re.compile(
        rf"{label}\w{{0,4}}[\s*_]*+(?:(?:{verbs})(?![^\W\d_])|[:：=]|(?=\*\*{'' if label.isascii() or 'é' in label else _BARE}))"
        r"(?:[\s*_:：—–]|বিকল্প|অপশন)*+",
        re.IGNORECASE,
    )
    for label, verbs in {
        "答案": "应该是|应为|就是|是|为|為",
        "答え": "は",
        "정답": "은|는",
        "উত্তর": "হলো|হল|হচ্ছে|হবে",
        "ответ": "—|-|это",
        "उत्तर": "है",
        "คำตอบ": "คือ",
        "الإجابة": "هي",
        "réponse": "est|finale est",
        "respuesta": "es|final es|correcta es",
        "resposta": "é|final é|correta é",
        "risposta": "è|finale è|corretta è",
        "antwort": "ist|lautet",
        "jibu": "ni",
        "đáp án": "là",
    }.items()
}
"""The word for "answer" in several languages, and what stands between it and the answer."""
_ASCII_LABELS = {label: pattern for label, pattern in _LABELS.items() if label.isascii()}
_LONGEST_LABEL = max(map(len, _LABELS))
_FIRST_LOOK, _FARTHER = 2_000, 8
"""The word is looked for in so many characters before the end, then in so many times as many before those."""
_WINDOW = 200
_CLAUSE = re.compile(
    r"[.!?](?=\s+[A-Z*\\(<]|\s*$)|[。।]|\s+(?:because|since|which|where|as|so)\s|,\s+(?:because|since|which|where|as|so|not)\s"
)
_NO_ANSWER = " .,:;$#*_"
"""Signs that alone are no answer."""
_BRACE = re.compile(r"\\[{}\\]|[{}]")
_EMPHASIS = re.compile(r"(?<![\w)])\*\*|\*\*(?![\w(])|\*\*(?=\w[^*]*\*\*)|__(?=\W|$)")


class Sentence(NamedTuple):
    """A sentence that states the answer."""

    answer: str
    rest: str
    """What the response says after it."""


def stated_sentences(text: str, emphasis: bool = False) -> Iterator[Sentence]:
    """Find the sentences that state the answer, from the end; `emphasis`: keep what sets parts of them in bold."""
    text = text[-SENTENCES_FROM:]
    labels = _ASCII_LABELS if text.isascii() else _LABELS
    for label, end in islice(_places(text, labels), LAST_SENTENCES):
        if end and text[end - 1] in "-‑":  # `Short-answer: 5 questions`
            continue
        match = labels[label].match(text, end, end + _WINDOW)
        if match is None and label == "answer" and _HEADING_START.fullmatch(text[max(text.rfind("\n", 0, end) + 1, end - 60) : end]):
            match = _HEADING.match(text, end, end + _WINDOW)
        if match:
            following = text[match.end() : match.end() + MAX_ANSWER]
            clause = _within_braces(clause_of(following))
            if clause.strip(_NO_ANSWER):
                yield Sentence(clause if emphasis else _EMPHASIS.sub("", clause), following[len(clause) :])


def _places(text: str, labels: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Give the labels in a text with their places, from the end; a text is looked through only as far as it is asked for."""
    stop, size = len(text), _FIRST_LOOK
    while stop > 0:
        start = max(0, stop - size)
        window = text[start : stop + _LONGEST_LABEL]
        lowered = window.lower()
        if len(lowered) != len(window):  # some letters change their length
            lowered = window
        ends = {label: lowered.rfind(label, 0, stop - start + len(label) - 1) for label in labels}
        while (last := max(ends, key=ends.__getitem__)) and ends[last] >= 0:
            yield last, start + ends[last]
            ends[last] = lowered.rfind(last, 0, ends[last])
        stop, size = start, size * _FARTHER


def _within_braces(clause: str) -> str:
    r"""Cut at a brace that closes what was opened before the sentence: `\text{The answer is 3} …`, `\text{the answer is } 3`."""
    start = depth = 0
    for brace in _BRACE.finditer(clause) if "}" in clause else ():
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth < 0:
            head = clause[start : brace.start()].strip()
            if head.strip(_NO_ANSWER):
                return head
            start, depth = brace.end(), 0
    return clause[start:].lstrip()


def clause_of(text: str) -> str:
    """Cut what follows "the answer is" down to the answer."""
    text = text.lstrip()
    for opener, closer in (("$$", "$$"), ("\\[", "\\]")):  # a displayed formula is the whole answer
        if text.startswith(opener):
            return text[2:].partition(closer)[0]
    line = text.partition("\n")[0]
    clause = _CLAUSE.split(line, maxsplit=1)[0]
    return clause.rpartition(" is ")[2].strip()  # "the answer is: the volume is 5"
