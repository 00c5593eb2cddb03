r"""Fields that a reply writes as JSON, read with patience: strict JSON, and what models write in its place.

    text_field('```json\n{"cards": ["J", 8, 3, 3], "formula": "8/(3-8/3)=24",}\n```', "formula") == "8/(3-8/3)=24"
    list_field("cards: [J, 8, 3, 3]", "cards") == ["J", "8", "3", "3"]

Trailing commas, single and curly quotes, names without quotes, text around the object: all are read. Of several fields of one name
the last counts. The cost is linear in the length of the reply.
"""

from __future__ import annotations

import re

LONGEST_VALUE = 2_000
"""A value is read up to so many characters."""

_COLON = re.compile(r"[\"'“”‘’*`]{0,3}\s{0,9}:[*\s]{0,30}")
_CLOSERS = {'"': '"', "'": "'", "“": "”", "‘": "’", "`": "`"}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|([\"'\\/]))")
_NOTHING = frozenset({"", "none", "null", "n/a", "nan"})


def text_field(text: str, name: str) -> str | None:
    """Give a field's text; None when the reply has no such field, or leaves it empty."""
    at = _value_at(text, name)
    if at is None:
        return None
    value = _unescaped(_string_at(text, at)).strip()
    return None if value.lower() in _NOTHING else value


def list_field(text: str, name: str) -> list[str] | None:
    """Give a field's items as text, in brackets or not; None when the reply has no such field, or leaves it empty."""
    at = _value_at(text, name)
    if at is None:
        return None
    opened = text[at : at + 2].find("[")  # a list, or a list written as a string
    if opened >= 0:
        end = text.find("]", at, at + LONGEST_VALUE)
        value = text[at + opened + 1 : end] if end >= 0 else ""
    else:
        value = _string_at(text, at)
    items = [item.strip().strip("\"'“”‘’` \n") for item in value.split(",")]
    return [item for item in items if item] or None


def _value_at(text: str, name: str) -> int | None:
    """Find where the value of the last field of a name begins."""
    end = len(text)
    while (start := text.rfind(name, 0, end)) >= 0:
        colon = _COLON.match(text, start + len(name))
        if colon and not (start and (text[start - 1].isalnum() or text[start - 1] == "_")):
            return colon.end()
        end = start + len(name) - 1
    return None


def _string_at(text: str, at: int) -> str:
    """Read a string with quotes, or what stands there up to a comma, a brace or the end of the line."""
    closer = _CLOSERS.get(text[at : at + 1])
    if closer is None:
        return re.split(r"[,}\n]", text[at : at + LONGEST_VALUE], maxsplit=1)[0]
    end = at + 1
    while (end := text.find(closer, end, at + LONGEST_VALUE)) >= 0:
        if text[end - 1] != "\\" or text[end - 2 : end] == "\\\\":
            return text[at + 1 : end]
        end += 1
    return text[at + 1 : at + LONGEST_VALUE].partition("\n")[0]  # never closed


def _unescaped(value: str) -> str:
    r"""Undo JSON's escapes but for those that LaTeX commands begin with: `\times` and `\frac` are no tab and no form feed."""
    if "\\" not in value:
        return value
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else match[2], value)
