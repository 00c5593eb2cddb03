r"""How trainers read a conversation: the text they make of it with the student's template, and the part they train on.

    Reader(student).read("common_prefix", messages, 1)
    # Reading(text="<|im_start|>user\n…<|im_end|>\n", trained=[Span(start, end)], openings=["<|im_start|>user\n…assistant\n"])

| reading | trainers | the trained part |
|---|---|---|
| common_prefix | TRL prompt–completion, NeMo-RL | what follows the longest common prefix with the prompt and its generation prompt |
| sliced | OpenRLHF | what follows as many characters as that prompt has; the end-of-sequence token is added when it is not last |
| turns | open-instruct | each assistant turn, cut off by the lengths of the prefixes |
| generation | TRL and others on `messages` | the `{% generation %}` blocks of the template or its twin in TRL; else as `turns` |
| one_by_one | verl | each message is rendered alone, the assistant's without as many characters as a generation prompt has |
| compared | Axolotl | each assistant turn, found by rendering it again with a stand-in, and the end-of-turn token after it |
| derived | LLaMA-Factory | each assistant turn between slots that are derived from the template (`template:` left out) |
| verbatim | torchtune | the content as it stands, and the end of turn; its own templates are not rendered here |
| prefixed | ms-swift | likewise, after the empty block of a student that writes one; with `enable_thinking = false` that is not trained |
| joined | TRL on plain strings | the completion and the end-of-sequence token; no template is rendered |
| after_header | Unsloth | what follows the assistant's header (`train_on_responses_only`) |

Read in trl 1.16, verl 0.9.1, openrlhf 0.11.2, llamafactory 0.9.5, axolotl 0.19; NeMo-RL and open-instruct from their documentation.
Boundaries are those of characters: a token that spans one is masked or trained as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from ..rendering import Span, Student
from ..rendering.template import Message, TemplateFailure

BLOCK = re.compile("<think>\\n.*?\\n</think>\\n\\n", re.DOTALL)  # what LLaMA-Factory takes out with enable_thinking = false
STAND_INS = ("[[dummy_message]]", "zzdummymessagezz")  # Axolotl's own: they share no first and no last character
THINK, UNTHINK, EMPTY = "<think>", "</think>", "<think>\n\n</think>\n\n"
PROBE = ({"role": "user", "content": "Asked."}, {"role": "assistant", "content": "Said."})


class Reading(NamedTuple):
    """A conversation as a trainer sees it."""

    text: str
    trained: list[Span]
    openings: list[str]
    """The text after which each trained turn is generated, in their order."""
    first: int
    """The first message that is trained."""


class Reader:
    """Reads conversations for one student; the prompt of the last one is remembered, as samples of a problem share it."""

    def __init__(self, student: Student) -> None:
        self.student = student
        self.template = student.template
        self._prompt: tuple[list[dict[str, Any]], str] = ([], "")

    def read(self, reading: str, messages: list[dict[str, Any]], start: int = 0) -> Reading:
        """Read a conversation whose turns from `start` on are trained; raises TemplateFailure when the template refuses it."""
        read: Callable[[list[dict[str, Any]], int], Reading] = getattr(self, f"_{reading}")
        return read(messages, start)

    def opening(self, messages: list[dict[str, Any]]) -> str:
        """Render a prompt with its generation prompt."""
        if self._prompt[0] != messages:
            self._prompt = (messages, self.template.render(messages, generation_prompt=True))
        return self._prompt[1]

    def _openings(self, messages: list[dict[str, Any]], start: int) -> list[str]:
        return [self.opening(messages[:place]) for place in _answers(messages, start)]

    def _common_prefix(self, messages: list[dict[str, Any]], start: int) -> Reading:
        start = start or _last_answer(messages)
        opening, text = self.opening(messages[:start]), self.template.render(messages)
        return Reading(text, [Span(common_prefix(opening, text), len(text))], [opening], start)

    def _sliced(self, messages: list[dict[str, Any]], start: int) -> Reading:
        start = start or _last_answer(messages)
        opening, whole = self.opening(messages[:start]), self.template.render(messages)
        text = (opening + whole[len(opening) :]).rstrip("\n")
        eos = self.student.eos_token
        if eos and not text.endswith(eos):
            text += f" {eos}"
        return Reading(text, [Span(min(len(opening), len(text)), len(text))], [opening], start)

    def _turns(self, messages: list[dict[str, Any]], start: int) -> Reading:
        openings = self._openings(messages, start)
        ends = [len(self.template.render(messages[: place + 1])) for place in _answers(messages, start)]
        text = self.template.render(messages)
        return Reading(text, [Span(len(opening), end) for opening, end in zip(openings, ends, strict=True)], openings, start)

    def _generation(self, messages: list[dict[str, Any]], start: int) -> Reading:
        marked = self.student.marked_template
        if marked is None:
            return self._turns(messages, start)
        text, spans = marked.render_generated(messages)
        openings = [marked.render(messages[:place], generation_prompt=True) for place in _answers(messages, start)]
        return Reading(text, spans, openings, start)

    def _one_by_one(self, messages: list[dict[str, Any]], start: int) -> Reading:
        system, header = self._around_a_message
        text, spans = "", []
        for place, message in enumerate(messages):
            alone = self.template.render([message])
            alone = alone[system if place and message["role"] != "system" else 0 :]
            if message["role"] == "assistant" and place >= start:
                spans.append(Span(len(text) + header, len(text) + len(alone)))
            text += alone
        return Reading(text, spans, self._openings(messages, start), start)

    @cached_property
    def _around_a_message(self) -> tuple[int, int]:
        """Give the lengths of what a template writes before any message, and of its generation prompt."""
        empty = {"role": "user", "content": ""}
        one, two = self.template.render([empty]), self.template.render([empty, empty])
        return 2 * len(one) - len(two), len(self.template.render([empty], generation_prompt=True)) - len(one)

    def _compared(self, messages: list[dict[str, Any]], start: int) -> Reading:
        text, spans = self.template.render(messages), []
        for place in _answers(messages, start):
            others = [[*messages[:place], {"role": "assistant", "content": word}, *messages[place + 1 :]] for word in STAND_INS]
            found = [_difference(text, self.template.render(other)) for other in others]
            first, last = min(span.start for span in found), max(span.end for span in found)
            ends = [last + at + len(token) for token in self.student.control_tokens if 0 <= (at := text[last : last + 64].find(token)) <= 3]
            spans.append(Span(first, min(ends, default=last)))
        return Reading(text, spans, self._openings(messages, start), start)

    def _derived(self, messages: list[dict[str, Any]], start: int) -> Reading:
        slots, thinks = self._derived_slots, self.student.kwargs.get("enable_thinking", True)
        system, turns = (messages[0]["content"], messages[1:]) if messages[0]["role"] == "system" else (slots.system_text, messages)
        text, spans = slots.system.replace(SLOT, system) if system else "", []
        for message in turns:
            answers = message["role"] == "assistant"
            content = message["content"]
            if answers and slots.thinks and not thinks:
                content = BLOCK.sub("", content).lstrip("\n")
            # an empty block is a part of the answer, or of the prompt where the student is asked not to think
            empty = EMPTY if answers and slots.thinks and THINK not in content and UNTHINK not in content else ""
            before = text if thinks else text + empty
            text = text + empty + (slots.answer if answers else slots.user).replace(SLOT, content)
            if answers:
                spans.append(Span(len(before), len(text)))
        return Reading(text, spans, self._openings(messages, start), start)

    @cached_property
    def _derived_slots(self) -> _Slots:
        """Derive the slots as LLaMA-Factory's `parse_template` does, its faults included; it gives the template no variables."""
        bare = self.student.bare_template

        def render(*turns: tuple[str, str], opened: bool = False) -> str:
            return bare.render([{"role": role, "content": content} for role, content in turns], generation_prompt=opened)

        system = render(("system", SLOT))
        user = render(("user", SLOT), opened=True)
        with_empty_system = render(("system", ""), ("user", SLOT), opened=True)
        answer = render(("user", SLOT), ("assistant", SLOT))[len(user) :]
        thinks = THINK in answer
        answer = answer.replace(THINK, "").replace(UNTHINK, "").lstrip("\n")
        system_text = ""
        if len(user) > len(with_empty_system):
            system_text = _missing_from(with_empty_system, user)
            user = user[len(system.replace(SLOT, system_text, 1)) :]
        if any(SLOT not in slot for slot in (user, answer)):
            raise TemplateFailure(
                "LLaMA-Factory derives no template from this one", "give it one of its own: --template deepseekr1 and the like"
            )
        return _Slots(system, user, answer, system_text, thinks)

    def _verbatim(self, messages: list[dict[str, Any]], start: int) -> Reading:
        start = _last_answer(messages)
        before = self.template.render(messages[:start]) + self.student.generation_header().partition(THINK)[0]
        text = before + messages[start]["content"] + self.student.end_of_turn()
        return Reading(text, [Span(len(before), len(text))], [self.opening(messages[:start])], start)

    def _prefixed(self, messages: list[dict[str, Any]], start: int) -> Reading:
        start = _last_answer(messages)
        block = EMPTY if self._writes_empty_blocks and not messages[start]["content"].startswith(THINK) else ""
        content = {"role": "assistant", "content": block + messages[start]["content"]}
        text, ((begin, end),), openings, first = self._verbatim([*messages[:start], content], start)
        asked_not_to = self.student.kwargs.get("enable_thinking") is False
        return Reading(text, [Span(begin + len(block) * asked_not_to, end)], openings, first)

    @cached_property
    def _writes_empty_blocks(self) -> bool:
        return EMPTY in self.student.bare_template.render(PROBE)

    def _after_header(self, messages: list[dict[str, Any]], start: int) -> Reading:
        start = _last_answer(messages)
        text, header = self.template.render(messages), answer_header(self.student)
        at = text.rfind(header)
        span = Span(at + len(header), len(text)) if at >= 0 else Span(0, 0)
        return Reading(text, [span], [self.opening(messages[:start])], start)

    def _joined(self, messages: list[dict[str, Any]], start: int) -> Reading:
        prompt, completion = (message["content"] for message in messages)
        eos = self.student.eos_token or ""
        text = prompt + completion + ("" if completion.endswith(eos) else eos)
        return Reading(text, [Span(len(prompt), len(text))], [prompt], start)


def answer_header(student: Student) -> str:
    """Give the generation prompt, without the tag that opens a block of reasoning; a block that it also closes belongs to it."""
    header = student.generation_header()
    return header if UNTHINK in header else header.partition(THINK)[0]


class _Slots(NamedTuple):
    system: str
    user: str
    answer: str
    system_text: str
    thinks: bool


SLOT = "{{content}}"


def common_prefix(left: str, right: str) -> int:
    r"""Count the characters that two texts start with together.

    >>> common_prefix("assistant\n<think>", "assistant\nSo")
    10
    """
    low, high = 0, min(len(left), len(right))
    while low < high:  # halving compares whole slices, in C
        middle = (low + high + 1) // 2
        low, high = (middle, high) if left[low:middle] == right[low:middle] else (low, middle - 1)
    return low


def _answers(messages: Sequence[Message], start: int) -> list[int]:
    return [place for place, message in enumerate(messages) if message["role"] == "assistant" and place >= start]


def _last_answer(messages: Sequence[Message]) -> int:
    return max(_answers(messages, 0), default=len(messages) - 1)


def _difference(text: str, other: str) -> Span:
    """Give the part of `text` between what both start and both end with."""
    start = common_prefix(text, other)
    limit = min(len(text), len(other)) - start
    return Span(start, len(text) - common_prefix(text[::-1][:limit], other[::-1][:limit]))


def _missing_from(short: str, long: str) -> str:
    """Give the characters of `long` that are not in `short`, in order."""
    missing, at = "", 0
    for character in long:
        if at < len(short) and short[at] == character:
            at += 1
        elif at < len(short):
            missing += character
    return missing
