"""The state machine of constructed reasoning: which action comes next is the model's to say, what that means is settled here.

    clarify -> decompose | solve           decompose -> solve | decompose           solve -> solve | reflect | decompose | answer
    reflect: goal failed                   -> solve, of the new goal in its place
             goal achieved, parent not     -> decompose, of the parent
             both achieved                 -> decompose, of what the parent serves
             the whole problem is achieved -> answer
    answer -> the end

A goal that fails is abandoned and stays in the tree. Pure: the same outputs give the same state, so a log of them is the whole state.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...schemas.construct import Action
from .forms import Answered, Clarified, Decomposed, Form, FormError, Reflected, Solved

State = Literal["open", "achieved", "abandoned"]
ROOT = 0


@dataclass
class Goal:
    """A goal in the tree."""

    text: str
    parent: int | None
    state: State = "open"


@dataclass
class Machine:
    """One construction under way."""

    problem: str
    action: Action | None = "clarify"
    """What comes next; None at the end."""
    goals: list[Goal] = field(default_factory=list)
    current: int = ROOT
    thoughts: list[str] = field(default_factory=list)
    """What every action added to the reasoning, in order."""
    steps: list[str] = field(default_factory=list)
    """The solution so far: the steps, and what checks said of them."""
    response: str = ""
    """The answering text; empty until the end."""

    def __post_init__(self) -> None:
        self.goals = self.goals or [Goal("Solve the problem.", None)]

    @property
    def parent(self) -> int | None:
        """The number of the goal that the current one serves."""
        return self.goals[self.current].parent

    def check(self, output: Form) -> None:
        """Raise FormError when an output cannot follow on what is there: a goal that stands in the tree already."""
        proposed = output.goal if isinstance(output, Decomposed) else output.new_goal if isinstance(output, Reflected) else None
        failed = isinstance(output, Reflected) and output.current_goal_achieved
        if proposed is not None and not failed and _plain(proposed) in [_plain(goal.text) for goal in self.goals]:
            raise FormError("this goal was set before: set another one")

    def apply(self, output: Form) -> None:
        """Take an action's output in."""
        if isinstance(output, Answered):
            self.response, self.action = output.thought(), None
            return
        self.thoughts.append(output.thought())
        if isinstance(output, Clarified):
            self.goals[ROOT].text, self.action = output.goal, output.next
        elif isinstance(output, Decomposed):
            self._pursue(output.goal, self.current)
            self.action = output.next
        elif isinstance(output, Solved):
            self.steps.append(output.step)
            self.action = output.next
        elif isinstance(output, Reflected):
            self.steps.append(output.thought())
            self._reflect(output)

    def fields(self, solution_characters: int) -> dict[str, str]:
        """Give what prompts are filled with."""
        parent = self.parent
        solution = "\n\n".join(self.steps)
        return {
            "problem": self.problem,
            "goal": self.goals[self.current].text,
            "parent_goal": "the whole problem" if parent is None else self.goals[parent].text,
            "goals": "\n".join(self._tree(ROOT, 0)),
            "solution": solution[-solution_characters:] or "(nothing yet)",
            "previous": self.steps[-1] if self.steps else "(none)",
        }

    def _reflect(self, output: Reflected) -> None:
        if not output.current_goal_achieved:
            failed, parent = self.goals[self.current], self.parent
            if parent is None:  # the whole problem stays what is to be solved
                parent = ROOT
            else:
                failed.state = "abandoned"
            self._pursue(output.new_goal or "", parent)
            self.action = "solve"
            return
        parent = self.parent
        self.goals[self.current].state = "achieved"
        if parent is not None:
            self.current = parent
            if output.parent_goal_achieved:
                self.goals[parent].state = "achieved"
                above = self.goals[parent].parent
                self.current = ROOT if above is None else above
        self.action = "answer" if self.goals[ROOT].state == "achieved" else "decompose"

    def _pursue(self, goal: str, parent: int) -> None:
        self.goals.append(Goal(goal, parent))
        self.current = len(self.goals) - 1

    def _tree(self, number: int, depth: int) -> list[str]:
        goal = self.goals[number]
        mark = " (current)" if number == self.current else "" if goal.state == "open" else f" ({goal.state})"
        below = [line for other, child in enumerate(self.goals) if child.parent == number for line in self._tree(other, depth + 1)]
        return [f"{'  ' * min(depth, 20)}- {goal.text}{mark}", *below]


def _plain(text: str) -> str:
    return " ".join(text.lower().replace("alternatively,", "").split()).strip(" .")
