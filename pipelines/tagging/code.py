"""Fenced code: how many blocks a text holds, how many of them are Python, and how much of the text they fill."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import polars as pl

# quoted and indented fences too: models put them into lists
_FENCE = re.compile(rb"^[ \t>]*(`{3,}|~{3,})[ \t]*([^`\n]*)$", re.MULTILINE)


class Code(NamedTuple):
    """The fenced code of one text."""

    blocks: int
    python_blocks: int
    """Blocks whose fence names a language that begins with `python`."""
    size: int
    """Bytes from the beginning of each opening fence to the end of its closing one."""


_NONE = Code(0, 0, 0)


def codes_of(texts: pl.Series) -> list[Code]:
    """Find the fenced code blocks of each of some texts."""
    fenced = texts.str.contains("```", literal=True) | texts.str.contains("~~~", literal=True)
    found = [_NONE] * len(texts)
    for row in fenced.arg_true():
        found[row] = code_of(texts[row].encode("utf-8"))
    return found


def code_of(data: bytes) -> Code:
    """Find the fenced code blocks of a UTF-8 text, by CommonMark's rule.

    A block ends at a fence of the same characters, at least as long and without a language, or at the end of the text.
    """
    blocks = python_blocks = size = 0
    opened: re.Match[bytes] | None = None
    for fence in _FENCE.finditer(data):
        if opened is None:
            opened = fence
            blocks += 1
            python_blocks += fence[2].lower().startswith(b"python")
        elif fence[1].startswith(opened[1]) and not fence[2].strip():
            size += fence.end() - opened.start()
            opened = None
    return Code(blocks, python_blocks, size + (len(data) - opened.start() if opened else 0))
