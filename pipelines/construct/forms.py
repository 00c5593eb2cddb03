r"""What the reply to each action must hold: named fields, one after the other, each from its name to the next.

    VERIFICATION: Put x = 3 in: \frac{9}{3} = 3, as it should be.
    CURRENT_GOAL_ACHIEVED: yes
    PARENT_GOAL_ACHIEVED: no
    NEW_GOAL: none

Not JSON: a model's LaTeX is full of backslashes that JSON reads otherwise (`\frac` becomes a form feed and `rac`).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from ...schemas.construct import Action

Words = Annotated[str, Field(min_length=1)]
ALTERNATIVELY = "Alternatively,"


def _truth(value: object) -> object:
    return {"yes": True, "true": True, "no": False, "false": False}.get(str(value).strip(" .*`").lower(), value)


def _or_none(value: object) -> object:
    return None if str(value).strip(" .*`-").lower() in ("", "none", "null", "n/a") else value


def _word(value: object) -> object:
    return str(value).strip(" .*`").lower()


Truth = Annotated[bool, BeforeValidator(_truth)]
Sentence = Annotated[str | None, BeforeValidator(_or_none)]


class Form(BaseModel, ABC):
    """The fields of one action."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @abstractmethod
    def thought(self) -> str:
        """Give what the action adds to the reasoning."""


class Clarified(Form):
    """The problem in other words, and the goal."""

    clarification: Words
    goal: Words
    next: Annotated[Literal["decompose", "solve"], BeforeValidator(_word)]

    def thought(self) -> str:
        """Give the restatement and the goal."""
        return f"{self.clarification}\n\n{self.goal}"


class Decomposed(Form):
    """A smaller goal, and what else could work."""

    thinking: Words
    hypothesis: Words
    first_alternative: Words
    second_alternative: Words
    goal: Words
    next: Annotated[Literal["solve", "decompose"], BeforeValidator(_word)]

    @model_validator(mode="after")
    def _alternatives_begin_so(self) -> Self:
        for name in ("first_alternative", "second_alternative"):
            _check_begins(name, getattr(self, name))
        return self

    def thought(self) -> str:
        """Give the thinking, the hypothesis with its alternatives, and the goal."""
        return f"{self.thinking} {self.hypothesis} {self.first_alternative} {self.second_alternative}\n\n{self.goal}"


class Solved(Form):
    """One step towards the current goal."""

    step: Words
    next: Annotated[Literal["solve", "reflect", "decompose", "answer"], BeforeValidator(_word)]

    def thought(self) -> str:
        """Give the step."""
        return self.step


class Reflected(Form):
    """An independent check."""

    verification: Words
    current_goal_achieved: Truth
    parent_goal_achieved: Truth
    new_goal: Sentence = None

    @model_validator(mode="after")
    def _a_failed_goal_has_another(self) -> Self:
        if self.current_goal_achieved:
            return self
        if self.parent_goal_achieved:
            raise ValueError("PARENT_GOAL_ACHIEVED cannot be yes while CURRENT_GOAL_ACHIEVED is no")
        if self.new_goal is None:
            raise ValueError("NEW_GOAL is needed, as the current goal is not achieved")
        _check_begins("new_goal", self.new_goal)
        return self

    def thought(self) -> str:
        """Give the check, and the new goal where the old one failed."""
        return self.verification if self.current_goal_achieved else f"{self.verification}\n\n{self.new_goal}"


class Answered(Form):
    """The end."""

    text: Words
    answer: Words

    def thought(self) -> str:
        """Give the answering text with its box."""
        bare = self.answer.strip().strip("$").strip()
        boxed = bare if bare.startswith("\\boxed{") else f"\\boxed{{{bare}}}"
        return self.text if boxed in self.text else f"{self.text}\n\n{boxed}"


FORMS: dict[Action, type[Form]] = {"clarify": Clarified, "decompose": Decomposed, "solve": Solved, "reflect": Reflected, "answer": Answered}
_HINTS: dict[str, str] = {
    "first_alternative": f"a sentence that begins with {ALTERNATIVELY}",
    "second_alternative": f"another sentence that begins with {ALTERNATIVELY}",
    "new_goal": f"a sentence that begins with {ALTERNATIVELY}, or none",
    "current_goal_achieved": "yes or no",
    "parent_goal_achieved": "yes or no",
    "goal": "one sentence",
    "hypothesis": "one sentence",
    "answer": "the bare answer",
}


class FormError(Exception):
    """A reply has not the form asked for; the text says why, in words for the model."""


def describe(action: Action) -> str:
    """Tell a model how its reply must look: what `{form}` stands for in a prompt."""
    lines = []
    for name, field in FORMS[action].model_fields.items():
        choices = getattr(field.annotation, "__args__", ()) if name == "next" else ()
        lines.append(f"{name.upper()}: <{' or '.join(choices) or _HINTS.get(name, 'text')}>")
    return "Reply in exactly this form, every field once and in this order, and nothing else:\n" + "\n".join(lines)


def read_form(action: Action, reply: str) -> Form:
    """Read a reply; raises FormError when a field is missing, doubled or not what it must be."""
    form = FORMS[action]
    names = {name.upper(): name for name in form.model_fields}
    pattern = "|".join(name.replace("_", "[_ ]") for name in sorted(names, key=len, reverse=True))
    marks = list(re.finditer(rf"^[ \t*#`_>-]*({pattern})[ \t*`_]*:[*_`]*", reply, re.MULTILINE))
    if not marks:
        raise FormError(f"it has none of the fields {', '.join(names)}")
    fields: dict[str, Any] = {}
    for mark, following in zip(marks, [*marks[1:], None], strict=True):
        name = names[mark[1].replace(" ", "_")]
        if name in fields:
            raise FormError(f"{name.upper()} stands there twice")
        fields[name] = reply[mark.end() : following.start() if following else None].strip()
    try:
        return form.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        what = first["msg"].removeprefix("Value error, ")
        raise FormError(f"{str(first['loc'][0]).upper()}: {what}" if first["loc"] else what) from None


def _check_begins(name: str, text: str) -> None:
    if not text.startswith(ALTERNATIVELY):
        raise ValueError(f"{name.upper()} must begin with {ALTERNATIVELY!r}")
