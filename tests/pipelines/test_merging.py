"""Merged runs hold every sample once, with the verdicts and tags that belong to it."""

from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.execute.stages import Computed
from cotkit.pipelines.merging import merge_runs
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.sampling.scheduler import sample_run
from cotkit.pipelines.tagging import tag_run
from cotkit.pipelines.verification import verify_run
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, SampleConfig

PROBLEMS = pl.DataFrame(
    [Problem.make(f"What is {i} + {i}?", str(2 * i), "math").model_dump() for i in range(9)], schema=Problem.polars_schema()
)


def part(path: Path, problems: pl.DataFrame, n: int = 3, seed: int = 0) -> RunFolder:
    run = RunFolder.create(path, Recipe(sample=SampleConfig(teacher="scripted:mixed", n=n, seed=seed)), problems)
    sample_run(run, shard_rows=8)
    tag_run(run, run.recipe.tag, workers=1)
    return run


def test_parts_of_a_problem_set_become_the_whole_run(tmp_path: Path) -> None:
    parts = [part(tmp_path / f"part-{i}", PROBLEMS.gather_every(3, i)) for i in range(3)]
    merged = merge_runs(parts, tmp_path / "all")
    whole = part(tmp_path / "whole", PROBLEMS)
    assert (merged.problems, merged.samples, merged.doubles) == (9, 27, 0)
    for stage in ("samples", "verdicts", "tags"):
        together, alone = (run.scan(stage).drop("seconds", strict=False).sort("sample_id").collect() for run in (merged.run, whole))
        assert together.equals(alone), stage


def test_nothing_is_judged_or_tagged_again(tmp_path: Path) -> None:
    parts = [part(tmp_path / f"part-{i}", PROBLEMS.gather_every(2, i)) for i in range(2)]
    merged = merge_runs(parts, tmp_path / "all").run
    shards = len(merged.shard_numbers())
    assert verify_run(merged, merged.recipe.verify) == Computed(0, shards)
    assert tag_run(merged, merged.recipe.tag, workers=1) == Computed(0, shards)


def test_a_sample_in_two_runs_is_kept_once(tmp_path: Path) -> None:
    fewer, more = part(tmp_path / "two", PROBLEMS, n=2), part(tmp_path / "three", PROBLEMS, n=3)
    merged = merge_runs([fewer, more], tmp_path / "all")
    assert (merged.samples, merged.doubles) == (27, 18)
    ids = merged.run.scan("samples").collect()["sample_id"]
    assert ids.n_unique() == len(ids) == 27
    verify_run(merged.run, merged.run.recipe.verify)
    assert merged.run.scan("verdicts").collect()["sample_id"].equals(ids)


def test_another_seed_is_another_sample(tmp_path: Path) -> None:
    merged = merge_runs([part(tmp_path / "a", PROBLEMS), part(tmp_path / "b", PROBLEMS, seed=1)], tmp_path / "all")
    assert (merged.problems, merged.samples, merged.doubles) == (9, 54, 0)


def test_an_existing_folder_is_not_merged_into(tmp_path: Path) -> None:
    run = part(tmp_path / "a", PROBLEMS)
    with pytest.raises(CotkitError, match="exists"):
        merge_runs([run], run.path)
