r"""The scripted teacher: fixed texts instead of a model, for tests and for measuring the pipeline itself.

`scripted:FILE`, a JSONL file, or `scripted:mixed`, the one that ships. Example row:

    {"response": "So \\boxed{{answer}}.", "reasoning": "Let me see.", "finish_reason": "stop", "weight": 4}

`{answer}` stands for the gold answer and `{wrong}` for another one. A row is drawn for each request by the request's seed,
`weight` times as often as a row of weight 1. `seconds` delays the answer, `error` refuses it, `failure` fails it for now.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

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


class ScriptedTeacher:
    """Answers from a script; the same request always gets the same answer."""

    def __init__(self, name: str, lines: list[Line], answers: dict[str, str]) -> None:
        self.name, self.at_once = name, AT_ONCE
        self.fingerprint = content_hash("scripted", [line.model_dump(mode="json") for line in lines])
        self._lines = lines
        self._weights = [line.weight for line in lines]
        self._answers = answers

    async def generate(self, request: Request) -> Completion:
        """Draw a row by the request's seed and fill in the answers."""
        line = random.Random(request.seed).choices(self._lines, self._weights)[0]
        await asyncio.sleep(line.seconds)
        if line.failure is not None:
            raise TeacherError(line.failure)
        if line.error is not None:
            return Completion("", "error", error=line.error)
        text = self._fill(line.response, request) * line.repeat
        reasoning = None if line.reasoning is None else self._fill(line.reasoning, request)
        words = len(text.split()) + len((reasoning or "").split())
        return Completion(text, line.finish_reason, reasoning, sum(len(m["content"].split()) for m in request.messages), words)

    def engine_facts(self) -> dict[str, str]:
        """Say nothing of an engine: there is none."""
        return {}

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
