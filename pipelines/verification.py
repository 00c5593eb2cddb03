"""The verify step: judge every sample of a run by rule, in worker processes; and check gold answers before a run is paid for.

    verify_run(RunFolder.open(Path("runs/qwq")), VerifyConfig())

Nothing is deleted here: a sample gets an outcome, curation decides. Equal responses to one problem are judged once per shard.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..schemas.errors import CotkitError
from ..schemas.problem import Problem
from ..schemas.recipe import VerifyConfig
from ..schemas.verdict import SampleVerdict
from ..verifiers import judging_fingerprint
from .execute.gold_check import check_gold
from .execute.judging import judge_all
from .execute.pool import VerifierPool
from .execute.stages import WHOLE, Computed, Part, Progress, StageTask, run_stage
from .run_folder import RunFolder

if TYPE_CHECKING:
    import polars as pl

__all__ = ["check_gold", "judge_all", "verify", "verify_run"]


def verify_run(run: RunFolder, config: VerifyConfig, part: Part = WHOLE, progress: Progress | None = None) -> Computed:
    """Judge the samples of all shards whose verdicts are missing or stale; raises CotkitError on a sample of no known problem."""
    problems, settings = run.problems(), judging_fingerprint(config)
    if part.executor == "ray":
        task = StageTask("verdicts", partial(_verify_there, problems=problems, config=config), settings, ("samples",))
        return run_stage(run, task, part, progress=progress)
    with VerifierPool(config) as pool:
        task = StageTask("verdicts", partial(verify, problems=problems, pool=pool), settings, ("samples",))
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
    judged = judge_all(pool, ((response, known[problem_id], reason) for _, problem_id, response, reason in rows))
    verdicts = [{"sample_id": row[0], **done.result().model_dump()} for row, done in zip(rows, judged, strict=True)]
    return pl.DataFrame(verdicts, schema=SampleVerdict.polars_schema())


def _verify_there(samples: pl.DataFrame, problems: pl.DataFrame, config: VerifyConfig) -> pl.DataFrame:
    """Judge a shard with a pool of its own, of one worker: as a task on another machine."""
    with VerifierPool(config.model_copy(update={"workers": 1})) as pool:
        return verify(samples, problems, pool)


def _problems_by_id(problems: pl.DataFrame, wanted: pl.Series) -> dict[str, Problem]:
    chosen = problems.filter(problems["problem_id"].is_in(wanted.unique().to_list()))
    return {row["problem_id"]: Problem.model_validate(row) for row in chosen.iter_rows(named=True)}
