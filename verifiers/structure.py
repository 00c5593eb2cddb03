r"""The shape of an answer: lists, tuples, sets, intervals, unions, matrices, names before an equals sign, words.

read_items(r"\{1,2\}") == Items("{}", ("1", "2"), ordered=False)
"""

from __future__ import annotations

import re
from typing import NamedTuple

_QUANTITY = r"[A-Z][A-Z]*(?:_[A-Za-z0-9]|_\{[A-Za-z0-9]+\})?'?"
"""A segment, an angle's points, an area: what geometry gives a name to."""
_NAME = re.compile(
    rf"(?:\\(?:angle|triangle) ?{_QUANTITY}|{_QUANTITY} ?[:/] ?{_QUANTITY}|\\frac\{{{_QUANTITY}\}}\{{{_QUANTITY}\}}|[A-Z]{{2,}}"
    r"|[A-Za-z](?:_[A-Za-z0-9]|_\{[^{}=<>]{1,16}\}|')?|\\[a-z]+|[a-zA-Z]\([a-z](?:,[a-z])*\)|\([a-z](?:,[a-z])+\))"
    r" ?(?:=|\\in(?![a-z]))(?P<rest>[^=<>]+)$"
)
_MATRIX = re.compile(r"(-?)([\[(]?)\\begin\{([pbvBV]?matrix|array)\}(?:\{[lcr| ]+\})?(.*)\\end\{\3\}([\])]?)$", re.DOTALL)
_FUNCTIONS = frozenset(
    [
        "sin",
        "cos",
        "tan",
        "cot",
        "sec",
        "csc",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "log",
        "ln",
        "exp",
        "max",
        "min",
        "gcd",
        "lcm",
        "mod",
        "pmod",
        "bmod",
        "deg",
        "det",
        "dim",
        "ker",
        "lim",
        "sup",
        "inf",
        "arg",
    ]
)
_COPULA = re.compile(r"(?:^|(?<= ))(?:[Ii]t is|[Ii]t's|is|are|was|were)(?= [\d.\\]| ?-[\d.\\])")
_TUPLES = re.compile(r"\([^()]*,[^()]*\)(?:\([^()]*,[^()]*\))+")
_CLOSES = {"(": ")", "[": "]", "\\{": "\\}", "{": "}"}
_TOKEN = re.compile(r"\\[{}]|[(){}\[\],;&=]|\\\\| or | and |\\cup(?![a-z])|\\pm(?![a-z])|\\approx(?![a-z])|\\(?:begin|end)\{[a-z]*\}")


class Named(NamedTuple):
    """An answer without the name it was given, as in `x=5`."""

    name: str
    text: str


class Items(NamedTuple):
    """Several values in one answer."""

    brackets: str
    """Opening and closing bracket, `` for a bare list, `cup` for a union, `matrix`."""
    parts: tuple[str, ...]
    ordered: bool
    choice: bool = False
    """True when the values are joined by `or`."""

    def compatible(self, other: Items) -> bool:
        """Say whether two shapes may hold the same answer: a bare list goes with everything but unions and matrices."""
        bare = {self.brackets, other.brackets} & {""}
        special = {self.brackets, other.brackets} & {"cup", "matrix"}
        return self.brackets == other.brackets or bool(bare and not special)


def strip_name(text: str) -> Named:
    r"""Take the name off `x=5`, `f(x)=5`, `(x,y)=(1,2)` or `x\in A`; equations keep both sides."""
    match = _NAME.match(text)
    return Named(text[: match.start("rest")], match["rest"].strip()) if match else Named("", text)


def read_items(text: str) -> Items | None:
    """Read an answer that holds several values; None when it holds one."""
    matrix = _MATRIX.match(text)
    if matrix and bool(matrix[2]) == bool(matrix[5]) and matrix[4].count("\\begin") == 0:
        rows = split(matrix[4], ("\\\\",))
        rows = rows[:-1] if len(rows) > 1 and not rows[-1] else rows
        cells = tuple(cell.strip() for row in rows for cell in [*split(row, ("&",)), "\\\\"])
        if matrix[1]:
            cells = tuple(cell if cell == "\\\\" else f"-({cell})" for cell in cells)
        return Items("matrix", cells, ordered=True)
    if "=" in text and "," in text and (systems := _systems(text)):
        return Items("", systems, ordered=False)
    for separators, brackets in (((" or ",), ""), ((",", ";", " and "), ""), (("\\cup",), "cup")):
        parts = split(text, separators)
        if len(parts) > 1 and all(parts):
            return Items(brackets, _flat(parts), ordered=False, choice=separators == (" or ",))
    if _TUPLES.fullmatch(text):  # side by side; ordered, since they may be cycles
        return Items("", tuple(f"{part})" for part in text[:-1].split(")")), ordered=True)
    if text.count("\\pm") == 1 and len(split(text, ("=",))) == 1:  # two of them need not go together
        parts = [text.replace("\\pm", plus).replace("\\mp", minus) for plus, minus in (("+", "-"), ("-", "+"))]
        return Items("", tuple(part.removeprefix("+").strip() for part in parts), ordered=False)
    for opener in ("(", "[", "\\{"):
        for closer in (")", "]") if opener != "\\{" else ("\\}",):
            if text.startswith(opener) and text.endswith(closer) and len(text) > len(opener) + len(closer):
                parts = split(text[len(opener) : -len(closer)], (",", ";"))
                if all(parts) and (len(parts) > 1 or opener == "\\{"):
                    return Items(opener + closer, tuple(parts), ordered=opener != "\\{")
    return None


def _systems(text: str) -> tuple[str, ...] | None:
    """Read several solutions of several unknowns each, as in `p=5,q=2;p=7,q=2`."""
    parts = split(text, (";", " and "))
    values = [split(part, (",",)) for part in parts]
    alike = len(parts) > 1 and {len(row) for row in values} == {len(values[0])} and len(values[0]) > 1
    return tuple(parts) if alike and all("=" in value for row in values for value in row) else None


def _flat(parts: list[str]) -> tuple[str, ...]:
    r"""Split parts of a list that are lists themselves, as in `1, 2 and 3` or `\pm 1, 3`."""
    flat: list[str] = []
    for part in parts:
        inner = read_items(part) if any(joint in part for joint in (" and ", ",", "\\pm")) else None
        flat.extend(inner.parts if inner and inner.brackets == "" else [part])
    return tuple(flat)


def split(text: str, separators: tuple[str, ...]) -> list[str]:
    """Split at separators that stand outside all brackets; the whole text when brackets do not match."""
    parts: list[str] = []
    depth = start = 0
    for token in _TOKEN.finditer(text):
        if token[0] in ("(", "[", "{", "\\{") or token[0].startswith("\\begin"):
            depth += 1
        elif token[0] in (")", "]", "}", "\\}") or token[0].startswith("\\end"):
            depth -= 1
            if depth < 0:
                return [text.strip()]
        elif depth == 0 and token[0] in separators:
            parts.append(text[start : token.start()].strip())
            start = token.end()
    return [*parts, text[start:].strip()] if depth == 0 else [text.strip()]


def is_words(text: str) -> bool:
    """Say whether a text is words rather than a formula: words of letters, capitals side by side, points left out."""
    plain = re.sub(r"\\(?:begin|end)\{[a-z]*\}|\\[A-Za-z]+", " ", text)
    words = [word for word in re.findall(r"[A-Za-z]{2,}", plain) if word.lower() not in _FUNCTIONS]
    if any(len(word) > 3 or word.lower() in ("yes", "no", "odd") for word in words) or len(words) > 2 or "\\ldots" in text or ":" in text:
        return True
    if _COPULA.search(text):  # "It is 0.5"
        return True
    letters = plain.replace(" ", "")
    return letters.isalpha() and letters == plain.strip() and len(letters) > 1 and (letters.isupper() or letters.istitle())
