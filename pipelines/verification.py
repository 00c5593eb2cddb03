"""The verify step: judge every sample of a run by rule, in worker processes; and check gold answers before a run is paid for.

    verify_run(RunFolder.open(Path("runs/qwq")), VerifyConfig())

Nothing is deleted here: a sample gets an outcome, curation decides. Equal responses to one problem are judged once per shard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from ..schemas.errors import CotkitError
from ..schemas.problem import Problem
from ..schemas.recipe import VerifyConfig
from ..schemas.verdict import SampleVerdict, Verdict
from ..verifiers import judging_fingerprint
from .execute.pool import VerifierPool
from .execute.stages import WHOLE, Computed, Part, Progress, StageTask, run_stage
from .run_folder import RunFolder

if TYPE_CHECKING:
    import polars as pl

IN_FLIGHT = 1024
"""Responses handed to the pool at once: enough to keep it busy, few enough to hold in memory."""
UNLIKELY_ANSWER = "\\boxed{-987654321.0123}"
"""No gold answer; a verdict on it other than wrong shows a gold answer that only its own text can meet."""

Judged = tuple[str, Problem, str]
"""Response, problem, finish reason."""


def verify_run(run: RunFolder, config: VerifyConfig, part: Part = WHOLE, progress: Progress | None = None) -> Computed:
    """Judge the samples of all shards whose verdicts are missing or stale; raises CotkitError on a sample of no known problem."""
    problems = run.problems()
    with VerifierPool(config) as pool:
        task = StageTask("verdicts", partial(verify, problems=problems, pool=pool), judging_fingerprint(config), ("samples",))
        return run_stage(run, task, part, workers=1, progress=progress)


def verify(samples: pl.DataFrame, problems: pl.DataFrame, pool: VerifierPool) -> pl.DataFrame:
    """Judge samples: one row of SampleVerdict per sample, in the same order."""
    import polars as pl

    known = _problems_by_id(problems, samples["problem_id"])
    rows = samples.select("sample_id", "problem_id", "response", "finish_reason").rows()
    for sample_id, problem_id, _, _ in rows:
        if problem_id not in known:
            hint = "the run's problems.parquet must hold every sampled problem"
            raise CotkitError(f"sample {sample_id}: no problem {problem_id} in the run", hint)
    verdicts = judge_all(pool, ((response, known[problem_id], reason) for _, problem_id, response, reason in rows))
    judged = [{"sample_id": row[0], **verdict.model_dump()} for row, verdict in zip(rows, verdicts, strict=True)]
    return pl.DataFrame(judged, schema=SampleVerdict.polars_schema())


def judge_all(pool: VerifierPool, items: Iterable[Judged]) -> Iterator[Verdict]:
    """Judge items in order, equal ones once, with a bounded number in the pool."""
    futures: dict[tuple[str, str, str], Future[Verdict]] = {}
    waiting: list[Future[Verdict]] = []
    handed_out = 0
    for response, problem, finish_reason in items:
        key = (problem.problem_id, response, finish_reason)
        if key not in futures:
            futures[key] = pool.submit(response, problem, finish_reason)
        waiting.append(futures[key])
        if len(waiting) - handed_out >= IN_FLIGHT:
            yield waiting[handed_out].result()
            handed_out += 1
    for future in waiting[handed_out:]:
        yield future.result()


def check_gold(problems: pl.DataFrame, config: VerifyConfig) -> pl.DataFrame:
    """List the problems whose gold answer does not verify itself: columns problem_id, outcome, answer.

    Each gold answer is given as a response, which must be correct, and judged against an unlikely answer, which must be wrong:
    a gold answer that cannot be read would make every differently written right answer unreadable.
    """
    import polars as pl

    records = [Problem.model_validate(row) for row in problems.iter_rows(named=True)]
    with VerifierPool(config) as pool:
        own = judge_all(pool, ((_stated(problem), problem, "stop") for problem in records))
        failures = {
            problem.problem_id: verdict.outcome for problem, verdict in zip(records, own, strict=True) if verdict.outcome != "correct"
        }
        probes = judge_all(pool, ((UNLIKELY_ANSWER, problem, "stop") for problem in records))
        for problem, verdict in zip(records, probes, strict=True):
            if verdict.outcome in ("unreadable_gold", "timeout", "out_of_memory", "crashed", "correct"):
                failures.setdefault(problem.problem_id, verdict.outcome if verdict.outcome != "correct" else "ambiguous")
    rows = [(problem.problem_id, failures[problem.problem_id], problem.answer) for problem in records if problem.problem_id in failures]
    return pl.DataFrame(rows, schema={"problem_id": pl.String, "outcome": pl.String, "answer": pl.String}, orient="row")


def _stated(problem: Problem) -> str:
    return problem.answer if problem.kind in ("choice", "text") else f"\\boxed{{{problem.answer}}}"


def _problems_by_id(problems: pl.DataFrame, wanted: pl.Series) -> dict[str, Problem]:
    chosen = problems.filter(problems["problem_id"].is_in(wanted.unique().to_list()))
    return {row["problem_id"]: Problem.model_validate(row) for row in chosen.iter_rows(named=True)}
