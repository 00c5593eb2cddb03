r"""A conversation taken apart: the texts of its turns, and a skeleton in which each is a slot.

    dissect([{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "<think>\nfour\n</think>\n\n4"}])
    # skeleton  [{"role": "user", "content": "{0}"}, {"role": "assistant", "content": "<think>\n{1}\n</think>\n\n{2}"}]
    # slots     prompt "2+2?", reasoning "four", response "4"

A template does the same with all rows of one skeleton, so long as what it writes for a row is what it writes for the skeleton with the
slots filled in; `Rendered.fills` checks that for every row. White space around a text belongs to the skeleton, as templates cut it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from ..rendering import Span
from ..rendering.template import Message
from .readings import THINK, UNTHINK, Reading

Kind = Literal["prompt", "reasoning", "response"]
MARK = re.compile("\ue000(\\d+)\ue001")


class Malformed(ValueError):
    """A row that is no trainable conversation; the message is the reason."""


class Slot(NamedTuple):
    """One text of a turn."""

    kind: Kind
    turn: int
    text: str


class Dissected(NamedTuple):
    """A conversation's skeleton and its slots, in the order in which they were written."""

    skeleton: tuple[tuple[tuple[str, Any], ...], ...]
    slots: list[Slot]
    start: int

    def messages(self) -> list[dict[str, Any]]:
        """Give the skeleton as messages."""
        return [dict(fields) for fields in self.skeleton]


def dissect(messages: Sequence[Message], start: int = 0) -> Dissected:
    """Take a conversation apart; raises Malformed with the reason when it is none that can be trained on."""
    slots: list[Slot] = []
    skeleton = tuple(tuple(_fields(message, turn, slots).items()) for turn, message in enumerate(messages))
    if not any(message["role"] == "assistant" for message in messages[start:]):
        raise Malformed("there is no assistant turn to train on")
    return Dissected(skeleton, slots, start)


def _fields(message: Message, turn: int, slots: list[Slot]) -> dict[str, Any]:
    content, fields = message.get("content"), dict(message)
    if message.get("role") is None or not isinstance(content, str):
        raise Malformed(f"the {'role' if message.get('role') is None else 'content'} of turn {turn + 1} is null or no text")
    reasoning = message.get("reasoning_content")
    if message["role"] != "assistant":
        fields["content"] = _slotted("prompt", turn, content, slots)
        return fields
    if reasoning is not None:
        if not reasoning.strip():
            raise Malformed(f"reasoning_content of turn {turn + 1} is empty text: some templates write an empty block for it; write null")
        fields["reasoning_content"] = _slotted("reasoning", turn, reasoning, slots)
        if THINK in reasoning or UNTHINK in reasoning:
            raise Malformed(DOUBLED.format(turn=turn + 1))
    fields["content"] = _content(content, turn, slots)
    if not any(slot.kind == "response" and slot.turn == turn for slot in slots) and not message.get("tool_calls"):
        raise Malformed(f"turn {turn + 1} has no response")
    return fields


DOUBLED = "turn {turn} holds more than one <think> or </think> tag, which templates lose or double"
ORPHAN = "turn {turn} opens <think> and never closes it"


def _content(content: str, turn: int, slots: list[Slot]) -> str:
    """Take an assistant's content apart: reasoning before `</think>`, with or without an opening tag, and the response."""
    opens, closes = content.count(THINK), content.count(UNTHINK)
    if not opens and not closes:
        return _slotted("response", turn, content, slots)
    if opens > 1 or closes > 1 or any(slot.kind == "reasoning" and slot.turn == turn for slot in slots):
        raise Malformed(DOUBLED.format(turn=turn + 1))
    before, _, after = content.partition(UNTHINK)
    lead, tag, reasoning = before.partition(THINK) if opens else ("", "", before)
    if not closes or tag not in before or lead.strip():
        raise Malformed(ORPHAN.format(turn=turn + 1) if not closes else f"turn {turn + 1} has text before <think>")
    return lead + tag + _slotted("reasoning", turn, reasoning, slots) + UNTHINK + _slotted("response", turn, after, slots)


def _slotted(kind: Kind, turn: int, text: str, slots: list[Slot]) -> str:
    """Put a mark in place of a text, leaving the white space around it."""
    # a prompt of plain text may end in the tag that opens the reasoning: that belongs to the skeleton, where tags are counted
    inner = text.strip().removesuffix(THINK).rstrip() if kind == "prompt" else text.strip()
    if not inner:
        return text
    slots.append(Slot(kind, turn, inner))
    before, _, after = text.partition(inner)
    return f"{before}\ue000{len(slots) - 1}\ue001{after}"


class Place(NamedTuple):
    """Where a slot stands in a rendered skeleton."""

    slot: int
    span: Span
    trained: bool


class Rendered:
    """A skeleton as a trainer reads it, and the check that a row is read in the same way."""

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.places = [_place(match, reading.trained) for match in MARK.finditer(reading.text)]
        self._text = _pieces(reading.text)
        self._openings = [_pieces(opening) for opening in reading.openings]
        self._spans = [(self._distance(span.start), self._distance(span.end)) for span in reading.trained]

    def fills(self, slots: list[Slot], row: Reading) -> bool:
        """Say whether a row's reading is this one with the slots' texts: the same text, openings and trained spans."""
        texts = [slot.text for slot in slots]
        spans = [Span(*(own + sum(len(texts[slot]) for slot in before) for own, before in ends)) for ends in self._spans]
        return (
            _filled(self._text, texts) == row.text
            and spans == row.trained
            and [_filled(opening, texts) for opening in self._openings] == row.openings
        )

    def literal(self, start: int, end: int) -> str:
        """Give the text between two places of the skeleton."""
        return self.reading.text[start:end]

    def _distance(self, at: int) -> tuple[int, list[int]]:
        """Split a position into the characters of the skeleton's own and the slots that stand before it."""
        before = [place for place in self.places if place.span.end <= at]
        return at - sum(place.span.end - place.span.start for place in before), [place.slot for place in before]


def _place(match: re.Match[str], trained: list[Span]) -> Place:
    start, end = match.span()
    return Place(int(match[1]), Span(start, end), any(span.start <= start and end <= span.end for span in trained))


def _pieces(text: str) -> list[str | int]:
    """Split a rendered skeleton into its own texts and the numbers of slots, in turn."""
    return [int(piece) if odd % 2 else piece for odd, piece in enumerate(MARK.split(text))]


def _filled(pieces: list[str | int], texts: list[str]) -> str:
    return "".join(texts[piece] if isinstance(piece, int) else piece for piece in pieces)
