r"""Bare golds and their kinds: what a source calls the answer, without the wrapping it came in.

    bare_gold("… so she has 1,200 left.\n#### 1,200") == "1200"       GSM8K
    bare_gold(r"… which gives $\boxed{\frac12}$.")    == r"\frac12"   a worked solution
    bare_gold("$4-2 \\sqrt{3}$.")                     == r"4-2 \sqrt{3}"
    bare_gold(27.0)                                   == "27"

What a source writes in JSON keeps its look: `true` becomes `True`, `[1, 2]` and `3e-36` stay as they are.
"""

from __future__ import annotations

import re
from typing import Any

from ...schemas.problem import Kind
from ...verifiers.extraction import extract
from ...verifiers.kinds import kind_of_gold, lettered

PAIRS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
BOXES = ("\\boxed", "\\fbox")
TOLERANT_TYPES: dict[str, Kind] = {"float": "number", "integer": "number", "list of integer": "list", "list of float": "list"}
"""TheoremQA's `Answer_type`: its protocol compares these as numbers with a tolerance."""
LONGEST_BARE = 300
"""A worked solution's column without box or hashes holds the answer itself when it is one line of at most so many characters."""

_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DOLLAR = re.compile(r"(?<!\\)\$")
_TWICE_ESCAPED = re.compile(r"\\\\(?=[A-Za-z])")


def bare_gold(value: Any) -> str | None:
    """Make an answer cell bare; None when it holds no answer. Several answers are joined by commas."""
    if value is None:
        return None
    if isinstance(value, list):
        parts = [bare_gold(element) for element in value]
        return ", ".join(part for part in parts if part) or None
    if isinstance(value, float):
        return None if value != value else str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dict | bytes):
        return None
    return bare_text(str(value)) or None


def bare_text(text: str) -> str:
    """Take the answer out of a worked solution, and off its wrapping."""
    text = text.strip()
    if "####" in text:
        text = text.rpartition("####")[2].strip().partition("\n")[0].strip()
        text = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text
    text = boxed(text) or text
    inner = _unwrapped(text)
    while inner != text:
        text, inner = inner, _unwrapped(inner)
    if "\\begin" not in text:
        text = _TWICE_ESCAPED.sub(r"\\", text)
    dollars = len(_DOLLAR.findall(text))
    if dollars == 1:
        text = _DOLLAR.sub(r"\\$", text)  # money, which would open a formula wherever the gold is wrapped again
    elif dollars % 2:
        text = _DOLLAR.sub("", text)
    return text.capitalize() if text in ("true", "false") else text


def boxed(text: str) -> str | None:
    """Give the content of a worked solution's last box; None when it has none."""
    if not any(box in text for box in BOXES):
        return None
    found = extract(text)
    return found.answer if found.found_by == "boxed" else None


def _unwrapped(text: str) -> str:
    """Strip one pair of marks that holds the whole text, and the full stop after it."""
    for opener, closer in PAIRS:
        stopped = text[:-1] if text.endswith((closer + ".", closer + ",")) else text
        inner = stopped[len(opener) : -len(closer)]
        if not (stopped.startswith(opener) and stopped.endswith(closer) and len(stopped) >= len(opener + closer)):
            continue
        if inner.endswith("\\") or (_DOLLAR.search(inner) if "$" in opener else opener in inner or closer in inner):
            continue
        return inner.strip()
    return boxed(text) or text


def kind_of(gold: str, prompt: str, answer_type: Any) -> tuple[Kind, str]:
    """Tell a problem's kind from its gold and from the type that the source gives it, and write the gold as that kind does."""
    named = str(answer_type).lower()
    if named in TOLERANT_TYPES and lettered(gold, prompt) is None:
        return TOLERANT_TYPES[named], gold
    return kind_of_gold(gold, prompt, names_option=named == "option")
