"""Audit a judged run: each list is a frame with a row per finding, sorted so that the surest comes first.

found = audit_run(RunFolder.open(Path("runs/qwq")))
export_audit(found, Path("audit"), "parquet")
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.problem import Problem
from ..evaluation.equivalence import AnswerClass, answer_classes, majority, same_answer_as
from ..execute.gold_check import check_gold
from ..execute.judging import judge_all
from ..execute.pool import VerifierPool
from ..run_folder import RunFolder, write_parquet
from ..similarity.canonical import canonical
from .second_opinion import JUDGE

if TYPE_CHECKING:
    import polars as pl

Format = Literal["parquet", "jsonl"]
EXCERPT = 200
"""Characters of a prompt that a finding quotes."""
COUNTED = ("correct", "wrong", "unreadable_answer")
"""Outcomes on whose answers a second opinion is asked."""


class Audit(NamedTuple):
    """What an audit found; every list names its problems and samples by their ids."""

    label_noise: pl.DataFrame
    gold_failures: pl.DataFrame
    method_disagreements: pl.DataFrame
    contested_doubles: pl.DataFrame
    source_disagreements: pl.DataFrame
    silver: pl.DataFrame
    """A row per problem: gold, silver, votes, voting, share, agrees."""
    labelled: int
    """Samples whose source says whether they are right."""


def audit_run(run: RunFolder, min_votes: int = 3, min_share: float = 0.5, say: Callable[[str], object] = lambda _: None) -> Audit:
    """Audit a run; raises CotkitError when a shard has no verdicts.

    A majority counts against a gold answer from `min_votes` samples and `min_share` of those that vote.
    """
    import polars as pl

    problems, samples = run.problems(), _judged(run)
    if samples.is_empty():
        raise CotkitError(f"{run.path}: no samples", "audit a run that has some")
    say("gold answers")
    failures = check_gold(problems, run.recipe.verify)
    with VerifierPool(run.recipe.verify) as pool:
        say("majorities")
        silver = silver_answers(problems, samples, pool)
        say("doubles")
        doubles = contested_doubles(problems, pool)
    say("second opinions")
    disagreements = method_disagreements(run, problems, samples)
    labelled = samples.filter(pl.col("says").is_not_null())
    return Audit(
        label_noise=against_gold(silver, min_votes, min_share).join(_excerpts(problems), on="problem_id", maintain_order="left"),
        gold_failures=failures.rename({"answer": "gold"}).join(_excerpts(problems), on="problem_id"),
        method_disagreements=disagreements,
        contested_doubles=doubles,
        source_disagreements=_source_disagreements(labelled, problems),
        silver=silver,
        labelled=labelled.height,
    )


def against_gold(silver: pl.DataFrame, min_votes: int, min_share: float) -> pl.DataFrame:
    """Give the silver answers that are other than gold and sure enough, the surest first."""
    import polars as pl

    enough = (pl.col("votes") >= min_votes) & (pl.col("share") >= min_share) & (pl.col("votes") > pl.col("gold_votes"))
    return silver.filter(~pl.col("agrees") & enough).sort("share", "votes", "problem_id", descending=[True, True, False])


def _judged(run: RunFolder) -> pl.DataFrame:
    """Give the verdicts of a run with their samples' teacher, source and flags; `says` is what the source says of the sample."""
    import polars as pl

    flags = pl.col("parameters").str.extract(r'"source_says":\s*\{([^{}]*)\}').str.extract_all(r"\b(?:true|false)\b")
    says = pl.when(flags.list.len() > 0).then(flags.list.first() == "true").alias("says")
    source = pl.col("parameters").str.extract(r'"source":\s*"([^"]*)"').alias("source")
    samples = run.scan("samples").select(
        "sample_id", "problem_id", "teacher", source, says, pl.col("response").str.tail(EXCERPT).alias("end")
    )
    verdicts = run.scan("verdicts").select("sample_id", "outcome", "answer", "decided_by")
    return samples.join(verdicts, on="sample_id", how="left").collect()


def silver_answers(problems: pl.DataFrame, samples: pl.DataFrame, pool: VerifierPool) -> pl.DataFrame:
    """Give every problem's majority answer beside its gold answer; null where nothing votes, or two answers tie."""
    import polars as pl

    found = answer_classes(problems, samples, pool)
    rows = [_silver(row, found.get(row["problem_id"], [])) for row in problems.select("problem_id", "kind", "answer").iter_rows(named=True)]
    schema = {"problem_id": pl.String, "kind": pl.String, "gold": pl.String, "silver": pl.String, "votes": pl.Int64}
    return pl.DataFrame(rows, schema=schema | {"gold_votes": pl.Int64, "voting": pl.Int64, "share": pl.Float64, "agrees": pl.Boolean})


def _silver(problem: dict[str, Any], classes: list[AnswerClass]) -> dict[str, Any]:
    voting, most = sum(entry.votes for entry in classes), majority(classes)
    return {
        "problem_id": problem["problem_id"],
        "kind": problem["kind"],
        "gold": problem["answer"],
        "silver": most and most.answer,
        "votes": most.votes if most else 0,
        "gold_votes": sum(entry.votes for entry in classes if entry.correct),
        "voting": voting,
        "share": most.votes / voting if most else None,
        "agrees": most and most.correct,
    }


def method_disagreements(run: RunFolder, problems: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """List the answers to problems of kind `math` on which math-verify says otherwise: one row per problem and answer."""
    import polars as pl

    asked = problems.filter(pl.col("kind") == "math")
    known = {row["problem_id"]: Problem.model_validate(row) for row in asked.iter_rows(named=True)}
    judged = samples.filter(pl.col("outcome").is_in(COUNTED) & pl.col("answer").is_not_null() & pl.col("problem_id").is_in(list(known)))
    pairs = judged.group_by("problem_id", "answer", "outcome", maintain_order=True).agg(
        pl.col("decided_by").first(), pl.len().cast(pl.Int64).alias("samples"), pl.col("sample_id").first()
    )
    with VerifierPool(run.recipe.verify, JUDGE) as pool:
        texts = ((f"\\boxed{{{answer}}}", known[key], "stop") for key, answer in pairs.select("problem_id", "answer").iter_rows())
        second = pl.Series("math_verify", [done.result().outcome for done in judge_all(pool, texts)], pl.String)
    apart = pairs.with_columns(second).filter((pl.col("outcome") == "correct") != (pl.col("math_verify") == "correct"))
    golds = asked.select("problem_id", pl.col("answer").alias("gold"))
    columns = ("problem_id", "gold", "answer", pl.col("outcome").alias("cotkit"), "decided_by", "math_verify", "samples", "sample_id")
    return apart.join(golds, on="problem_id").sort("samples", "problem_id", descending=[True, False]).select(columns)


def contested_doubles(problems: pl.DataFrame, pool: VerifierPool) -> pl.DataFrame:
    """List pairs of problems that ask the same, but for spelling, and whose gold answers do not verify one another."""
    import polars as pl

    spelled = canonical(problems["prompt"]).str.replace_all(r"[\s${}]", "").alias("key")
    doubled = problems.with_columns(spelled).filter(pl.col("key").is_duplicated())
    pairs = []
    for group in doubled.partition_by("key", maintain_order=True):
        first, *others = [Problem.model_validate(row) for row in group.drop("key").iter_rows(named=True)]
        pairs += [(first, other) for other in others]
    texts = ((f"\\boxed{{{other.answer}}}", same_answer_as(first.answer, first), "stop") for first, other in pairs)
    apart = [pair for pair, done in zip(pairs, judge_all(pool, texts), strict=True) if done.result().outcome != "correct"]
    rows = [(one.problem_id, two.problem_id, one.answer, two.answer, one.prompt[:EXCERPT]) for one, two in apart]
    return pl.DataFrame(rows, schema=dict.fromkeys(("problem_id", "other_id", "gold", "other_gold", "prompt"), pl.String), orient="row")


def _source_disagreements(labelled: pl.DataFrame, problems: pl.DataFrame) -> pl.DataFrame:
    """List the samples whose source says "right" where the verdict is not correct, or "wrong" where it is."""
    import polars as pl

    apart = labelled.filter(pl.col("says") != (pl.col("outcome") == "correct"))
    golds = problems.select("problem_id", pl.col("answer").alias("gold"))
    columns = ("sample_id", "problem_id", "source", "teacher", "gold", "answer", "outcome", "decided_by", "says", "end")
    return apart.join(golds, on="problem_id").sort("says", "gold", "answer").select(columns)


def _excerpts(problems: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return problems.select("problem_id", pl.col("prompt").str.head(EXCERPT))


def audit_files(folder: Path, form: Format) -> dict[str, Path]:
    """Give the path of every list; raises CotkitError when one of them is there already."""
    paths = {name: folder / f"{name}.{form}" for name in Audit._fields if name != "labelled"}
    there = [path for path in (folder, *paths.values()) if path.is_file()]
    if there:
        raise CotkitError(f"{there[0]}: exists", "choose another folder with -o")
    return paths


def export_audit(found: Audit, folder: Path, form: Format) -> list[Path]:
    """Write the lists as files of a folder and give their paths; raises CotkitError when one of them is there already."""
    paths = audit_files(folder, form)
    for name, path in paths.items():
        frame: pl.DataFrame = getattr(found, name)
        if form == "parquet":
            write_parquet(frame, path)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            frame.write_ndjson(path)
    return list(paths.values())
