r"""What a pattern is made of, read from the text of the pattern.

    wait ?[,.]     ->   All: w, a, i, t, Repeat of a space from 0 to 1, one of the bytes , and .

Not covered: Unicode classes, flags inside a pattern, negated and nested classes, a repeat of what may be empty.
"""

from __future__ import annotations

import re
from typing import NamedTuple

WORD = frozenset(byte for byte in range(128) if chr(byte).isalnum() or chr(byte) == "_")
_SETS = {"d": frozenset(b"0123456789"), "s": frozenset(b"\t\n\v\f\r "), "w": WORD}
_CONTROLS = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\\[])*\]|\(\?:|\{[0-9]+(?:,[0-9]*)?\}|.", re.DOTALL)


class Unsupported(ValueError):
    """A pattern that this module cannot read."""


class All(NamedTuple):
    """Parts that follow one another."""

    parts: list[Node]


class Any(NamedTuple):
    """Parts of which one is taken, the first that fits."""

    parts: list[Node]


class Repeat(NamedTuple):
    """A part that is there several times; `most` is None without a bound."""

    part: Node
    least: int
    most: int | None
    greedy: bool


Node = frozenset[int] | All | Any | Repeat


def parsed(pattern: str) -> Node:
    """Read a pattern as it is spelled for folded text; raises Unsupported."""
    return _Parser(pattern).whole()


class _Parser:
    """Reads a pattern, token by token."""

    def __init__(self, pattern: str) -> None:
        self.tokens: list[str] = _TOKEN.findall(pattern)
        self.at = 0

    def whole(self) -> Node:
        node = self.choice()
        if self.at < len(self.tokens):
            raise Unsupported(self.tokens[self.at])
        return node

    def next(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def choice(self) -> Node:
        parts = [self.row()]
        while self.next() == "|":
            self.at += 1
            parts.append(self.row())
        return parts[0] if len(parts) == 1 else Any(parts)

    def row(self) -> Node:
        parts: list[Node] = []
        while self.next() not in ("", "|", ")"):
            parts.append(self.repeated(self.atom()))
        return All(parts)

    def atom(self) -> Node:
        token = self.next()
        self.at += 1
        if token in ("(?:", "("):
            if self.next() == "?":
                raise Unsupported("(?")
            node = self.choice()
            if self.next() != ")":
                raise Unsupported(token)
            self.at += 1
            return node
        if len(token) > 1 and token[0] == "[":
            return _class(token[1:-1])
        if token[0] == "\\":
            return _SETS[token[1]] if token[1] in _SETS else _literal(_escaped(token))
        if token in tuple("[.^$*+?"):
            raise Unsupported(token)
        return _literal(token)

    def repeated(self, node: Node) -> Node:
        token = self.next()
        if token not in ("*", "+", "?") and not (token[:1] == "{" and len(token) > 1):
            return node
        least, _, most = token[1:-1].partition(",") if token[0] == "{" else {"*": "0, ", "+": "1, ", "?": "0,1"}[token].partition(",")
        self.at += 1
        greedy = self.next() != "?"
        self.at += not greedy
        if self.next() in ("*", "+", "?") or _may_be_empty(node):
            raise Unsupported(self.next())
        last = int(least) if not _ else int(most) if most.strip() else None
        if max(int(least), last or 0) > 100:
            raise Unsupported(token)
        return Repeat(node, int(least), last, greedy)


def _escaped(token: str) -> str:
    if token[1] in _CONTROLS:
        return _CONTROLS[token[1]]
    if token[1].isalnum() or token[1] in "<>":
        raise Unsupported(token)
    return token[1]


def _literal(character: str) -> Node:
    return All([frozenset([byte]) for byte in character.encode()])


def _class(inner: str) -> frozenset[int]:
    r"""Read what stands in square brackets: ASCII characters, ranges and \\d, \\s, \\w."""
    if inner[:1] == "^" or not inner.isascii() or "&&" in inner or "--" in inner or "~~" in inner or inner[:1] == "]":
        raise Unsupported(inner)
    found: set[int] = set()
    tokens = re.findall(r"\\.|.", inner, re.DOTALL)
    while tokens:
        token = tokens.pop(0)
        if token[0] == "\\" and token[1] in _SETS:
            found |= _SETS[token[1]]
            continue
        low = ord(_escaped(token) if token[0] == "\\" else token)
        high = low
        if len(tokens) > 1 and tokens[0] == "-":
            last = tokens[1]
            if last[0] == "\\" and last[1] in _SETS:
                raise Unsupported(inner)
            high, tokens = ord(_escaped(last) if last[0] == "\\" else last), tokens[2:]
        found |= set(range(low, high + 1))
    return frozenset(found)


def _may_be_empty(node: Node) -> bool:
    if isinstance(node, frozenset):
        return False
    if isinstance(node, Repeat):
        return node.least == 0
    return (all if isinstance(node, All) else any)(_may_be_empty(part) for part in node.parts)
