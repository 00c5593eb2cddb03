"""Tell reasoning from response in a teacher's text.

    split_reasoning("<think>3 and 4 make 7</think>So 7.")  # Split("3 and 4 make 7", "So 7.", "think")

Styles are rows of `data/delimiters.toml`. What holds for all of them:

- Nothing but marks and white space at the seams is lost. A text without reasoning stays as it is.
- An opened block that is never closed is all reasoning: the response is empty, the answer was never given.
- Of several blocks the last closing mark ends the reasoning, and the marks before it are taken out of it, so that the
  reasoning can be rendered between marks again. An opening mark after that stays in the response: what it opens was cut off.
- A mark between equal quotes or backticks is talk about the mark. Any other closing mark counts, wherever it stands.
- An empty block is no reasoning: null, not "".

Every scan is linear in the text; marks are looked for with `str.find` before any regular expression runs.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from ..data import data_file
from ..schemas.errors import unknown_name

QUOTES = "`\"'"


class Split(NamedTuple):
    """A text in two parts, and the name of the style that told them apart."""

    reasoning: str | None
    """None when there is none."""
    response: str
    delimiter: str
    """A name from `data/delimiters.toml`, or `none`."""


class Mark:
    """A delimiter: literal text in which a blank stands for any white space, or none."""

    def __init__(self, text: str) -> None:
        parts = text.split(" ")
        self.longest = max(parts, key=len)
        # possessive and bounded: a megabyte of blanks costs no more than a megabyte of anything else
        self.pattern = re.compile(r"\s{0,16}+".join(re.escape(part) for part in parts))

    def starts(self, text: str, at: int) -> re.Match[str] | None:
        """Match the mark at a position."""
        return self.pattern.match(text, at)

    def matches(self, text: str, start: int = 0) -> Iterator[re.Match[str]]:
        """Give the places of the mark from `start` on, leaving out those between quotes."""
        if self.longest in text:
            yield from (match for match in self.pattern.finditer(text, start) if not _quoted(text, match))

    def first(self, text: str, start: int = 0) -> re.Match[str] | None:
        """Give the first place from `start` on."""
        return next(self.matches(text, start), None)

    def last(self, text: str, start: int = 0) -> re.Match[str] | None:
        """Give the last place from `start` on."""
        match = None
        for match in self.matches(text, start):  # noqa: B007
            pass
        return match


@dataclass(frozen=True)
class PairStyle:
    """Reasoning between two marks, perhaps the response between two more; the fields are those of `data/delimiters.toml`."""

    name: str
    open: Mark
    close: Mark
    first: bool = False
    opened_in_prompt: bool = False
    needs_close: bool = False
    ordinary: bool = False
    anywhere: bool = False
    fallback: Mark | None = None
    answer_open: Mark | None = None
    answer_close: Mark | None = None
    needs_answer: bool = False
    end: list[str] = field(default_factory=list)

    def split(self, text: str, asked_for: bool) -> Split | None:
        """Split a text of this style; None when it is not. `asked_for`: the user named the style."""
        start = self._start(text, asked_for)
        if start is None:
            return None
        close = self.close.first(text, start) if self.first else self.close.last(text, start)
        if close is None:
            return self._without_close(text, start, asked_for)
        response = self._response(text[close.end() :])
        return None if response is None else Split(self._reasoning(text[start : close.start()]), response, self.name)

    def _start(self, text: str, asked_for: bool) -> int | None:
        opened = self.open.starts(text, _text_start(text))
        if opened:
            return opened.end() if asked_for or not self.opened_in_prompt else None
        return 0 if self.opened_in_prompt or (self.anywhere and self.open.first(text)) else None

    def _without_close(self, text: str, start: int, asked_for: bool) -> Split | None:
        if self.needs_close or self.needs_answer or (start == 0 and not (self.opened_in_prompt and asked_for)):
            return None
        fallback = self.fallback.last(text, start) if self.fallback else None
        at = fallback.start() if fallback else len(text)
        return Split(self._reasoning(text[start:at]), self._trimmed(text[at:]), self.name)

    def _reasoning(self, text: str) -> str | None:
        for mark in () if self.ordinary else (self.open, self.close):
            if mark.longest in text:
                text = mark.pattern.sub(lambda match, whole=text: match[0] if _quoted(whole, match) else "\n", text)
        return self._trimmed(text) or None

    def _response(self, text: str) -> str | None:
        text = self._trimmed(text)
        opened = self.answer_open.starts(text, 0) if self.answer_open else None
        if opened is None or self.answer_close is None:
            return None if self.needs_answer else text
        closed = self.answer_close.last(text, opened.end())
        if closed is None:
            return text[opened.end() :].strip()
        if closed.end() == len(text):
            return text[opened.end() : closed.start()].strip()
        return None if self.needs_answer else text

    def _trimmed(self, text: str) -> str:
        text = text.strip()
        for mark in self.end:
            text = text.removesuffix(mark).rstrip()
        return text


@dataclass(frozen=True)
class ChannelStyle:
    """gpt-oss harmony: every message names its channel. Messages of one part are joined by a line break."""

    name: str
    reasoning_channels: list[str]
    response_channels: list[str]

    def split(self, text: str, asked_for: bool) -> Split | None:  # noqa: ARG002
        """Split a text of this style; None when it is not."""
        if "<|message|>" not in text:
            return None
        parts: dict[bool, list[str]] = {True: [], False: []}
        answering, at = False, 0
        for header in _HEADER.finditer(text):
            parts[answering].append(text[at : header.start()])
            answering, at = header[1] in self.response_channels, header.end()
        if at == 0:
            return None
        parts[answering].append(text[at:])
        reasoning, response = ("\n".join(filter(None, map(_message, parts[part]))) for part in (False, True))
        return Split(reasoning or None, response, self.name)


_HEADER = re.compile(
    r"(?:<\|start\|>assistant[^<]{0,64}+)?(?:<\|channel\|>|\A\s{0,16}+)(\w{1,32}+)[^<]{0,200}+(?:<\|constrain\|>[^<]{0,64}+)?<\|message\|>"
)
_BLANK = re.compile(r"\s*+")
_MESSAGE_END = re.compile(r"<\|(?:end|return|call)\|>")

Style = PairStyle | ChannelStyle


def split_reasoning(text: str, style: str = "auto") -> Split:
    """Split a text into reasoning and response; a text that is not of the style is all response, delimiter `none`.

    `style` is `auto`, `none` or a name from `data/delimiters.toml`; raises CotkitError for any other. A named style also
    takes texts whose opening mark stood in the prompt.

    >>> split_reasoning("3 and 4 make 7.</think>So 7.")
    Split(reasoning='3 and 4 make 7.', response='So 7.', delimiter='think_close_only')
    """
    styles = load_styles()
    if style not in styles and style not in ("auto", "none"):
        raise unknown_name("delimiter", style, ["auto", "none", *styles])
    if style in styles and (split := styles[style].split(text, asked_for=True)):
        return split
    for candidate in styles.values() if style == "auto" else _opened_in_prompt(style):
        if split := candidate.split(text, asked_for=False):
            return split
    return Split(None, text, "none")


@cache
def load_styles() -> dict[str, Style]:
    """Read the shipped styles, in their order."""
    rows = tomllib.loads(data_file("delimiters.toml").read_text(encoding="utf-8"))
    return {name: _style(name, row) for name, row in rows.items()}


def _style(name: str, row: dict[str, Any]) -> Style:
    if "reasoning_channels" in row:
        return ChannelStyle(name, **row)
    marks = {key: Mark(row.pop(key)) for key in ("open", "close", "fallback", "answer_open", "answer_close") if key in row}
    return PairStyle(name, **marks, **row)


@cache
def _opened_in_prompt(name: str) -> list[PairStyle]:
    pairs = {key: style for key, style in load_styles().items() if isinstance(style, PairStyle)}
    if name not in pairs:
        return []
    return [style for style in pairs.values() if style.opened_in_prompt and style.open.longest == pairs[name].open.longest]


def _text_start(text: str) -> int:
    return _BLANK.match(text).end()  # pyright: ignore[reportOptionalMemberAccess]  # it always matches; lstrip() would copy the text


def _message(text: str) -> str:
    return _MESSAGE_END.sub("", text).strip()


def _quoted(text: str, match: re.Match[str]) -> bool:
    before, after = match.start() - 1, match.end()
    return before >= 0 and after < len(text) and text[before] == text[after] and text[before] in QUOTES
