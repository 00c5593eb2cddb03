r"""A model reads the short answer out of a worked solution, or says that there is none, in a box on its last line.

read_answer("Half of it.\n\\boxed{\\frac12}").answer == "\\frac12"          read_answer("A proof. \\boxed{}").answer == ""
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ...schemas.silver import Reason, SilverConfig
from ..asking import Asker, Prompt, fenced
from ..importing.gold import bare_text

FIELDS = ("question", "solution", "token")
BOX = "\\boxed{"


class Extracted(NamedTuple):
    """What came of one solution: an answer, or why there is none."""

    row: int
    answer: str
    reason: Reason | None = None
    detail: str | None = None


class Read(NamedTuple):
    """What a reply says; `problem` is why it says nothing. An empty answer says that there is no short one."""

    answer: str | None
    problem: str = ""


class Extractor:
    """Extracts single answers."""

    def __init__(self, asker: Asker, prompt: Prompt, config: SilverConfig) -> None:
        self.asker, self.prompt, self.config = asker, prompt, config

    async def extract(self, pair: dict[str, Any]) -> Extracted:
        """Extract the answer of a row of `pairs`."""
        fence = fenced(pair["solution"][-self.config.max_solution_characters :], about=pair["question"])
        messages = self.prompt.messages(question=pair["question"], solution=fence.text, token=fence.token)
        read = Read(None)
        for _ in range(self.asker.attempts):
            reply = await self.asker.ask(messages, about=str(pair["row"]))
            if reply.error is not None:
                return Extracted(pair["row"], "", "refused", reply.error[:200])
            read = read_answer(reply.text)
            if read.answer is not None:
                return self._short(pair["row"], read.answer)
            messages = self.prompt.again(messages, reply.text, read.problem)
        return Extracted(pair["row"], "", "unreadable_reply", read.problem)

    def _short(self, row: int, boxed: str) -> Extracted:
        answer = bare_text(boxed)
        if not answer or len(answer) > self.config.max_answer_characters:
            return Extracted(row, "", "not_short", answer[: self.config.max_answer_characters] or None)
        return Extracted(row, answer)


def read_answer(reply: str) -> Read:
    """Read the last box of a reply, which must stand on its last line."""
    lines = [line for line in reply.splitlines() if line.strip()]
    if not lines:
        return Read(None, "it is empty")
    start = lines[-1].rfind(BOX)
    if start < 0:
        return Read(None, "its last line holds no \\boxed{…}")
    depth, inside = 1, lines[-1][start + len(BOX) :]
    for place, character in enumerate(inside):
        escaped = place > 0 and inside[place - 1] == "\\"
        depth += 0 if escaped else {"{": 1, "}": -1}.get(character, 0)
        if depth == 0:
            return Read(inside[:place].strip())
    return Read(None, "its box is not closed")
