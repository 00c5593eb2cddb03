r"""Find the answer that a response states: the last box, else an answer tag, a sentence, hashes, bold text, or a short whole text.

    extract(r"So $x = \boxed{7}$.") == Extraction("7", "boxed")

The search goes backwards from the end and looks at bounded windows, so that its cost is linear in the response's length.
Rules where a response states several things:
- the last non-empty box counts; a box inside another is part of it; `not \boxed{8}` makes the answer hedged;
- different boxes with nothing between them but a comma, `and`, `or`, a part's letter, a unit are parts of one answer: they are
  joined with commas, and the whole is hedged;
- `Final answer:` after the last box states the answer anew: one that differs from the box is hedged;
- `either 3 or 4` and `not 7 but 8` are hedged too.
A hedged answer is correct when the gold answer says the same, several parts included, and ambiguous otherwise.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .prose import last_side, value_in
from .sentences import MAX_ANSWER, clause_of, stated_sentences

LONGEST_PART = 4_000
"""A box that holds the last one, or states a part of the same answer, begins at most so many characters before it."""
LONGEST_JOINT = 60
"""Characters between two parts of an answer."""
LAST_BOXES = 50
"""So many boxes, counted from the end, are looked at."""
A_PARAGRAPH = 200
"""So many characters after a sentence may take it back."""
TAIL = 2_000
"""A guess is looked for in so many characters before the end."""
EXPLICIT = frozenset({"boxed", "answer_tag", "sentence", "hashes", "json"})
"""Ways of stating an answer that stand even when the response was cut off afterwards."""

LOOSE = frozenset({"whole_text", "bold", "sentence"})
"""Ways of finding an answer that may bring a sentence around it along."""

_BOX = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])\s*(?:\[[^\[\]]{0,20}\]\s*){0,2}(\{|[A-Za-z0-9.+-]+|)")
_BOX_COMMANDS = ("\\boxed", "\\fbox", "\\framebox")
_STEPS = {"{": 1, "}": -1}
_BRACE = re.compile(r"\\[{}\\]|[{}]")
_JOINT = re.compile(
    r"[\s$.*]*(?:\\\(|\\\)|\\\[|\\\])?[\s$]*(?:(?:,|;|&|\band\b|\bor\b|\\q?quad|\\text\{[^{}]{0,30}\b(?:and|or)\s*\}|\(?[a-h]\))[\s$]*)+"
    r"[\s$:*]*(?:and|or)?[\s$:*]*(?:\\\(|\\\[)?[\s$]*(?:[A-Za-z](?:_?\{?\w\}?)?\s*=\s*)?[\s$]*"
)
_UNIT_JOINT = re.compile(r"(?:\\\)|\\\]|\$)?(?: [A-Za-z]+){1,3},? (?:and|or) (?:\\\(|\\\[|\$)?")
_NEGATED = re.compile(r"(?:\b(?:not|isn't)|n't)\s*[\s$:]*(?:\\\(|\\\[)?\s*$", re.IGNORECASE)
_OPENING = re.compile(r"(?:(?:so|thus|hence|therefore|then|now),? +)?(?:it|this|that)(?:'s| is| equals) +", re.IGNORECASE)
_CONCLUSION = re.compile(
    r"(?:^|[.!?:\n*]\s*)(?:so|thus|therefore|hence|in total|in conclusion|altogether|overall|finally)\b[^.\n]*$", re.IGNORECASE
)
_FINAL = re.compile(r"final answer(?:\s+is)?[*_]*+\s*+(?::|\bis\b)?[\s:*_]*+", re.IGNORECASE)
_BOLD = re.compile(r"\*\*([^*\n]{1,200})\*\*(\s{0,2}[:：])?")
_WORD = re.compile(r"(?<![\\A-Za-z])[A-Za-z]{2,}")
_OTHER_LETTER = re.compile(r"[^\W\d_A-Za-z]")
_OTHER_SCRIPT = re.compile(r"[\u0900-\u0dff\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_FORMULA = re.compile(r"\$\$([^$]+)\$\$|(?<!\\)\$([^$\n]+)(?<!\\)\$|\\\(((?:(?!\\\().)+?)\\\)|\\\[((?:(?!\\\[).)+?)\\\]", re.DOTALL)
_NUMBER = re.compile(r"(?<![\w.])[-−]?\$?(?:\d{1,3}(?:(?:,|\{,\})\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:/\d+)?%?")
_HEDGE = re.compile(r"^(?:either|not|perhaps|maybe|possibly|probably|unknown|unclear)\b", re.IGNORECASE)


class Extraction(NamedTuple):
    """The stated answer and how it was found; both None when the response states none."""

    answer: str | None
    found_by: str | None
    hedged: bool = False


NOTHING = Extraction(None, None)


def extract(response: str) -> Extraction:
    """Find the answer that a response states in so many words; in a sentence of a script without blanks, the value it states."""
    found = statement(response)
    if found.found_by in LOOSE and found.answer and not found.answer.isascii() and _OTHER_SCRIPT.search(found.answer):
        value = value_in(found.answer[:TAIL])
        if value and value.text:
            return (
                last_value(response)
                if found.found_by == "sentence"
                else Extraction(value.text, found.found_by, found.hedged or value.hedged)
            )
    return found


def statement(response: str) -> Extraction:
    """Find the answer that a response states, word by word as it stands there."""
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
    """Give the value that a response ends on, when it states none outside of a sentence: a guess, for mathematical answers.

    In order: the value in the sentence that states the answer, in the last sentence that has one, the last formula, the last number.
    """
    guess = last_value(response)
    if guess.answer is not None:
        return guess
    formulas = [next(part for part in match.groups() if part is not None).strip() for match in _FORMULA.finditer(response[-TAIL:])]
    return Extraction(last_side(formulas[-1]).strip(), "last_formula") if formulas and formulas[-1] else last_number(response)


def last_value(response: str) -> Extraction:
    """Give the value in the sentence that states the answer, else in the last sentence that has one.

    A conclusion, or a value in bold, a paragraph or more after that sentence states the answer anew.
    """
    tail = response[-TAIL:]
    stated = next(stated_sentences(response, emphasis=True), None)
    value = value_in(stated.answer[:TAIL]) if stated else None
    if stated and value and not _states_anew(stated.rest):
        return Extraction(value.text or stated.answer.replace("**", ""), "sentence", value.hedged)
    closing = value_in(tail)
    if closing is None:
        return NOTHING
    around = (
        tail[max(0, closing.start - 40) : closing.start].rpartition("\n")[2] + tail[closing.start : closing.end + 40].partition("\n")[0]
    )
    found_by = "bold" if closing.in_bold else "last_sentence"
    changed = bool(value and value.text and value.text != closing.text)
    return Extraction(closing.text or around.replace("**", ""), found_by, closing.hedged or changed)


def _states_anew(rest: str) -> bool:
    closing = value_in(rest[-TAIL:]) if len(rest) > A_PARAGRAPH else None
    if closing is None or not closing.text:
        return False
    return closing.in_bold or bool(_CONCLUSION.search(rest[-TAIL:][: closing.start][-A_PARAGRAPH:]))


def last_number(response: str) -> Extraction:
    """Give the last number of a response that states no answer: a guess, for kinds whose answers are numbers."""
    matches = list(_NUMBER.finditer(response[-TAIL:]))
    return Extraction(matches[-1][0].replace("$", ""), "last_number") if matches else NOTHING


def _boxed(text: str) -> Extraction | None:
    boxed = text.rfind("\\boxed") if "\\" in text else -1
    if boxed < 0 and ("\\" not in text or "box" not in text):
        return None
    boxes: list[tuple[int, int, str]] = []
    starts = [boxed, *(text.rfind(command, max(boxed, 0)) for command in _BOX_COMMANDS[1:])]
    for _ in range(LAST_BOXES):
        start = max(starts)
        if start < 0:
            break
        box = _box_at(text, start)
        which = starts.index(start)
        starts[which] = text.rfind(_BOX_COMMANDS[which], max(0, start - LONGEST_PART) if boxes or box else 0, start)
        if box is None:
            continue
        if boxes and box[1] > boxes[-1][1]:  # it holds the boxes after it
            boxes = [held for held in boxes if held[0] >= box[1]]
        if boxes and not _are_joined(text, box[1], boxes[-1][0]):
            break
        boxes.append(box)
    if not boxes:
        return None
    parts = [boxes[0][2]] if len(boxes) == 1 else list(dict.fromkeys(content for _, _, content in reversed(boxes)))
    first, last = boxes[-1][0], boxes[0][1]
    hedged = len(parts) > 1 or _is_negated(text[max(0, first - 20) : first]) or bool(_HEDGE.match(parts[0]))
    return _changed(text[last : last + MAX_ANSWER], parts) or Extraction(", ".join(parts), "boxed", hedged)


def _is_negated(before: str) -> bool:
    lowered = before.lower()
    return ("not" in lowered or "n't" in lowered) and bool(_NEGATED.search(before))


def _are_joined(text: str, end: int, start: int) -> bool:
    between = text[end:start] if start - end <= LONGEST_JOINT else "."
    return not between or bool(_JOINT.fullmatch(between) or _UNIT_JOINT.fullmatch(between))


def _changed(after: str, parts: list[str]) -> Extraction | None:
    """Find the answer that is stated anew after the last box, when it is another one."""
    if "inal answer" not in after and "inal Answer" not in after:
        return None
    match = [*_FINAL.finditer(after)][-1:]
    if not match:
        return None
    clause = _FINAL.sub("", clause_of(after[match[0].end() :]).strip("*_ \n"))
    value = value_in(clause[:TAIL])
    if value is None or not value.text or value.text in parts or clause.strip("$ ") in parts or "(" in value.text:
        return None
    plain = value.end - value.start > len(clause) - 6
    return Extraction(clause if plain else value.text, "sentence", hedged=True)


def _box_at(text: str, start: int) -> tuple[int, int, str] | None:
    """Give (start, end, content) of the box that begins at `start`; None when it is empty or never closed."""
    match = _BOX.match(text, start)
    if match is None:
        return None
    if match[1] != "{":
        return (start, match.end(), match[1]) if match[1].strip(".+-") else None
    begin, depth = match.end(), 1
    end = text.find("}", begin, begin + MAX_ANSWER)
    if end < 0:
        return None
    if text.find("{", begin, end) >= 0 or text[end - 1] == "\\":
        end = -1
        for brace in _BRACE.finditer(text, begin, begin + MAX_ANSWER):
            depth += _STEPS.get(brace[0], 0)
            if depth == 0:
                end = brace.start()
                break
    content = text[begin:end].strip() if end >= 0 else ""
    return (start, end + 1, content) if content else None


def _answer_tag(text: str) -> Extraction | None:
    if "<answer>" not in text:
        return None
    close = text.rfind("</answer>")
    start = text.rfind("<answer>", 0, close if close >= 0 else len(text))
    if start < 0:
        return None
    content = text[start + len("<answer>") : close if close >= 0 else start + MAX_ANSWER].strip()
    stated = _sentence(content)
    return _statement(stated.answer if stated and stated.answer else content, "answer_tag")


def _sentence(text: str) -> Extraction | None:
    """Find the last sentence that states the answer."""
    return next((found for stated in stated_sentences(text) if (found := _statement(stated.answer, "sentence"))), None)


def _hashes(text: str) -> Extraction | None:
    place = text.rfind("####")
    return None if place < 0 else _statement(text[place + 4 : place + MAX_ANSWER].strip().partition("\n")[0], "hashes")


def _bold(text: str) -> Extraction | None:
    bold = [match[1].strip() for match in _BOLD.finditer(text.rstrip().rpartition("\n\n")[2][-1000:]) if not match[2]]
    return _statement(bold[-1], "bold") if bold and not bold[-1].endswith((":", "：")) else None


def _whole_text(text: str) -> Extraction | None:
    stripped = text.strip()
    if len(stripped) > MAX_ANSWER or "\n" in stripped or "box" in stripped:
        return None
    if len(_WORD.findall(stripped[:400])) > 6 or len(_OTHER_LETTER.findall(stripped[:400])) > 30:  # prose
        return None
    opening = _OPENING.match(stripped)
    return _statement(stripped[opening.end() :] if opening else stripped, "whole_text")


def _statement(text: str, found_by: str) -> Extraction | None:
    answer = text.strip(" \n\t*_")
    if answer.startswith("(") and "=" in answer and answer.endswith(")") and answer.count("(") == 1:
        answer = answer[1:-1]
    return Extraction(answer, found_by, bool(_HEDGE.match(answer))) if answer.strip(" .,:;$#") else None
