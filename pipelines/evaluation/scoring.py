"""The numbers of a benchmark's run folder: a table with a row per problem, and the estimates over it.

    table = score_problems(run, pool)             problem_id, subject, level, samples, correct, …, classes, silent
    numbers = estimates(table)                    avg@k, pass@k, maj@k, rates, tokens, by subject and level

A sample whose answer could not be judged is not correct: a score must not rise because a verifier failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ...schemas.evaluation import AtK, Estimate, Score
from ...schemas.record import content_hash
from ..execute.pool import VerifierPool
from ..run_folder import RunFolder
from ..run_folder.pass_rates import JUDGED, budget, draw, superseded
from .equivalence import answer_classes
from .majority import majority_at_k
from .statistics import amount_estimate, avg_at_k, mean_estimate, pass_at_k, share_estimate

if TYPE_CHECKING:
    import polars as pl

RATES = ("no_answer", "truncated", "timeout", "not_judged")


def judged_samples(run: RunFolder) -> pl.DataFrame:
    """Give sample_id, problem_id, tokens, outcome, answer and verifier of a run's samples, by id.

    Samples that were cut off and drawn again with a larger budget are left out. Raises CotkitError when a shard has no verdicts.
    """
    import polars as pl

    columns = ("sample_id", "problem_id", "finish_reason", pl.col("completion_tokens").alias("tokens"))
    samples = run.scan("samples").select(*columns, draw().alias("draw"), budget().alias("budget"))
    verdicts = run.scan("verdicts").select("sample_id", "outcome", "answer", "verifier")
    rows = samples.filter(~superseded()).join(verdicts, on="sample_id", how="left").collect()
    return rows.drop("draw", "budget").sort("sample_id")


def hash_of(samples: pl.DataFrame, run: RunFolder) -> str:
    """Hash samples' ids and what was said in them, shard by shard; the same on every machine."""
    kept = set(samples["sample_id"])
    said: list[str] = []
    for number in run.shard_numbers():
        rows = run.read("samples", number, ["sample_id", "reasoning", "response"]).iter_rows()
        said += [content_hash(*row) for row in rows if row[0] in kept]
    return content_hash(sorted(said))


def score_problems(run: RunFolder, samples: pl.DataFrame, pool: VerifierPool) -> pl.DataFrame:
    """Give one row per problem of the run, in its order: counts by outcome, tokens, and the votes of its answers.

    `classes` holds the votes of the classes of answers that are not correct, `silent` the samples that do not vote.
    """
    import polars as pl

    counts = samples.group_by("problem_id").agg(
        pl.len().cast(pl.Int64).alias("samples"),
        *[(pl.col("outcome") == name).sum().cast(pl.Int64).alias(name) for name in ("correct", "wrong", *RATES[:3])],
        (~pl.col("outcome").is_in(JUDGED)).sum().cast(pl.Int64).alias("not_judged"),
        pl.col("tokens").sum().cast(pl.Int64),
    )
    problems = run.problems()
    found = answer_classes(problems, samples, pool)
    votes = [found.get(key, []) for key in problems["problem_id"]]
    others = [[entry.votes for entry in classes if not entry.correct] for classes in votes]
    voting = [sum(entry.votes for entry in classes) for classes in votes]
    table = problems.select("problem_id", "subject", "level").join(counts, on="problem_id", how="left", maintain_order="left")
    table = table.with_columns(pl.selectors.integer().fill_null(0), pl.Series("classes", others, pl.List(pl.Int64)))
    silent = pl.col("samples") - pl.Series("voting", voting, pl.Int64)
    return table.with_columns(silent.alias("silent"))


def estimates(table: pl.DataFrame) -> dict[str, Any]:
    """Give the numbers of a table of problems, as fields of a `BenchmarkResult`; problems without samples do not count."""
    import polars as pl

    asked = table.filter(pl.col("samples") > 0)
    samples = asked["samples"].to_numpy()
    least = int(samples.min()) if samples.size else 0
    ks = sampled_ks(least)
    avg = avg_at_k(asked["correct"], asked["samples"])
    return {
        "problems": table.height,
        "asked": asked.height,
        "samples": int(samples.sum()),
        "avg": AtK(k=least, problems=asked.height, **avg.model_dump()),
        "passing": [_at(k, pass_at_k(asked["correct"], asked["samples"], k), samples) for k in ks],
        "majority": [_at(k, _majorities(asked, k), samples) for k in ks],
        "rates": {name: share_estimate(asked[name], asked["samples"]) for name in RATES},
        "tokens": amount_estimate(asked["tokens"], asked["samples"]),
        "tokens_total": int(asked["tokens"].sum()),
        "subjects": scores_by(asked, "subject"),
        "levels": scores_by(asked, "level"),
    }


def sampled_ks(least: int) -> list[int]:
    """Give the k that are reported: powers of two up to the samples of every problem, and these themselves.

    >>> sampled_ks(12)
    [1, 2, 4, 8, 12]
    """
    powers = [2**power for power in range(least.bit_length()) if 2**power < least]
    return [*powers, least] if least else []


def _at(k: int, values: np.ndarray, samples: np.ndarray) -> AtK:
    known = ~np.isnan(values)
    return AtK(k=k, problems=int(known.sum()), **mean_estimate(values[known], int(samples[known].sum())).model_dump())


def _majorities(asked: pl.DataFrame, k: int) -> np.ndarray:
    rows = asked.select("samples", "classes", "silent").iter_rows()
    return np.array([majority_at_k(drawn - sum(others) - silent, others, silent, k) for drawn, others, silent in rows], float)


def scores_by(asked: pl.DataFrame, column: str) -> list[Score]:
    """Give the scores of each subject or level; none when the benchmark has fewer than two."""
    names: Sequence[Any] = asked[column].drop_nulls().unique().sort().to_list()
    if len(names) < 2:
        return []
    groups = ((name, asked.filter(asked[column] == name)) for name in names)
    return [
        Score(
            name=name,
            problems=group.height,
            samples=int(group["samples"].sum()),
            avg=avg_at_k(group["correct"], group["samples"]),
            tokens=amount_estimate(group["tokens"], group["samples"]),
        )
        for name, group in groups
    ]


def behaviours_of(run: RunFolder) -> list[dict[str, Any]]:
    """Give the shares of samples that show each behaviour, as fields of `BehaviourShare`; none without tags."""
    from ..behaviors import behaviour_rates

    if any(not run.shard_path("tags", number).exists() for number in run.shard_numbers()):
        return []
    return [
        {
            "lexicon": rate.lexicon,
            "behaviour": rate.behaviour,
            "share": Estimate(value=rate.share, low=rate.share_low, high=rate.share_high),
        }
        for rate in behaviour_rates(run)
    ]
