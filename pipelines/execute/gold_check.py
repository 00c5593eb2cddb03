"""Which gold answers do not verify themselves: what a run, and an RL prompt set, should be checked for before it is paid for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...schemas.problem import Problem
from ...schemas.recipe import VerifyConfig
from ...schemas.verdict import Outcome
from .judging import judge_all
from .pool import VerifierPool

if TYPE_CHECKING:
    import polars as pl

UNLIKELY_ANSWER = "\\boxed{-987654321.0123}"
"""No gold answer; a verdict on it other than wrong shows a gold answer that only its own text can meet."""
UNUSABLE: dict[Outcome, Outcome] = {
    **{outcome: outcome for outcome in ("unreadable_gold", "timeout", "out_of_memory", "crashed")},
    "correct": "ambiguous",
}
"""Outcomes of the unlikely answer that say something of the gold answer, and what they say."""


def check_gold(problems: pl.DataFrame, config: VerifyConfig) -> pl.DataFrame:
    """List the problems whose gold answer does not verify itself: columns problem_id, outcome, answer.

    Each gold answer is given as a response, which must be correct, and judged against an unlikely answer, which must be wrong:
    a gold answer that cannot be read would make every differently written right answer unreadable.
    """
    import polars as pl

    records = [Problem.model_validate(row) for row in problems.iter_rows(named=True)]
    failures: dict[str, str] = {}
    with VerifierPool(config) as pool:
        own = judge_all(pool, ((_stated(problem), problem, "stop") for problem in records))
        probes = judge_all(pool, ((UNLIKELY_ANSWER, problem, "stop") for problem in records))
        for problem, stated, probe in zip(records, own, probes, strict=True):
            if stated.result().outcome != "correct":
                failures[problem.problem_id] = stated.result().outcome
            elif probe.result().outcome in UNUSABLE:
                failures[problem.problem_id] = UNUSABLE[probe.result().outcome]
    rows = [(problem.problem_id, failures[problem.problem_id], problem.answer) for problem in records if problem.problem_id in failures]
    return pl.DataFrame(rows, schema={"problem_id": pl.String, "outcome": pl.String, "answer": pl.String}, orient="row")


def _stated(problem: Problem) -> str:
    return problem.answer if problem.kind in ("choice", "text") else f"\\boxed{{{problem.answer}}}"
