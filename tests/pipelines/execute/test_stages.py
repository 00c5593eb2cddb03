"""A stage computes what is stale and leaves what is fresh, wherever it runs."""

from functools import partial
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.execute.stages import Part, StageTask, parse_part, run_stage
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.decision import Decision
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe
from cotkit.schemas.sample import Sample

PROBLEMS = pl.DataFrame([Problem.make("What is 1 + 1?", "2", "math").model_dump()], schema=Problem.polars_schema())


def keep_all(samples: pl.DataFrame, word: str) -> pl.DataFrame:
    rows = [{"sample_id": key, "kept": True, "reason": None, "splits": [word]} for key in samples["sample_id"]]
    return pl.DataFrame(rows, schema=Decision.polars_schema())


def task(word: str = "all") -> StageTask:
    return StageTask("decisions", partial(keep_all, word=word), word, ("samples",))


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    run = RunFolder.create(tmp_path / "run", Recipe(), PROBLEMS)
    for number in range(3):
        run.write("samples", number, shard(f"s{number}"), f"f{number}")
    return run


def shard(key: str) -> pl.DataFrame:
    row = dict.fromkeys(Sample.polars_schema()) | {"sample_id": key, "problem_id": PROBLEMS["problem_id"][0], "response": "2"}
    return pl.DataFrame([row], schema=Sample.polars_schema())


def test_every_shard_is_computed_once(run: RunFolder) -> None:
    assert run_stage(run, task(), workers=1) == (3, 0)
    assert run_stage(run, task(), workers=1) == (0, 3)
    assert run.scan("decisions").collect()["sample_id"].to_list() == ["s0", "s1", "s2"]


def test_a_changed_setting_recomputes_every_shard(run: RunFolder) -> None:
    run_stage(run, task(), workers=1)
    assert run_stage(run, task("long"), workers=1) == (3, 0)
    assert run.scan("decisions").collect()["splits"].to_list() == [["long"]] * 3


def test_a_changed_input_recomputes_its_shard_alone(run: RunFolder) -> None:
    run_stage(run, task(), workers=1)
    run.write("samples", 1, shard("other"), "changed")
    assert run_stage(run, task(), workers=1) == (1, 2)
    assert run.read("decisions", 1)["sample_id"].to_list() == ["other"]


def test_a_torn_shard_is_computed_again(run: RunFolder) -> None:
    run_stage(run, task(), workers=1)
    path = run.shard_path("decisions", 2)
    path.write_bytes(path.read_bytes()[:-20])
    assert run_stage(run, task(), workers=1) == (1, 2)


def test_parts_of_an_array_job_make_the_whole(run: RunFolder) -> None:
    assert run_stage(run, task(), Part(0, 2), workers=1) == (2, 0)
    assert run_stage(run, task(), Part(1, 2), workers=1) == (1, 0)
    assert run_stage(run, task(), workers=1) == (0, 3)


def test_progress_counts_to_the_end(run: RunFolder) -> None:
    seen: list[tuple[int, int]] = []
    run_stage(run, task(), workers=1, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_missing_input_stage_is_an_error_before_any_work(run: RunFolder) -> None:
    with pytest.raises(CotkitError, match="no verdicts yet"):
        run_stage(run, StageTask("decisions", keep_all, "x", ("samples", "verdicts")))
    assert not (run.path / "decisions").exists()


@pytest.mark.parametrize("text", ["", "1", "2/2", "-1/2", "a/b", "0/0"])
def test_what_is_no_part_is_an_error(text: str) -> None:
    with pytest.raises(CotkitError, match="not a part"):
        parse_part(text)
