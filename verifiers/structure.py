r"""The shape of an answer: lists, tuples, sets, intervals, unions, matrices, names before an equals sign, words.

read_items(r"\{1,2\}") == Items("{}", ("1", "2"), ordered=False)
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .latex import read_expression
from .memory import remembered

_QUANTITY = r"[A-Z][A-Z]*(?:_[A-Za-z0-9]|_\{[A-Za-z0-9]+\})?'?"
"""A segment, an angle's points, an area: what geometry gives a name to."""
_NAME = re.compile(
    rf"(?:\\(?:angle|triangle) ?{_QUANTITY}|{_QUANTITY} ?[:/] ?{_QUANTITY}|\\frac\{{{_QUANTITY}\}}\{{{_QUANTITY}\}}|[A-Z]{{2,}}"
    r"|[A-Za-z](?:_[A-Za-z0-9]|_\{[^{}=<>]{1,16}\}|')?|\\[a-z]+|[a-zA-Z]\([a-z](?:,[a-z])*\)|\([a-z](?:,[a-z])+\))"
    r" ?(?:=|\\in(?![a-z]))(?P<rest>[^=<>]+)$"
)
_MATRIX = re.compile(r"([\[(]?)\\begin\{([pbvBV]?matrix|array)\}(?:\{[lcr| ]+\})?(.*)\\end\{\2\}([\])]?)$", re.DOTALL)
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
_NO_WORD = re.compile(r"\\(?:begin|end)\{[a-z]*\}|\\[A-Za-z]+")
_WORD = re.compile(r"[A-Za-z]{2,}")
_COPULA = re.compile(r"(?:^|(?<= ))(?:[Ii]t is|[Ii]t's|is|are|was|were)(?= [\d.\\]| ?-[\d.\\])")
_TUPLES = re.compile(r"\([^()]*,[^()]*\)(?:\([^()]*,[^()]*\))+")
_CLOSES = {"(": ")", "[": "]", "\\{": "\\}", "{": "}"}
_STEPS = {"(": 1, "[": 1, "{": 1, "\\{": 1, ")": -1, "]": -1, "}": -1, "\\}": -1}
"""What a bracket does to the depth."""
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
    match = _NAME.match(text) if "=" in text or "\\in" in text else None
    return Named(text[: match.start("rest")], match["rest"].strip()) if match else Named("", text)


@remembered
def read_items(text: str) -> Items | None:
    """Read an answer that holds several values; None when it holds one."""
    if "\\begin" in text and (matrix := _read_matrix(text)):
        return matrix
    if "=" in text and "," in text and (systems := _systems(text)):
        return Items("", systems, ordered=False)
    for separators, brackets in (((" or ",), ""), ((",", ";", " and "), ""), (("\\cup",), "cup")):
        parts = split(text, separators) if any(separator in text for separator in separators) else []
        if len(parts) > 1 and all(parts):
            return Items(brackets, _flat(parts), ordered=False, choice=separators == (" or ",))
    if "," in text and _TUPLES.fullmatch(text):  # side by side; ordered, since they may be cycles
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


def _read_matrix(text: str) -> Items | None:
    r"""Read a matrix, or one with a number before it, as in `\frac12\begin{pmatrix}1\\2\end{pmatrix}`: the number times each cell."""
    place = text.find("\\begin")
    place -= text[place - 1 : place] in ("(", "[")
    matrix = _MATRIX.match(text, place)
    if matrix is None or bool(matrix[1]) != bool(matrix[4]) or "\\begin" in matrix[3]:
        return None
    scale = text[:place].strip()
    if scale not in ("", "-"):
        factor = None if matrix[2] in ("vmatrix", "Vmatrix") else read_expression(scale)  # a determinant grows otherwise
        if factor is None or factor.variables or factor.ambiguous:
            return None
        scale = f"({scale})"
    rows = split(matrix[3], ("\\\\",))
    rows = rows[:-1] if len(rows) > 1 and not rows[-1] else rows
    cells = (cell.strip() for row in rows for cell in [*split(row, ("&",)), "\\\\"])
    return Items("matrix", tuple(f"{scale}({cell})" if scale and cell != "\\\\" else cell for cell in cells), ordered=True)


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
        mark = token[0]
        step = _STEPS.get(mark) or (mark.startswith("\\begin") - mark.startswith("\\end") if mark[0] == "\\" else 0)
        if step:
            depth += step
            if depth < 0:
                return [text.strip()]
        elif depth == 0 and mark in separators:
            parts.append(text[start : token.start()].strip())
            start = token.end()
    return [*parts, text[start:].strip()] if depth == 0 else [text.strip()]


@remembered
def is_words(text: str) -> bool:
    """Say whether a text is words rather than a formula: words of letters, capitals side by side, points left out."""
    plain = _NO_WORD.sub(" ", text) if "\\" in text else text
    words = [word for word in _WORD.findall(plain) if word.lower() not in _FUNCTIONS]
    if any(len(word) > 3 or word.lower() in ("yes", "no", "odd") for word in words) or len(words) > 2 or "\\ldots" in text or ":" in text:
        return True
    if _COPULA.search(text):  # "It is 0.5"
        return True
    letters = plain.replace(" ", "")
    return letters.isalpha() and letters == plain.strip() and len(letters) > 1 and (letters.isupper() or letters.istitle())
