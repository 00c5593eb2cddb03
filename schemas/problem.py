"""Problem: a question with a checkable answer.

Example row: `{"problem_id": "41f0…", "prompt": "What is 3 + 4?", "answer": "7", "kind": "math", "source": "cotkit-demo"}`
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from .record import Record, content_hash

Kind = Literal["math", "number", "choice", "text", "boolean", "list", "game24", "navigation"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Problem(Record):
    """A question with a checkable answer; its key is `problem_id`."""

    problem_id: str
    """Hash of kind, prompt and answer: the same problem has the same id in every file."""
    prompt: str
    """The question as the teacher sees it, without the recipe's instructions; for `choice`, with its lettered options."""
    answer: str
    """The gold answer, bare: LaTeX or text, never wrapped in `$…$` or `\\boxed{}`; for `choice`, the letter."""
    kind: Kind
    """Which verifier judges a response."""
    options: Annotated[list[str], Field(default_factory=list)]
    """The texts of the options A, B, C …; empty unless the kind is `choice`."""
    source: str = ""
    """The file or dataset the problem came from."""
    subject: str | None = None
    """Subject or category, in the source's own words."""
    level: str | None = None
    """Difficulty, in the source's own words."""
    meta: str = "{}"
    """Everything else the source said about the problem, as a JSON object."""

    @classmethod
    def make(cls, prompt: str, answer: str, kind: Kind, **fields: object) -> Problem:
        """Make a problem with the id that its content gives."""
        return cls.model_validate(
            {"problem_id": problem_id(kind, prompt, answer), "prompt": prompt, "answer": answer, "kind": kind, **fields}
        )


def problem_id(kind: str, prompt: str, answer: str) -> str:
    """Hash what makes a problem itself.

    >>> problem_id("math", "What is 3 + 4?", "7") == problem_id("math", "What is 3 + 4?", "7")
    True
    """
    return content_hash(kind, prompt, answer)
