"""Options of a multiple-choice problem: read in any of their usual forms, lettered, rendered beneath the question.

Forms: a list of texts, a dict of letter to text, ARC's `{"text": […], "label": […]}`, or any of these written as JSON or as
a Python literal.
"""

from __future__ import annotations

import ast
import json
import re
import string
import warnings
from typing import Any, NamedTuple

LETTERS = string.ascii_uppercase
LONGEST_LITERAL = 50_000
_LETTER = re.compile(r"\(?([A-Za-z])\)?[.:)]?")


class Options(NamedTuple):
    """Option texts A, B, C …, and what the source calls each (letters, unless it has its own labels)."""

    texts: list[str]
    labels: list[str]


def read_options(value: Any) -> Options | None:
    """Read an options cell; None when it holds no options."""
    if isinstance(value, str):
        value = parse_literal(value)
    if isinstance(value, dict):
        if isinstance(value.get("text"), list) and isinstance(value.get("label"), list):
            return _options(value["text"], value["label"])
        given = {key: text for key, text in sorted(value.items(), key=lambda item: str(item[0])) if text is not None}
        return _options(list(given.values()), list(given)) if all(isinstance(text, str | int | float) for text in given.values()) else None
    if isinstance(value, list) and value and all(isinstance(option, dict) for option in value):
        return _options([option.get("text") for option in value], [option.get("label") for option in value])
    return _options(value, list(LETTERS)) if isinstance(value, list) else None


def _options(texts: list[Any], labels: list[Any]) -> Options | None:
    if not texts or any(text is None for text in texts):
        return None
    return Options([str(text).strip() for text in texts], [str(label) for label in labels[: len(texts)]])


def parse_literal(text: str) -> Any:
    """Read JSON or a Python literal; None when it is neither. Nothing is evaluated."""
    text = text.strip()
    if not text.startswith(("[", "{")) or len(text) > LONGEST_LITERAL:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "\d" in an option is no concern of ours
            return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def embedded_options(prompt: str) -> list[str]:
    """Read the options that stand at the end of a prompt as a literal, `{'A': '…', 'B': '…'}`; empty when there are none."""
    start = prompt.rfind("{'A'") if "{'A'" in prompt else prompt.rfind('{"A"')
    value = parse_literal(prompt[start:]) if start >= 0 else None
    if not isinstance(value, dict) or list(value) != list(LETTERS[: len(value)]):
        return []
    return list(value.values()) if all(isinstance(text, str) for text in value.values()) else []


def without_padding(options: Options, gold: int) -> list[str]:
    """Drop the `N/A` options at the end, so that no letter changes; the gold option stays whatever it says."""
    texts = options.texts
    while len(texts) - 1 > gold and texts[-1].upper() in ("N/A", "NA", ""):
        texts = texts[:-1]
    return texts


def gold_index(answer: Any, options: Options, digits_are_indices: bool) -> int | None:
    """Give the place of the gold option; None when the answer names none of them.

    An integer is an index from 0; a letter or label comes before an option's text.
    """
    if isinstance(answer, list) and len(answer) == 1:
        answer = answer[0]
    if isinstance(answer, float) and answer.is_integer():
        answer = int(answer)
    if isinstance(answer, int) and not isinstance(answer, bool):
        return answer if 0 <= answer < len(options.texts) else None
    text = str(answer).strip()
    if digits_are_indices and is_index(text, options):
        return int(text)
    if text in options.labels:
        return options.labels.index(text)
    if text in options.texts:
        return options.texts.index(text)
    letter = _LETTER.fullmatch(text)
    place = LETTERS.index(letter[1].upper()) if letter else len(options.texts)
    return place if place < len(options.texts) else None


def is_index(text: str, options: Options) -> bool:
    """Say whether a text is the number, from 0, of one of the options."""
    return text.isdecimal() and len(text) < 4 and int(text) < len(options.texts)


def render_options(question: str, texts: list[str]) -> str:
    """Write the options beneath the question, one per line; a question that has them already stays as it is.

    >>> print(render_options("What is 3 + 4?", ["6", "7"]))
    What is 3 + 4?
    <BLANKLINE>
    A. 6
    B. 7
    """
    shown = [rf"\(?{letter}[.):]\s*{re.escape(text)}" for letter, text in zip(LETTERS, texts[:2], strict=False)]
    if all(re.search(pattern, question) for pattern in shown):
        return question
    return "\n".join([question, "", *(f"{letter}. {text}" for letter, text in zip(LETTERS, texts, strict=False))])
