"""Constructed reasoning: actions that a model takes one by one, and what was taken.

Source of the set-up: arXiv 2502.03373, §3.3 and App. E.8 (five actions, two models). Transitions, budgets and prompts are ours: the
paper gives none.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from .asking import ModelConfig
from .record import Record, content_hash
from .step import StepConfig

Action = Literal["clarify", "decompose", "solve", "reflect", "answer"]
ACTIONS: tuple[Action, ...] = get_args(Action)
Ending = Literal["answered", "steps", "tokens", "invalid_output", "refused"]
ENDINGS: tuple[Ending, ...] = get_args(Ending)


class ActionTaken(Record):
    """One action on the way to a sample, in `actions/` beside the samples; its key is `sample_id` with `step`."""

    sample_id: str
    """The sample that it is a part of."""
    step: int
    """From 0."""
    action: str
    """clarify, decompose, solve, reflect, answer; the last row of a sample is `end`."""
    goal: int
    """The current goal's number in the tree before the action; 0 is the whole problem."""
    parent: int | None
    """The number of the goal that it serves; null for the whole problem."""
    output: str
    """The action's fields as a JSON object; of `end`, its ending: answered, steps or tokens (a budget was spent), invalid_output (no
    reply of the model had the form asked for), refused (by the engine)."""
    next: str
    """The action that follows; `end` after the last."""
    model: str
    """Who took it: the actor's name, or the reflector's."""
    attempts: int
    """Replies it took."""
    tokens: int
    """Tokens generated for it."""


class ConstructConfig(StepConfig):
    """How reasoning is constructed."""

    actor: ModelConfig = ModelConfig(temperature=0.7, top_p=0.95)
    """The model that takes the actions."""
    reflector: ModelConfig = ModelConfig(temperature=0.7, top_p=0.95)
    """The model that reflects on them."""
    n: Annotated[int, Field(ge=1)] = 1
    """Samples per problem."""
    max_steps: Annotated[int, Field(ge=1)] = 32
    """Actions of one sample at most; its ending is then `steps`."""
    max_tokens: Annotated[int, Field(ge=1)] = 16384
    """Tokens that may be generated for one sample, unusable replies included; its ending is then `tokens`."""
    prompts: str = "construct"
    """A folder with one prompt per action, or the shipped one."""
    solution_characters: Annotated[int, Field(ge=200)] = 12_000
    """Of a longer solution so far a prompt holds the end."""

    @classmethod
    def incidental(cls) -> set[str]:
        """How many samples are made changes none of them."""
        return {"n"}

    def fingerprint(self) -> str:
        """Hash what makes a sample itself; the same models at other addresses are the same models."""
        ours = self.model_dump(mode="json", exclude={"actor", "reflector", *self.incidental()})
        return content_hash(self.actor.fingerprint(), self.reflector.fingerprint(), ours)
