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

PAIRS = (("$$", "$$"), ("$", "$"), (r"\(", r"\)"), (r"\[", r"\]"))
BOXES = ("\\boxed", "\\fbox")
TOLERANT_TYPES = {"float", "integer", "list of integer", "list of float"}
"""TheoremQA's `Answer_type`: its protocol compares these as numbers with a tolerance."""
LONGEST_BARE = 300
"""A worked solution's column without box or hashes holds the answer itself when it is one line of at most so many characters."""
LONGEST_FORMULA = 5000
"""A longer gold is taken for prose without a look."""
PRODUCT_LETTERS = 3
"""A single word of at most so many letters may be a product of variables; a longer one is a word."""

_THOUSANDS = re.compile(r"-?\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_DOLLAR = re.compile(r"(?<!\\)\$")
_WHOLE_TEXT = re.compile(r"(?:\\(?:text|textbf|textit|textrm|mbox|mathrm)\s*)?\{([^{}\\$]*)\}[.,]?")
_MATH = re.compile(
    r"\$\$.*?\$\$|\$[^$]*\$|\\\(.*?\\\)|\\\[.*?\\\]"
    r"|\\(?:text|mbox|mathrm|textbf|operatorname|begin|end)\*?\s*\{[^{}]*\}(?:\{[lcr| ]+\})?|\\[A-Za-z]+|\\.",
    re.DOTALL,
)
_SEGMENT = re.compile(r"\$\$([^$]*)\$\$|\$([^$]*)\$")
_TWICE_ESCAPED = re.compile(r"\\\\(?=[A-Za-z])")
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?")
_AMOUNT = re.compile(r"\\?[$€£]?\s*[-+]?[\d.,/]+\s*(?:%|°)?\s*(?:[A-Za-z.°/^{}]+\d?\s*){0,3}")
_MEASURE = re.compile(r"\$[^$]*\d[^$]*\$\s*(?:[A-Za-z./^]+\d?\s*){1,3}")
_MATH_WORDS = re.compile(
    "sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|sinh|cosh|tanh|log|ln|exp|max|min|sup|inf|lim|gcd|lcm|det|mod|deg|dim|ker|sqrt|pi|and|or|if|for",
    re.IGNORECASE,
)
_SAID_WORDS = ("yes", "no", "true", "false", "odd", "even", "none", "all", "both")
_LETTER = re.compile(r"(?:\\(?:text|textbf|mathrm|mbox|mathbf|textrm)\s*)?\{?\s*(\(?)([A-Za-z])(\)?)\s*\}?[.,]?")


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


def lettered(gold: str, prompt: str) -> str | None:
    r"""Give the letter when the gold names one of the choices that the prompt letters, such as `(c)` or `\text{C}`; else None.

    The prompt must letter its choices from the first one on, in the case of the gold: `(a) … (b) … (c) …` or `A. … B. …`.
    """
    match = _LETTER.fullmatch(gold)
    if match is None or bool(match[1]) != bool(match[3]) or (match[2].islower() and not match[1]):
        return None
    first = "a" if match[2].islower() else "A"
    wanted = [chr(code) for code in range(ord(first), max(ord(match[2]), ord(first) + 1) + 1)]
    return match[2].upper() if all(_letters_a_choice(prompt, letter) for letter in wanted) else None


def _letters_a_choice(prompt: str, letter: str) -> bool:
    if f"({letter})" in prompt:
        return True
    return re.search(rf"(?:^|\n|\\qquad|\\quad|\s{{2,8}}|\{{)\s*{letter}\s?[.):]", prompt) is not None


def kind_of(gold: str, prompt: str, answer_type: Any) -> tuple[Kind, str]:
    """Tell a problem's kind from its gold, and give the gold as that kind writes it.

    `choice` when it names a lettered choice, `number` when the source gives a tolerant answer type, `text` when it is
    words, otherwise `math`.
    """
    letter = lettered(gold, prompt)
    if letter is None and str(answer_type).lower() == "option" and (match := _LETTER.fullmatch(gold)):
        letter = match[2].upper()
    if letter is not None:
        return "choice", letter
    if str(answer_type).lower() in TOLERANT_TYPES:
        return "number", gold
    words = _WHOLE_TEXT.fullmatch(gold)
    if is_prose(words[1] if words else gold):
        return "text", words[1].strip() if words else gold
    return "math", one_formula(gold)


def one_formula(gold: str) -> str:
    r"""Write a gold of several formulas as one, without dollar signs in it: what stands between becomes `\text{…}`.

    >>> print(one_formula("$x<2$ or $x>3$"), one_formula("$69$, $84$"))
    x<2\text{ or }x>3 69, 84
    """
    if not _DOLLAR.search(gold):
        return gold
    pieces, at = [], 0
    for segment in _SEGMENT.finditer(gold):
        pieces += [_as_text(gold[at : segment.start()]), segment[1] or segment[2] or ""]
        at = segment.end()
    return "".join([*pieces, _as_text(gold[at:])]).strip()


def _as_text(between: str) -> str:
    return f"\\text{{{between}}}" if re.search(r"[^\W\d]", between) and "\\" not in between else between


def is_prose(gold: str) -> bool:
    """Say whether a gold is words rather than mathematics; an amount with its unit (`9 hours`) is mathematics.

    A single word of up to three letters may be a product of variables (`abc`), unless it is one such as `yes` or `odd`;
    letters in alphabetical order (`wxyz`) are variables too.
    """
    if gold.lower() in _SAID_WORDS:
        return True
    if len(gold) > LONGEST_FORMULA:
        return True
    if _AMOUNT.fullmatch(gold) or _MEASURE.fullmatch(gold):
        return False
    rest = _MATH.sub(" ", gold)
    words = [word for word in _WORD.findall(rest) if not _MATH_WORDS.fullmatch(word) and not (word.isupper() and "=" in rest)]
    if len(words) == 1 and len(words[0]) <= PRODUCT_LETTERS and len(rest.split()) == 1:
        return False
    return any(len(word) > 2 and list(word) != sorted(set(word)) for word in words)
