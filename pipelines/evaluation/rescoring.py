"""Judge an evaluation's samples again with the present verifier, without sampling; and hold a result file against its samples."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.evaluation import BenchmarkResult, EvaluationResult
from ..execute.pool import VerifierPool
from ..run_folder import RunFolder
from ..verification import verify, verify_run
from .evaluate import read_result, score_run, write_result
from .scoring import estimates, hash_of, judged_samples, score_problems

if TYPE_CHECKING:
    import polars as pl

CLOSE = 1e-9
"""Numbers of a result file that differ by no more are the same."""


class Rescored(NamedTuple):
    """An evaluation before and after it was judged again."""

    before: EvaluationResult
    after: EvaluationResult
    changes: pl.DataFrame
    """Samples judged otherwise: benchmark, sample_id, problem_id, gold, answer_before, answer, before, after."""


def rescore(folder: Path) -> Rescored:
    """Judge the samples of all benchmarks with the present verifier and write the result file anew; verdicts that hold are left."""
    import polars as pl

    before = read_result(folder)
    results, changes = {}, []
    for name, old in before.benchmarks.items():
        run = _run_of(folder, old)
        earlier = judged_samples(run)
        verify_run(run, run.recipe.verify)
        results[name] = score_run(run, name, old.protocol.get("name", ""), old.source, old.engine)
        changes.append(_changes(name, earlier, judged_samples(run), run.problems()))
    after = before.model_copy(update={"benchmarks": results})
    write_result(after, folder)
    return Rescored(before, after, pl.concat(changes))


def _changes(name: str, earlier: pl.DataFrame, later: pl.DataFrame, problems: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    old = earlier.select("sample_id", pl.col("outcome").alias("before"), pl.col("answer").alias("answer_before"))
    both = later.join(old, on="sample_id", how="left").join(problems.select("problem_id", pl.col("answer").alias("gold")), on="problem_id")
    moved = both.filter(pl.col("before").ne_missing(pl.col("outcome")) | pl.col("answer_before").ne_missing(pl.col("answer")))
    columns = ("sample_id", "problem_id", "gold", "answer_before", "answer", "before", pl.col("outcome").alias("after"))
    return moved.sort("sample_id").select(pl.lit(name).alias("benchmark"), *columns)


def check_result(folder: Path) -> list[str]:
    """List what in a result file is not what its samples say: their number and texts, their verdicts judged anew, every number."""
    result = read_result(folder)
    return [f"{name}: {mistake}" for name, old in result.benchmarks.items() for mistake in _mistakes(_run_of(folder, old), old)]


def _mistakes(run: RunFolder, old: BenchmarkResult) -> list[str]:
    samples = judged_samples(run)
    found = []
    if hash_of(samples, run) != old.samples_hash:
        found.append(f"the samples are not those of the result ({samples.height} now, {old.samples} then)")
    with VerifierPool(run.recipe.verify) as pool:
        again = _judged_again(run, pool).select("sample_id", "outcome", "verifier")
        table = score_problems(run, samples, pool)
    both = samples.join(again, on="sample_id", suffix="_again")
    verifiers = sorted(again["verifier"].drop_nulls().unique())
    if verifiers != old.verifiers:
        found.append(f"judged by {', '.join(old.verifiers)}, and the verifiers here are {', '.join(verifiers)}: `cotkit eval --rescore`")
    elif others := both.filter(both["outcome"].ne_missing(both["outcome_again"])).height:
        found.append(f"{others} of {samples.height} samples are judged otherwise than their verdicts say")
    if dict(samples["outcome"].value_counts().iter_rows()) != old.outcomes:
        found.append("outcomes: not those of the verdicts")
    then, now = old.model_dump(mode="json"), old.model_copy(update=estimates(table)).model_dump(mode="json")
    return found + [f"{path}: {was} in the result, {is_now} from the samples" for path, was, is_now in _unequal(then, now)]


def _judged_again(run: RunFolder, pool: VerifierPool) -> pl.DataFrame:
    import polars as pl

    problems = run.problems()
    return pl.concat([verify(run.read("samples", number), problems, pool) for number in run.shard_numbers()])


def _unequal(was: Any, now: Any, path: str = "") -> list[tuple[str, Any, Any]]:
    """Walk two JSON values and give the places where they differ."""
    if isinstance(was, dict) and isinstance(now, dict) and was.keys() == now.keys():
        return [entry for key in was for entry in _unequal(was[key], now[key], f"{path}.{key}".lstrip("."))]
    if isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        return [entry for place in range(len(was)) for entry in _unequal(was[place], now[place], f"{path}[{place}]")]
    same = (
        math.isclose(was, now, rel_tol=CLOSE, abs_tol=CLOSE)
        if isinstance(was, float | int) and isinstance(now, float | int)
        else was == now
    )
    return [] if same else [(path, was, now)]


def _run_of(folder: Path, result: BenchmarkResult) -> RunFolder:
    path = folder / result.run
    if path.resolve().parent != folder.resolve():
        raise CotkitError(f"{folder}: its result names a run outside of it: {result.run}", "the result file was changed by hand")
    return RunFolder.open(path)
