r"""The scripted teacher: fixed texts instead of a model, for tests and for measuring the pipeline itself.

`scripted:FILE`, a JSONL file, or `scripted:mixed`, the one that ships. Example row:

    {"response": "So \\boxed{{answer}}.", "reasoning": "Let me see.", "finish_reason": "stop", "weight": 4}

`{answer}` stands for the gold answer and `{wrong}` for another one. A row is drawn for each request by the request's seed,
`weight` times as often as a row of weight 1. `seconds` delays the answer, `error` refuses it, `failure` fails it for now. A row with
`when`, a text or several, is for requests whose messages hold them all; of the rows for a request, those with the most texts are drawn
from. `{copied}` stands for the last thing in the messages that the group of the regular expression `copy` matches. So a script can play
a judge or an actor.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...data import data_file
from ...schemas.errors import CotkitError
from ...schemas.recipe import AT_ONCE, SampleConfig
from ...schemas.record import content_hash
from ...schemas.sample import FinishReason
from .teacher import Completion, Request, TeacherError

if TYPE_CHECKING:
    import polars as pl


class Line(BaseModel):
    """One row of a script."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    response: str = ""
    reasoning: str | None = None
    finish_reason: FinishReason = "stop"
    weight: float = 1.0
    repeat: int = 1
    """The response's text, so many times: for long and looping texts."""
    seconds: float = 0.0
    error: str | None = None
    failure: str | None = None
    when: str | list[str] = []
    """Only for requests whose messages hold this text, or all of these; before rows that ask for less."""
    copy_: Annotated[str | None, Field(alias="copy")] = None
    """Regular expression with a group; its last match in the messages stands for `{copied}` in the texts."""


class ScriptedTeacher:
    """Answers from a script; the same request always gets the same answer."""

    def __init__(self, name: str, lines: list[Line], answers: dict[str, str]) -> None:
        self.name, self.at_once = name, AT_ONCE
        self.fingerprint = content_hash("scripted", [line.model_dump(mode="json", exclude=_unset(line)) for line in lines])
        self._always = [line for line in lines if not line.when]
        self._when: dict[str, list[tuple[list[str], Line]]] = {}
        """Rows with texts that they ask for, by the first of these."""
        for line in lines:
            if texts := [line.when] if isinstance(line.when, str) else line.when:
                self._when.setdefault(texts[0], []).append((texts, line))
        self._answers = answers

    async def generate(self, request: Request) -> Completion:
        """Draw a row by the request's seed and fill in the answers."""
        line = self._drawn(request)
        await asyncio.sleep(line.seconds)
        if line.failure is not None:
            raise TeacherError(line.failure)
        if line.error is not None:
            return Completion("", "error", error=line.error)
        copied = (re.findall(line.copy_, _said(request)) or [""])[-1] if line.copy_ else "{copied}"
        text = self._fill(line.response, request).replace("{copied}", copied) * line.repeat
        reasoning = None if line.reasoning is None else self._fill(line.reasoning, request)
        words = len(text.split()) + len((reasoning or "").split())
        return Completion(text, line.finish_reason, reasoning, sum(len(m["content"].split()) for m in request.messages), words)

    def engine_facts(self) -> dict[str, str]:
        """Say nothing of an engine: there is none."""
        return {}

    def _drawn(self, request: Request) -> Line:
        """Draw a row among those for this request; with none, it is refused."""
        lines = self._always
        if self._when:
            said = _said(request)
            likely = (row for first, rows in self._when.items() if first in said for row in rows)
            fitting = [(len(texts), line) for texts, line in likely if all(text in said for text in texts)]
            most = max((count for count, _ in fitting), default=0)
            lines = [line for count, line in fitting if count == most] or lines
        weights = [line.weight for line in lines]
        return random.Random(request.seed).choices(lines, weights)[0] if lines else Line(error="no row of the script is for this request")

    def _fill(self, text: str, request: Request) -> str:
        answer = self._answers.get(request.problem_id, "")
        wrong = str(int(answer) + 1) if answer.lstrip("-").isdigit() and len(answer) < 20 else "the empty set"
        return text.replace("{answer}", answer).replace("{wrong}", wrong)


@asynccontextmanager
async def open_scripted(config: SampleConfig, problems: pl.DataFrame) -> AsyncIterator[ScriptedTeacher]:
    """Open `scripted:FILE`; raises CotkitError naming the line that is wrong."""
    name = config.teacher.partition(":")[2] or "mixed"
    shipped = data_file("scripts", f"{name}.jsonl")
    path = shipped if shipped.exists() else Path(name)
    answers = dict(zip(problems["problem_id"], problems["answer"], strict=True))
    yield ScriptedTeacher(config.teacher, _read_script(path), answers)


def _said(request: Request) -> str:
    return "\n".join(message["content"] for message in request.messages)


def _unset(line: Line) -> set[str]:
    """Name what a row leaves out and older scripts did not know: they keep the fingerprints that their samples have."""
    return {name for name in ("when", "copy_") if not getattr(line, name)}


def _read_script(path: Path) -> list[Line]:
    if not path.is_file():
        raise CotkitError(f"{path}: no such script", "name a JSONL file, or `scripted:mixed`")
    lines = []
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            lines.append(Line.model_validate(json.loads(text)))
        except (json.JSONDecodeError, ValidationError) as error:
            raise CotkitError(f"{path}:{number}: not a script row: {error}", 'write rows such as {"response": "…"}') from None
    if not lines:
        raise CotkitError(f"{path}: an empty script", 'write rows such as {"response": "…"}')
    return lines
