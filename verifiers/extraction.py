r"""Find the answer that a response states: the last box, else an answer tag, a sentence, hashes, bold text, or a short whole text.

    extract(r"So $x = \boxed{7}$.") == Extraction("7", "boxed")

The search goes backwards from the end and looks at bounded windows, so that its cost is linear in the response's length.
Rules where a response states several things:
- the last non-empty box counts; a box inside another is part of it; `not \boxed{8}` makes the answer ambiguous;
- different boxes joined by nothing but a comma, `and`, `or`, a part's letter are parts of one answer: they are joined with
  commas, and the whole is `hedged`: correct when the gold answer lists the same parts, ambiguous otherwise;
- `either 3 or 4` and `not 7 but 8` are hedged too.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_ANSWER = 20_000
"""Characters of the longest answer that is looked at."""
LAST_BOXES = 50
"""So many boxes, counted from the end, are looked at."""
EXPLICIT = frozenset({"boxed", "answer_tag", "sentence", "hashes"})
"""Ways of stating an answer that stand even when the response was cut off afterwards."""

LOOSE = frozenset({"whole_text", "bold", "sentence"})
"""Ways of finding an answer that may bring a sentence around it along."""

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])\s*(?:\[[^\[\]]{0,20}\]\s*){0,2}(\{|[A-Za-z0-9.+-]+|)")
_BRACE = re.compile(r"\\[{}\\]|[{}]")
_JOINT = re.compile(
    r"[\s$.*]*(?:\\\(|\\\)|\\\[|\\\])?[\s$]*(?:(?:,|;|&|\band\b|\bor\b|\\q?quad|\\text\{\s*(?:and|or)\s*\}|\(?[a-h]\))[\s$]*)+"
    r"[\s$:*]*(?:and|or)?[\s$:*]*(?:\\\(|\\\[)?(?:[A-Za-z]\w?\s*=\s*)?[\s$]*"
)
_NEGATED = re.compile(r"\b(?:not|isn't|n't)\s*[\s$:]*(?:\\\(|\\\[)?\s*$", re.IGNORECASE)
# Possessive (`*+`) throughout and matched against a short window: blanks by the thousand must not backtrack.
_SENTENCE = re.compile(
    r"answers?+[*_]*+(?:\s++(?:to|for|of|in)\s[^.\n:=$]{0,80}?)?[\s*_]*+"
    r"(?:(?:is|are|would be|should be|must be|becomes)\b|:|=|–|(?=\$?\\boxed))[\s*_]*+:?+\s*+",
    re.IGNORECASE,
)
_WINDOW = 200
_CHINESE = re.compile(r"答案\s*(?:是|为|：|:)\s*[:：]?\s*")
_CLAUSE = re.compile(
    r"[.!?](?=\s+[A-Z*\\(]|\s*$)|。|\s+(?:because|since|which|where|as|so)\s|,\s+(?:because|since|which|where|as|so|not)\s"
)
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*")
_NUMBER = re.compile(r"(?<![\w.])[-−]?\$?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:/\d+)?%?")
_FORMULA = re.compile(r"\$\$([^$]+)\$\$|\$([^$]+)\$|\\\(([^$]+?)\\\)|\\\[([^$]+?)\\\]")
_HEDGE = re.compile(r"^(?:either|not|perhaps|maybe|possibly|probably|unknown|unclear)\b", re.IGNORECASE)


class Extraction(NamedTuple):
    """The stated answer and how it was found; both None when the response states none."""

    answer: str | None
    found_by: str | None
    hedged: bool = False


NOTHING = Extraction(None, None)


def extract(response: str) -> Extraction:
    """Find the answer that a response states in so many words."""
    return (
        _boxed(response)
        or _answer_tag(response)
        or _sentence(response)
        or _hashes(response)
        or _bold(response)
        or _whole_text(response)
        or NOTHING
    )


def last_formula(response: str) -> Extraction:
    """Give the last formula of a response that states no answer, else its last number: a guess, for mathematical answers."""
    tail = response[-2000:]
    formulas = [next(part for part in match.groups() if part is not None) for match in _FORMULA.finditer(tail)]
    return Extraction(formulas[-1].strip(), "last_formula") if formulas and formulas[-1].strip() else last_number(response)


def last_number(response: str) -> Extraction:
    """Give the last number of a response that states no answer: a guess, for kinds whose answers are numbers."""
    matches = list(_NUMBER.finditer(response[-2000:]))
    return Extraction(matches[-1][0].replace("$", ""), "last_number") if matches else NOTHING


def _boxed(text: str) -> Extraction | None:
    boxes: list[tuple[int, int, str]] = []
    end = len(text)
    for _ in range(LAST_BOXES):
        start = max(text.rfind(command, 0, end) for command in ("\\boxed", "\\fbox", "\\framebox"))
        if start < 0:
            break
        end = start
        box = _box_at(text, start)
        if box is None:
            continue
        if boxes and box[1] > boxes[-1][1]:  # it holds the boxes after it
            boxes = [held for held in boxes if held[0] >= box[1]]
        if boxes and not _JOINT.fullmatch(text[box[1] : boxes[-1][0]][:60]):
            break
        boxes.append(box)
    if not boxes:
        return None
    parts = list(dict.fromkeys(content for _, _, content in reversed(boxes)))
    first = boxes[-1][0]
    hedged = len(parts) > 1 or bool(_NEGATED.search(text[max(0, first - 20) : first])) or bool(_HEDGE.match(parts[0]))
    return Extraction(", ".join(parts), "boxed", hedged)


def _box_at(text: str, start: int) -> tuple[int, int, str] | None:
    """Give (start, end, content) of the box that begins at `start`; None when it is empty or never closed."""
    match = _BOX.match(text, start)
    if match is None:
        return None
    if match[1] != "{":
        return (start, match.end(), match[1]) if match[1].strip(".+-") else None
    depth = 1
    for brace in _BRACE.finditer(text, match.end(), match.end() + MAX_ANSWER):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            content = text[match.end() : brace.start()].strip()
            return (start, brace.end(), content) if content else None
    return None


def _answer_tag(text: str) -> Extraction | None:
    close = text.rfind("</answer>")
    start = text.rfind("<answer>", 0, close if close >= 0 else len(text))
    if start < 0:
        return None
    content = text[start + len("<answer>") : close if close >= 0 else start + MAX_ANSWER].strip()
    stated = _sentence(content)
    return _statement(stated.answer if stated and stated.answer else content, "answer_tag")


def _sentence(text: str) -> Extraction | None:
    lowered = text.lower() if len(text) < 1 << 20 else text[-(1 << 20) :].lower()
    if len(lowered) != len(text):  # some letters change their length; the end is what matters
        lowered = text
    end = len(lowered)
    for _ in range(LAST_BOXES):
        end = max(lowered.rfind("answer", 0, end), lowered.rfind("答案", 0, end))
        if end < 0:
            return None
        match = _SENTENCE.match(text, end, end + _WINDOW) or _CHINESE.match(text, end, end + _WINDOW)
        if match:
            found = _statement(_clause(text[match.end() : match.end() + MAX_ANSWER]), "sentence")
            if found:
                return found
    return None


def _clause(text: str) -> str:
    """Cut what follows "the answer is" down to the answer."""
    text = text.lstrip()
    for opener, closer in (("$$", "$$"), ("\\[", "\\]")):  # a displayed formula is the whole answer
        if text.startswith(opener):
            return text[2:].partition(closer)[0]
    line = text.partition("\n")[0]
    clause = _CLAUSE.split(line, maxsplit=1)[0]
    return clause.rpartition(" is ")[2].strip()  # "the answer is: the volume is 5"


def _hashes(text: str) -> Extraction | None:
    place = text.rfind("####")
    return None if place < 0 else _statement(text[place + 4 : place + MAX_ANSWER].strip().partition("\n")[0], "hashes")


def _bold(text: str) -> Extraction | None:
    last = [match[1].strip() for match in _BOLD.finditer(text.rstrip().rpartition("\n\n")[2][-1000:])]
    return _statement(last[-1], "bold") if last and not last[-1].endswith(":") else None


def _whole_text(text: str) -> Extraction | None:
    stripped = text.strip()
    is_prose = len(re.findall(r"(?<![\\A-Za-z])[A-Za-z]{2,}", stripped[:400])) > 6
    return None if "\n" in stripped or "box" in stripped or len(stripped) > MAX_ANSWER or is_prose else _statement(stripped, "whole_text")


def _statement(text: str, found_by: str) -> Extraction | None:
    answer = text.strip(" \n\t*_")
    return Extraction(answer, found_by, bool(_HEDGE.match(answer))) if answer.strip(" .,:;$") else None
