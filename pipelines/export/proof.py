r"""The proof of a row: rendered as its trainer renders it, the student is trained on the reasoning once, the response and its end.

    proof = Proof(load_student("Qwen/Qwen3-8B"), "common_prefix")
    proof.prove([(messages, 1)])        # [Proven(reason=None, text="<|im_start|>user\n…")]

For every row: each text is dissected into a skeleton and slots; the skeleton is examined once (`examine.py`); the row itself is rendered
and must be the skeleton with its own texts filled in, to the character, with the same trained spans. So what was shown of the
skeleton holds for the row, and a template that treats the row differently refuses it. Texts must not spell a control token of the student.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from ..rendering import Student
from ..rendering.template import TemplateFailure
from .conversation import Dissected, Malformed, Rendered, dissect
from .examine import Finding, examine
from .readings import Reader

Conversation = tuple[list[dict[str, Any]], int]
"""Messages, and the first one that is trained."""
FORMS = ("inline", "field")
PROOF_VERSION = 2
"""Raised when the proof changes: what was proven is then proven again."""


class Proven(NamedTuple):
    """What became of one row."""

    reason: str | None
    """Why it is refused; None when it is proven."""
    text: str = ""
    """The rendered row; empty when it is refused before it is rendered."""


class Path(NamedTuple):
    """One way through the template: all rows of a skeleton."""

    dissected: Dissected
    rendered: Rendered | None
    """None when the template raised."""
    finding: Finding | None


class Proof:
    """Proves rows for one student and one way of reading; remembers the skeletons it has seen."""

    def __init__(self, student: Student, reads: str) -> None:
        self.student = student
        self.reads = reads
        self.reader = Reader(student)
        self.paths: dict[str, Path] = {}
        longest_first = sorted(student.control_tokens, key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, longest_first)) or "(?!)")
        self._starts = sorted({token[:2] for token in student.control_tokens})

    def prove(self, conversations: Iterable[Conversation]) -> list[Proven]:
        """Prove rows, in their order; time is linear in their text."""
        return [self._prove(messages, start) for messages, start in conversations]

    def failures(self) -> list[Path]:
        """Give the skeletons that no row can pass on."""
        return [path for path in self.paths.values() if path.finding]

    def notes(self) -> list[str]:
        """Say what holds for passing rows and a user should know."""
        passing = [path for path in self.paths.values() if path.finding is None and path.rendered]
        return sorted({note for path in passing if path.rendered for note in remarks(path.rendered, self.student)})

    def other_forms(self, path: Path) -> list[str]:
        """Name the forms of reasoning in which a failing skeleton would pass."""
        return [form for form in FORMS if self._path(path.dissected._replace(skeleton=_reformed(path.dissected, form))).finding is None]

    def kept_unthinking(self, path: Path) -> bool:
        """Say whether a failing skeleton would pass if the template were given `enable_thinking = false`."""
        if "enable_thinking" not in self.student.template.asks_for or self.student.kwargs:
            return False
        return Proof(self.student.given({"enable_thinking": False}), self.reads)._path(path.dissected).finding is None

    def _prove(self, messages: list[dict[str, Any]], start: int) -> Proven:
        try:
            dissected = dissect(messages, start)
        except Malformed as error:
            return Proven(str(error))
        for slot in dissected.slots:
            if token := self.control_token(slot.text):
                return Proven(f"its {slot.kind} spells the control token {token}")
        key = repr(dissected.skeleton)
        if key not in self.paths:
            self.paths[key] = self._path(dissected)
        path = self.paths[key]
        if path.finding:
            return Proven(path.finding.reason)
        try:
            reading = self.reader.read(self.reads, messages, start)
        except TemplateFailure as error:
            return Proven(error.message)
        if path.rendered is None or not path.rendered.fills(dissected.slots, reading):
            return Proven("the template writes the texts of this row differently from those of others", reading.text)
        return Proven(None, reading.text)

    def control_token(self, text: str) -> str | None:
        """Find a control token of the student in a text."""
        # looking for two characters is many times faster than for any of hundreds of tokens
        if not any(start in text for start in self._starts):
            return None
        match = self._control.search(text)
        return match[0] if match else None

    def _path(self, dissected: Dissected) -> Path:
        path = self._examined(dissected)
        if path.finding or path.rendered is None:
            return path
        native = self._examined(dissected._replace(skeleton=_reformed(dissected, "field")), "common_prefix")
        leak = native.rendered and leaks(dissected, path.rendered, native.rendered)
        return path._replace(finding=leak) if leak else path

    def _examined(self, dissected: Dissected, reads: str | None = None) -> Path:
        try:
            rendered = Rendered(self.reader.read(reads or self.reads, dissected.messages(), dissected.start))
        except TemplateFailure as error:
            return Path(dissected, None, Finding("raises", _with_nulls(error.message, dissected)))
        return Path(dissected, rendered, examine(dissected, rendered, self.student))


def _reformed(dissected: Dissected, form: str) -> tuple[Any, ...]:
    """Write a skeleton's reasoning inline or into the field."""
    messages = []
    for turn, fields in enumerate(dissected.skeleton):
        message = dict(fields)
        marks = {slot.kind: f"\ue000{number}\ue001" for number, slot in enumerate(dissected.slots) if slot.turn == turn}
        if "reasoning" in marks:
            message.pop("reasoning_content", None)
            inline = f"<think>\n{marks['reasoning']}\n</think>\n\n{marks.get('response', '')}"
            message |= (
                {"content": inline} if form == "inline" else {"content": marks.get("response", ""), "reasoning_content": marks["reasoning"]}
            )
        messages.append(tuple(message.items()))
    return tuple(messages)


def _with_nulls(reason: str, dissected: Dissected) -> str:
    nulls = sorted({name for fields in dissected.skeleton for name, value in fields if value is None and name != "reasoning_content"})
    return f"{reason} (null {', '.join(nulls)}: leave the column out)" if nulls else reason


def leaks(dissected: Dissected, inline: Rendered, native: Rendered) -> Finding | None:
    """Find inline reasoning whose tags are plain text to a student that has a channel of its own for reasoning.

    A template has one when, given the field, it opens the assistant a second time between reasoning and response.
    """
    tagged = {place.slot for place in inline.places if inline.reading.text[: place.span.start].rstrip().endswith("<think>")}
    for place in native.places:
        turn = dissected.slots[place.slot].turn
        after = next((other for other in native.places if dissected.slots[other.slot][:2] == ("response", turn)), None)
        between = native.literal(place.span.end, after.span.start) if after else ""
        if place.slot in tagged and "assistant" in between and "<think>" not in between:
            return Finding(
                "leaks", f"inline reasoning leaks, as plain text, into the channel of the response ({between!r} comes before that)"
            )
    return None


def remarks(rendered: Rendered, student: Student) -> Sequence[str]:
    """Say what is no fault of the rows: an end of turn that is not the end-of-sequence token, an opening tag that is not trained."""
    text, spans = rendered.reading.text, rendered.reading.trained
    found = []
    last = rendered.places[-1].span.end
    end = next((token for token in student.control_tokens if text[last:].lstrip().startswith(token)), None)
    if end and student.eos_token and student.eos_token not in text[last:]:
        found.append(
            f"turns end in {end} while the tokenizer's eos_token is {student.eos_token}: let the trainer and the server stop at {end}"
        )
    opening = rendered.reading.openings[-1] if rendered.reading.openings else ""
    if "<think>" in text[len(opening) : max(len(opening), spans[-1].start)]:
        found.append("the opening <think> is not trained by this trainer, though the student has to write it")
    return found
