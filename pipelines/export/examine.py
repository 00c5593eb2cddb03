"""Examine a rendered skeleton: what a trainer would teach, and the first thing that is wrong with it.

examine(dissected, rendered, student)     # Finding("lost", "the template drops the reasoning of the last turn")
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..rendering import Student
from .conversation import MARK, Dissected, Place, Rendered

TAG = re.compile("</?think>")


class Finding(NamedTuple):
    """What is wrong with all rows of a skeleton."""

    name: str
    """`lost`, `history`, `doubled`, `untrained`, `prompt`, `opening`, `end`, `tags`, `empty`, `leaks` or `raises`."""
    reason: str


def examine(dissected: Dissected, rendered: Rendered, student: Student) -> Finding | None:
    """Give the first thing that is wrong, or None."""
    for check in (_texts, _prompt, _opening, _end, _tags):
        if finding := check(dissected, rendered, student):
            return finding
    return None


def explain(dissected: Dissected, rendered: Rendered | None) -> str:
    """Show a skeleton as it was given, and as it is rendered with the trained part in brackets."""
    names = [
        f"⟨{slot.kind}⟩" if slot.turn == dissected.slots[-1].turn else f"⟨{slot.kind} of turn {slot.turn + 1}⟩" for slot in dissected.slots
    ]
    given = [f"  given     {_named(repr(dict(fields)), names)}" for fields in dissected.skeleton]
    if rendered is None:
        return "\n".join([*given, "  rendered  nothing: the template raised"])
    text, at = "", 0
    for start, end in rendered.reading.trained:
        text += f"{rendered.literal(at, start)}⟦{rendered.literal(start, end)}⟧"
        at = end
    text += rendered.literal(at, len(rendered.reading.text))
    missing = [name for number, name in enumerate(names) if number not in {place.slot for place in rendered.places}]
    lost = [f"  lost      {', '.join(missing)}"] if missing else []
    return "\n".join([*given, f"  rendered  {_named(repr(text)[1:-1], names)}", "            (⟦…⟧ is what is trained)", *lost])


def _named(text: str, names: list[str]) -> str:
    escaped = text.replace("\\ue000", "\ue000").replace("\\ue001", "\ue001")
    return MARK.sub(lambda match: names[int(match[1])], escaped)


def _trained_turns(dissected: Dissected, rendered: Rendered) -> list[int]:
    return sorted({slot.turn for slot in dissected.slots if slot.kind == "response" and slot.turn >= rendered.reading.first})


def _texts(dissected: Dissected, rendered: Rendered, student: Student) -> Finding | None:  # noqa: ARG001
    """Every reasoning and response of a trained turn stands in the trained part, once."""
    turns = _trained_turns(dissected, rendered)
    for number, slot in enumerate(dissected.slots):
        if slot.turn not in turns:
            continue
        places = [place for place in rendered.places if place.slot == number]
        if not places and slot.turn != turns[-1]:
            return Finding("history", f"the template drops the {slot.kind} of turns that are not the last one")
        if not places:
            return Finding("lost", f"the template drops the {slot.kind}, even in the last turn")
        if len(places) > 1:
            return Finding("doubled", f"the template writes the {slot.kind} {len(places)} times")
        if not places[0].trained:
            return Finding("untrained", f"the {slot.kind} is not in the part that is trained")
    return None


def _prompt(dissected: Dissected, rendered: Rendered, student: Student) -> Finding | None:  # noqa: ARG001
    turns = _trained_turns(dissected, rendered)
    for place in rendered.places:
        inside = any(span.start < place.span.end and place.span.start < span.end for span in rendered.reading.trained)
        if inside and dissected.slots[place.slot].turn not in turns:
            return Finding("prompt", "a part of the prompt is trained")
    return None


def _opening(dissected: Dissected, rendered: Rendered, student: Student) -> Finding | None:  # noqa: ARG001
    """The text continues what the student is given when it generates."""
    for opening in rendered.reading.openings:
        if not rendered.reading.text.startswith(opening):
            return Finding("opening", f"the trained turn does not start as the student's generation prompt ends ({_tail(opening)!r})")
    return None


def _end(dissected: Dissected, rendered: Rendered, student: Student) -> Finding | None:
    for turn in _trained_turns(dissected, rendered):
        last, end = _region(dissected, rendered, turn, after=True)
        spans = rendered.reading.trained
        trained = "".join(
            rendered.literal(max(last, span.start), min(end, span.end)) for span in spans if span.end > last and span.start < end
        )
        if not any(token in trained for token in (*student.control_tokens, *filter(None, [student.eos_token]))):
            return Finding("end", "no end-of-turn token is trained after the response: the student would not learn to stop")
    return None


def _tags(dissected: Dissected, rendered: Rendered, student: Student) -> Finding | None:  # noqa: ARG001
    for turn in _trained_turns(dissected, rendered):
        start, end = _region(dissected, rendered, turn)
        tags = [(start + match.start(), match[0]) for match in TAG.finditer(rendered.literal(start, end))]
        by_kind = {dissected.slots[place.slot].kind: place for place in rendered.places if dissected.slots[place.slot].turn == turn}
        if finding := _tags_of_turn(tags, by_kind.get("reasoning"), by_kind["response"], rendered):
            return finding
    return None


def _tags_of_turn(tags: list[tuple[int, str]], reasoning: Place | None, response: Place, rendered: Rendered) -> Finding | None:
    """One pair of tags around the reasoning, or marks of the template's own; no pair where there is no reasoning."""
    names = [tag for _, tag in tags]
    if names.count("<think>") != names.count("</think>"):
        return Finding("tags", f"the rendered turn has an orphan tag: {' '.join(names)}")
    if len(names) > 2 or names == ["</think>", "<think>"]:
        return Finding("tags", f"the rendered turn has doubled tags: {' '.join(names)}")
    if reasoning is None:
        trained = any(span.start < at + len(tag) and at < span.end for at, tag in tags for span in rendered.reading.trained)
        return Finding("empty", "the template adds an empty think block that would be trained") if trained else None
    if tags and not tags[0][0] < reasoning.span.start < tags[1][0] < response.span.start:
        return Finding("tags", "the reasoning is not between the tags")
    if not tags and not rendered.literal(reasoning.span.end, response.span.start).strip():
        return Finding("tags", "nothing tells the reasoning from the response")
    return None


def _region(dissected: Dissected, rendered: Rendered, turn: int, after: bool = False) -> tuple[int, int]:
    """Give where a turn stands: from the last text before it (or its own last text) to the first text after it."""
    before = [place.span.end for place in rendered.places if dissected.slots[place.slot].turn < turn + after]
    behind = [place.span.start for place in rendered.places if dissected.slots[place.slot].turn > turn]
    return max(before, default=0), min(behind, default=len(rendered.reading.text))


def _tail(text: str) -> str:
    return text[-24:]
