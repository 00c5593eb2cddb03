r"""Classes of equivalent answers: `0.5`, `1/2` and `\frac12` are one vote, told by cotkit's own verifiers in killable workers.

All correct answers of a problem are one class, the gold answer's. Another answer joins the first class whose first answer, taken as
a gold answer, it verifies against; the classes' first answers are those most often given. No order of samples matters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ...schemas.problem import Problem
from ..execute.judging import judge_all
from ..execute.pool import VerifierPool

if TYPE_CHECKING:
    import polars as pl

VOTING = ("correct", "wrong", "unreadable_answer")
"""Outcomes of samples that vote: they state one answer."""


@dataclass
class AnswerClass:
    """Answers that mean the same."""

    answer: str
    """The spelling most often given."""
    votes: int
    correct: bool = False


@dataclass
class _Sorting:
    """A problem whose answers are being sorted."""

    problem: Problem
    waiting: list[tuple[str, int]]
    """Spellings in no class yet, and their samples, most frequent first."""
    classes: list[AnswerClass] = field(default_factory=list)


def answer_classes(problems: pl.DataFrame, verdicts: pl.DataFrame, pool: VerifierPool) -> dict[str, list[AnswerClass]]:
    """Sort each problem's answers into classes, largest first; `verdicts` has columns problem_id, outcome, answer.

    A problem without a sample that votes has no entry.
    """
    import polars as pl

    voting = verdicts.filter(pl.col("outcome").is_in(VOTING) & pl.col("answer").is_not_null())
    told: dict[str, Counter[tuple[bool, str]]] = {}
    for problem_id, outcome, answer in voting.select("problem_id", "outcome", "answer").iter_rows():
        told.setdefault(problem_id, Counter())[outcome == "correct", answer] += 1
    asked = problems.filter(pl.col("problem_id").is_in(list(told)))
    sortings = {row["problem_id"]: _sorting(Problem.model_validate(row), told[row["problem_id"]]) for row in asked.iter_rows(named=True)}
    _sort_out([sorting for sorting in sortings.values() if sorting.waiting], pool)
    return {key: sorted(sorting.classes, key=lambda found: (-found.votes, not found.correct)) for key, sorting in sortings.items()}


def _sorting(problem: Problem, told: Counter[tuple[bool, str]]) -> _Sorting:
    right = {answer: count for (correct, answer), count in told.items() if correct}
    wrong = {answer: count for (correct, answer), count in told.items() if not correct}
    sorting = _Sorting(problem, sorted(wrong.items(), key=lambda entry: (-entry[1], entry[0])))
    if right:
        spelling = min(right, key=lambda answer: (-right[answer], answer))
        sorting.classes.append(AnswerClass(spelling, sum(right.values()), correct=True))
    return sorting


def _sort_out(sortings: Sequence[_Sorting], pool: VerifierPool) -> None:
    """Make classes in rounds: in each, every problem's first waiting answer is a class, and all others are held against it."""
    while sortings:
        pairs = []
        for sorting in sortings:
            answer, votes = sorting.waiting.pop(0)
            sorting.classes.append(AnswerClass(answer, votes))
            first = same_answer_as(answer, sorting.problem)
            pairs += [(f"\\boxed{{{other}}}", first, "stop") for other, _ in sorting.waiting]
        same = (done.result().outcome == "correct" for done in judge_all(pool, pairs))
        for sorting in sortings:
            left = []
            for other, votes in sorting.waiting:
                if next(same):
                    sorting.classes[-1].votes += votes
                else:
                    left.append((other, votes))
            sorting.waiting = left
        sortings = [sorting for sorting in sortings if sorting.waiting]


def same_answer_as(answer: str, problem: Problem) -> Problem:
    """Make the problem whose gold answer is `answer`: what verifies against it is the same answer to `problem`."""
    gold = answer.strip("() .").upper() if problem.kind == "choice" else answer
    return Problem.make("", gold, problem.kind, options=problem.options)


def majority(classes: Sequence[AnswerClass]) -> AnswerClass | None:
    """Give the class with the most votes; None when two tie, or there is none."""
    if not classes or (len(classes) > 1 and classes[0].votes == classes[1].votes):
        return None
    return classes[0]
