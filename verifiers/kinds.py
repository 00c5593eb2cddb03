r"""A problem's kind, told from its gold answer: which verifier judges the responses.

    kind_of_gold("true") == ("boolean", "True")          kind_of_gold("[1, 2, 3]") == ("list", "[1, 2, 3]")
    kind_of_gold(r"\text{Saturday}") == ("text", "Saturday")          kind_of_gold("1/2") == ("math", "1/2")

`number` is told from no gold answer: whether 3.14 is exact or rounded only the source can say. `[1, 2]` is an interval.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..schemas.problem import Kind
from .boolean import truth_of
from .choice import gold_letters

LONGEST_FORMULA = 5000
"""A longer gold is taken for prose without a look."""
PRODUCT_LETTERS = 3
"""A single word of at most so many letters may be a product of variables; a longer one is a word."""

_WHOLE_TEXT = re.compile(r"(?:\\(?:text|textbf|textit|textrm|mbox|mathrm)\s*)?\{([^{}\\$]*)\}[.,]?")
_MATH = re.compile(
    r"\$\$.*?\$\$|\$[^$]*\$|\\\(.*?\\\)|\\\[.*?\\\]"
    r"|\\(?:text|mbox|mathrm|textbf|operatorname|begin|end)\*?\s*\{[^{}]*\}(?:\{[lcr| ]+\})?|\\[A-Za-z]+|\\.",
    re.DOTALL,
)
_SEGMENT = re.compile(r"\$\$([^$]*)\$\$|\$([^$]*)\$")
_DOLLAR = re.compile(r"(?<!\\)\$")
_WORD = re.compile(r"[^\W\d_]{2,}(?:['’][^\W\d_]+)?")
_AMOUNT = re.compile(r"\\?[$€£]?\s*[-+]?[\d.,/]+\s*(?:%|°)?\s*(?:[A-Za-z.°/^{}]+\d?\s*){0,3}")
_MEASURE = re.compile(r"\$[^$]*\d[^$]*\$\s*(?:[A-Za-z./^]+\d?\s*){1,3}")
_MATH_WORDS = re.compile(
    "sin|cos|tan|cot|sec|csc|arcsin|arccos|arctan|sinh|cosh|tanh|log|ln|exp|max|min|sup|inf|lim|gcd|lcm|det|mod|deg|dim|ker|sqrt|pi|and|or|if|for",
    re.IGNORECASE,
)
_SAID_WORDS = ("yes", "no", "true", "false", "odd", "even", "none", "all", "both")
_LETTER = re.compile(r"(?:\\(?:text|textbf|mathrm|mbox|mathbf|textrm)\s*)?\{?\s*(\(?)([A-Za-z])(\)?)\s*\}?[.,]?")
_LIST = re.compile(r"\[\s*-?[\d.]+(?:e-?\d+)?(?:\s*,\s*-?[\d.]+(?:e-?\d+)?)*\s*\]")


def kind_of_gold(gold: str, prompt: str = "", options: Sequence[str] = (), names_option: bool = False) -> tuple[Kind, str]:
    """Tell a problem's kind from its gold, and give the gold as that kind writes it.

    `choice` when it names a choice that the prompt letters, or one of the options; `boolean` when it is true, false, yes or no;
    `list` when it is a list of numbers in brackets, but for two, which are an interval's ends; `text` when it is words; otherwise
    `math`. `names_option`: the source says that the gold names an option.
    """
    letter = lettered(gold, prompt)
    if letter is None and names_option and (match := _LETTER.fullmatch(gold)):
        letter = match[2].upper()
    letters = {letter} if letter else gold_letters(gold, list(options)) if options else set()
    if letters:
        return "choice", ", ".join(sorted(letters))
    words = _WHOLE_TEXT.fullmatch(gold)
    said = words[1].strip() if words else gold
    if said.strip(" .").lower() in ("true", "false", "yes", "no") and truth_of(said) is not None:
        return "boolean", said.strip(" .").capitalize()
    if _LIST.fullmatch(gold) and gold.count(",") != 1:
        return "list", gold
    if is_prose(said if words else gold):
        return "text", said
    return "math", one_formula(gold)


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
