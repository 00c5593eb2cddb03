"""Fixtures that tests of several steps share: `make_run` builds a run folder with generated rows in every stage."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cotkit.pipelines.run_folder import STAGES, RunFolder, Stage
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import CurateConfig, Recipe, SampleConfig, SplitConfig
from cotkit.schemas.record import content_hash
from cotkit.schemas.tags import BehaviourCount

OUTCOME_WEIGHTS = {
    "correct": 50,
    "wrong": 28,
    "truncated": 8,
    "no_answer": 6,
    "ambiguous": 4,
    "unreadable_answer": 2,
    "timeout": 1,
    "crashed": 1,
}
THOUGHTS = [
    "Let me restate the question first: two numbers are given and their sum is wanted.",
    "Adding the tens gives one part, adding the ones gives the other.",
    "Wait, I carried a one that was not there. Let me recheck the last column.",
    "Alternatively, count up from the larger number; that is a separate way to the same end.",
    "However, the second number is smaller than ten, so nothing is carried at all.",
    "So both ways agree, and the result stands.",
]
DEFAULT = Recipe(
    name="sums",
    description="Sums of two small numbers, answered by a generator of rows",
    sample=SampleConfig(teacher="scripted:mixed", n=6, max_tokens=512),
    curate=CurateConfig(splits=[SplitConfig(name="long", min_tokens=60), SplitConfig(name="short", max_tokens=120)]),
)

MakeRun = Callable[..., RunFolder]


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Give a function that builds a run folder: `make_run(problems=12, shards=2, stages=("samples", "verdicts"))`.

    `samples` replaces fields of single samples: `{(0, 1): {"response": "…", "outcome": "wrong"}}` for sample 1 of problem 0;
    names of the fields of every stage are understood. The same arguments give the same rows.
    """

    def build(name: str = "run", **options: Any) -> RunFolder:
        return build_run(tmp_path / name, **options)

    return build


def build_run(
    path: Path,
    recipe: Recipe = DEFAULT,
    problems: int | Sequence[Problem] = 12,
    shards: int = 2,
    stages: Sequence[Stage] = tuple(STAGES),
    samples: dict[tuple[int, int], dict[str, Any]] | None = None,
) -> RunFolder:
    """Build a run folder of `recipe.sample.n` samples per problem, spread over `shards` shards."""
    asked = [_problem(place) for place in range(problems)] if isinstance(problems, int) else list(problems)
    run = RunFolder.create(path, recipe, pl.DataFrame([row.model_dump() for row in asked], schema=Problem.polars_schema()))
    rows = [
        _row(problem, index, recipe, (samples or {}).get((place, index), {}))
        for place, problem in enumerate(asked)
        for index in range(recipe.sample.n)
    ]
    per_shard = max(1, -(-len(rows) // shards))
    for number, start in enumerate(range(0, len(rows), per_shard)):
        for stage in stages:
            record = STAGES[stage]
            frame = pl.DataFrame(
                [{key: row[key] for key in record.model_fields} for row in rows[start : start + per_shard]], record.polars_schema()
            )
            run.write(stage, number, frame, content_hash(stage, frame.rows()))
    return run


def _problem(place: int) -> Problem:
    left, right = 11 + 7 * place, 3 + place % 9
    return Problem.make(f"What is {left} + {right}?", str(left + right), "number", source="sums.jsonl", subject="addition")


def _row(problem: Problem, index: int, recipe: Recipe, changes: dict[str, Any]) -> dict[str, Any]:
    """Give one sample and all that is said of it in one dictionary."""
    dice = random.Random(f"{problem.problem_id}{index}")
    ease = random.Random(problem.problem_id).random()
    outcome = "correct" if dice.random() < ease**2 else dice.choices(list(OUTCOME_WEIGHTS), list(OUTCOME_WEIGHTS.values()))[0]
    outcome = changes.get("outcome", outcome)
    answer = {"correct": problem.answer, "wrong": f"{problem.answer}1", "ambiguous": problem.answer}.get(outcome)
    steps = dice.choices(THOUGHTS, k=dice.randint(2, 6) + (4 if outcome in ("wrong", "truncated") else 0))
    drawn: dict[str, Any] = {
        "sample_id": content_hash(problem.problem_id, index, recipe.sample.parameters()),
        "problem_id": problem.problem_id,
        "index": index,
        "reasoning": "\n\n".join(steps),
        "response": f"The sum is $\\boxed{{{answer}}}$." if answer else "I cannot settle on a sum",
        "delimiter": "think",
        "finish_reason": "length" if outcome == "truncated" else "stop",
        "prompt_tokens": 24,
        "seed": dice.randrange(2**31),
        "seconds": 1.5,
        "teacher": recipe.sample.teacher,
        "teacher_fingerprint": "f" * 20,
        "parameters": "{}",
        "prompt_hash": "p" * 20,
        "error": None,
        "outcome": outcome,
        "answer": answer,
        "found_by": "boxed" if answer else None,
        "decided_by": "exact" if answer else "",
        "verifier": "number/1",
    } | changes
    text = f"{drawn['reasoning'] or ''}\n{drawn['response']}"
    drawn.setdefault("completion_tokens", len(text) // 4 if outcome != "truncated" else recipe.sample.max_tokens)
    row = drawn | _tags(text, drawn["completion_tokens"]) | changes
    return row | _decision(row, recipe) | changes


def _tags(text: str, tokens: int | None) -> dict[str, Any]:
    counted = tokens or -(-len(text.encode()) // 4)
    counts = {word: text.lower().count(word) for word in ("alternatively", "however", "recheck", "wait")}
    behaviours = [
        BehaviourCount(
            lexicon="demystify",
            behaviour=word,
            count=n,
            per_1000_tokens=1000 * n / counted,
            first_position=text.lower().index(word) / len(text),
            curve=[n] + [0] * 9,
        )
        for word, n in counts.items()
        if n
    ]
    return {
        "tokens": counted,
        "tokens_estimated": tokens is None,
        "reasoning_share": 0.8,
        "behaviours": [behaviour.model_dump() for behaviour in behaviours],
        "compression_ratio": 0.4,
        "repeated_share": 0.0,
        "scripts": [{"script": "Latin", "characters": len(text)}],
        "longest_foreign": 0,
        "code_blocks": 0,
        "python_blocks": 0,
        "code_share": 0.0,
    }


def _decision(row: dict[str, Any], recipe: Recipe) -> dict[str, Any]:
    fits = [s.name for s in recipe.curate.splits if (s.min_tokens or 0) <= row["tokens"] <= (s.max_tokens or row["tokens"])]
    reason = None if fits else "no split takes it"
    if row["outcome"] not in recipe.curate.outcomes:
        reason = f"outcome is {row['outcome']}"
    if row["finish_reason"] not in recipe.curate.finish_reasons:
        reason = f"finish reason is {row['finish_reason']}"
    return {"kept": reason is None, "reason": reason, "splits": fits if reason is None else []}
