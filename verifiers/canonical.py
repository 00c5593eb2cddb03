r"""One spelling for an answer: Unicode to LaTeX, no delimiters, no layout commands, one form of fractions and blanks.

    canonical(r"$\dfrac12\,$.") == r"\frac{1}{2}"

Case is kept, and blanks between letters or digits are kept: `2 2/3` is not `22/3`. Linear in the length of the text.
"""

from __future__ import annotations

import re
import unicodedata

from .memory import remembered

_UNICODE = {
    "−": "-",
    "–": "-",
    "—": "-",
    "‐": "-",
    "‑": "-",
    "﹣": "-",
    "×": r"\times ",
    "·": r"\cdot ",
    "⋅": r"\cdot ",
    "÷": "/",
    "∕": "/",
    "⁄": "/",
    "π": r"\pi ",
    "θ": r"\theta ",
    "α": r"\alpha ",
    "β": r"\beta ",
    "∞": r"\infty ",
    "≤": r"\le ",
    "≥": r"\ge ",
    "≠": r"\ne ",
    "±": r"\pm ",
    "∪": r"\cup ",
    "∩": r"\cap ",
    "∈": r"\in ",
    "∅": r"\emptyset ",
    "ℝ": r"\mathbb{R}",
    "ℤ": r"\mathbb{Z}",
    "ℕ": r"\mathbb{N}",
    "ℚ": r"\mathbb{Q}",
    "°": r"^\circ ",
    "¢": " cents",
    "…": r"\ldots ",
    "½": r"\frac{1}{2}",
    "⅓": r"\frac{1}{3}",
    "⅔": r"\frac{2}{3}",
    "¼": r"\frac{1}{4}",
    "¾": r"\frac{3}{4}",
    "′": "'",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "→": r"\to ",
    "¬": r"\neg ",
    "∧": r"\land ",
    "∨": r"\lor ",
}
_SUPERSCRIPT = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ", "0123456789+-n")
_SUBSCRIPT = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")

_LAYOUT = re.compile(
    r"\\(?:left|right|big|Big|bigl|bigr|Bigl|Bigr|bigg|Bigg|biggl|biggr|displaystyle|textstyle|limits|rm|bf|it)(?![A-Za-z])\.?"
    r"|\\!|\*\*|`|(?<!\\)\\[()\[\]]|(?<!\\)\$|\\\$|[£€¥₹₱₩]"
)
_BLANKS = re.compile(r"(?<!\\)(?:\\[,;:> ]|\\q?quad(?![A-Za-z])|~|[\s\x00-\x1f])+|\\(?:enspace|thinspace)(?![A-Za-z])")
_TEXT = re.compile(
    r"\\(?:text|textbf|textit|textrm|textsf|textnormal|mathrm|mathbf|mathit"
    r"|mbox|hbox|operatorname|boldsymbol|bm|boxed|fbox|framebox)\*?\s*\{([^{}]*)\}"
)
_TEXT_MARKS = ("\\text", "\\math", "box", "\\operatorname", "\\boldsymbol", "\\bm")
"""One of these stands in every text that `_TEXT` finds."""
_RENAMED = {
    "dfrac": "frac",
    "tfrac": "frac",
    "cfrac": "frac",
    "leq": "le",
    "geq": "ge",
    "neq": "ne",
    "leqslant": "le",
    "lt": "<",
    "gt": ">",
    "geqslant": "ge",
    "degree": "°",
    "dots": "ldots",
    "cdots": "ldots",
    "rightarrow": "to",
    "lbrace": "{",
    "rbrace": "}",
    "lbrack": "[",
    "rbrack": "]",
    "varnothing": "emptyset",
    "lvert": "|",
    "rvert": "|",
    "vert": "|",
    "mid": "|",
    "colon": ":",
    "ast": "*",
}
_ESCAPED = re.compile(r"\\\\(?=[A-Za-z{}])")
"""Commands that were escaped twice, as in `\\\\frac`; outside of a matrix no line ends within an answer."""
_THIN_COMMA = re.compile(r",\s*\\!\s*")
_LIST_COMMA = re.compile(r"(?<=\d),\s+(?=\d{3}(?!\d))")
"""`32, 349` is a list, `32,349` a number."""
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_BARE = r"(?:\d|(?<=\s)[A-Za-z])"
_BARE_FRACTION = re.compile(rf"\\frac\s*(?:({_BARE})\s*({_BARE})|({_BARE})\s*(\{{[^{{}}]*\}})|(\{{[^{{}}]*\}})\s*(\d|(?<=\s)[A-Za-z]))")
_BARE_ROOT = re.compile(r"\\sqrt\s*(\d)")
_IDLE_BLANK = re.compile(r"(?<!\d) | (?!\d)")
_LOOSE_BLANK = re.compile(r"(?<![A-Za-z0-9.]) | (?![A-Za-z0-9.\\])|(?<=[0-9]) (?=\\)")
_SHORT_SCRIPT = re.compile(r"([\^_])\{([A-Za-z0-9])\}(?![0-9])")
_PRIMES = re.compile(r"\^ ?(?:\{((?: ?\\prime)+) ?\}|\\prime(?![A-Za-z]))")
_JOINT = re.compile(r"(?:[,;] ?|(?<![A-Za-z\\]) ?)\{? ?\b(and|or|AND|OR)\b ?\}? ?(?![A-Za-z])|(?<=\d)(and|or)(?=[A-Z(\\-])")
"""What joins two answers, whatever stands around it; words before or after it make it prose."""
DEGREES = re.compile(r"\^\{ ?\\circ ?\}|\^ ?\\circ(?![A-Za-z])|\^°")
_TEXT_FORMULA = re.compile(r"\\text\{(?=[^{}]{0,40}[=^_])((?:[^{}]|\{[^{}]{0,200}+\}){1,400}+)\}")
"""A formula set as text, such as `\\text{y_{1}=x^{2}}`: braces one deep."""


def canonical(text: str) -> str:
    """Bring an answer to one spelling; the meaning is not touched.

    >>> canonical("$ x = 1{,}000 $.")
    'x=1,000'
    """
    return text if text.isdigit() and text.isascii() else _one_spelling(text)


@remembered
def _one_spelling(text: str) -> str:
    """Rewrite a text step by step; a step is left out where its marks do not occur, which is most of the time."""
    if not text.isascii():
        text = _to_latex(text)
    if "\\" in text:
        text = _plain_text(text)
    text = _without_layout(_THIN_COMMA.sub(",", text) if "\\!" in text else text)
    if "," in text:
        text = _LIST_COMMA.sub(";", text).replace("{,}", ",")
    if "=" in text:
        text = text.replace("<=", r"\le ").replace(">=", r"\ge ").replace("!=", r"\ne ")
    if "\\" in text or "~" in text or " " in text or not text.isprintable():
        text = _BLANKS.sub(" ", text.replace(r"\%", "%"))
    if "\\" in text:
        text = _one_command(text)
    if "°" in text or "\\circ" in text:
        text = DEGREES.sub("°", text)
    text = text.strip()
    if " " in text:
        text = _LOOSE_BLANK.sub("", text)
    if "or" in text or "and" in text or "OR" in text or "AND" in text:
        text = _JOINT.sub(lambda match: f" {(match[1] or match[2]).lower()} ", text).replace("  ", " ")
    if "{" in text:
        text = _SHORT_SCRIPT.sub(r"\1\2", text)
    return unwrapped(text.rstrip(" .,;:\\").lstrip(" ,;:=").removeprefix("\\approx").strip('" '), "{}")


def _plain_text(text: str) -> str:
    r"""Take what is set as text, as in `\text{cm}`, out of its command."""
    if "\\\\" in text and "\\begin" not in text:
        text = _ESCAPED.sub(r"\\", text)
    for _ in range(4):  # \text within \text, and no deeper
        if not any(mark in text for mark in _TEXT_MARKS):
            return text
        text = _TEXT.sub(r" \1 ", text)
    return _TEXT_FORMULA.sub(r" \1 ", text) if "\\text{" in text else text


def _without_layout(text: str) -> str:
    marked = "\\" in text or "$" in text or "*" in text or "`" in text or not text.isascii()
    return _LAYOUT.sub("", text) if marked else text


def _one_command(text: str) -> str:
    """Give a command of several names, and an argument without braces, one spelling."""
    text = _COMMAND.sub(_rename, text)
    if "\\frac" in text:
        text = _BARE_FRACTION.sub(_brace_fraction, text)
    if "\\sqrt" in text:
        text = _BARE_ROOT.sub(r"\\sqrt{\1}", text)
    return _PRIMES.sub(lambda match: "'" * ((match[1] or "").count("p") or 1), text) if "\\prime" in text else text


def squeezed(text: str) -> str:
    """Drop the blanks of a canonical text that cannot matter, for comparing texts."""
    return _IDLE_BLANK.sub("", text) if " " in text else text


def same_text(one: str, other: str) -> bool:
    """Say whether two canonical texts differ in nothing but blanks that cannot matter."""
    return one == other or (one.replace(" ", "") == other.replace(" ", "") and squeezed(one) == squeezed(other))


def unwrapped(text: str, pair: str) -> str:
    """Strip the layers of brackets that hold the whole text.

    >>> unwrapped("((7))", "()"), unwrapped("(1)(2)", "()")
    ('7', '(1)(2)')
    """
    if not text.startswith(pair[0]) or not text.endswith(pair[1]):
        return text
    partner = _partners(text, pair)
    layers = 0
    while layers < len(text) // 2 and partner.get(layers) == len(text) - 1 - layers:
        layers += 1
    return text[layers : len(text) - layers].strip() if layers else text


def _partners(text: str, pair: str) -> dict[int, int]:
    partner: dict[int, int] = {}
    opened: list[int] = []
    for place, character in enumerate(text):
        if text[place - 1 : place] == "\\":
            continue
        if character == pair[0]:
            opened.append(place)
        elif character == pair[1]:
            if not opened:
                return {}
            partner[opened.pop()] = place
    return {} if opened else partner


def _to_latex(text: str) -> str:
    text = re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻ⁿ]+", lambda match: "^{" + match[0].translate(_SUPERSCRIPT) + "}", text)
    text = re.sub(r"[₀₁₂₃₄₅₆₇₈₉]+", lambda match: "_{" + match[0].translate(_SUBSCRIPT) + "}", text)
    text = re.sub(r"√\s*(\d+|[A-Za-z]|\{[^{}]*\}|\([^()]*\))", lambda match: r"\sqrt{" + match[1].strip("{}()") + "}", text)
    return "".join(map(_ascii, text))


def _ascii(character: str) -> str:
    if character.isascii() or character in _UNICODE:
        return _UNICODE.get(character, character)
    if unicodedata.category(character) in ("Cf", "Cc"):  # zero-width blanks, direction marks, byte-order marks
        return ""
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    folded = unicodedata.normalize("NFKC", character)
    return "".join(_UNICODE.get(part, part) for part in folded)


def _rename(match: re.Match[str]) -> str:
    new = _RENAMED.get(match[1])
    if new is None:
        return match[0]
    return "\\" + new if new[0].isalpha() or new in "{}" else new


def _brace_fraction(match: re.Match[str]) -> str:
    above, below = (part for part in match.groups() if part is not None)
    return r"\frac{" + above.strip("{}") + "}{" + below.strip("{}") + "}"
