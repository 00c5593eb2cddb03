"""A run folder keeps what it has, and says plainly why it will not go on."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.run_folder import STAGES, Ledger, RunFolder, check_problems, stage_fingerprint
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, SampleConfig
from cotkit.schemas.sample import Sample
from cotkit.schemas.verdict import Verdict

PROBLEMS = pl.DataFrame(
    [Problem.make(f"What is {i} + 1?", str(i + 1), "math").model_dump() for i in range(4)], schema=Problem.polars_schema()
)


def sample(problem: int, index: int, response: str = "\\boxed{1}") -> Sample:
    return Sample(
        sample_id=f"{problem:02}-{index:02}",
        problem_id=PROBLEMS["problem_id"][problem],
        index=index,
        reasoning=None,
        response=response,
        delimiter="none",
        finish_reason="stop",
        prompt_tokens=3,
        completion_tokens=5,
        seed=1,
        seconds=0.1,
        teacher="scripted",
        teacher_fingerprint="t",
        parameters="{}",
        prompt_hash="p",
    )


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "run", Recipe(name="test"), PROBLEMS)


def with_sample(run: RunFolder, **change: object) -> Recipe:
    return run.recipe.model_copy(update={"sample": run.recipe.sample.model_copy(update=change)})


def test_a_new_run_opens_again(run: RunFolder) -> None:
    again = RunFolder.open(run.path)
    assert again.recipe == run.recipe
    assert again.problems().equals(PROBLEMS)
    assert again.shard_numbers() == []
    assert again.scan("samples").collect().schema == Sample.polars_schema()


@pytest.mark.parametrize("content", [None, "other"], ids=["missing", "no run"])
def test_what_is_no_run_is_an_error_with_a_way_out(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "run"
    if content:
        path.mkdir()
        (path / content).touch()
    with pytest.raises(CotkitError, match="not a run folder") as caught:
        RunFolder.open(path)
    assert "cotkit sample" in caught.value.hint


def test_a_folder_with_other_things_is_not_made_a_run(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(CotkitError, match="exists and is not a run folder"):
        RunFolder.create(tmp_path, Recipe(), PROBLEMS)


def test_a_run_that_was_killed_while_it_was_made_is_made_again(run: RunFolder) -> None:
    (run.path / "recipe.toml").rename(run.path / ".recipe.toml.tmp-123")
    assert RunFolder.create(run.path, run.recipe, PROBLEMS).problems().equals(PROBLEMS)


@pytest.mark.parametrize("resume", ["if-possible", "always"])
def test_the_same_recipe_resumes(run: RunFolder, resume) -> None:
    assert RunFolder.create(run.path, run.recipe, PROBLEMS, resume).recipe == run.recipe


def test_raising_n_resumes(run: RunFolder) -> None:
    assert RunFolder.create(run.path, with_sample(run, n=64), PROBLEMS).recipe.sample.n == 64


def test_never_wants_a_new_folder(run: RunFolder) -> None:
    with pytest.raises(CotkitError, match="the run exists"):
        RunFolder.create(run.path, run.recipe, PROBLEMS, "never")


def test_other_settings_are_an_error_that_names_the_change(run: RunFolder) -> None:
    with pytest.raises(CotkitError, match=r"temperature 1\.0 → 0\.5") as caught:
        RunFolder.create(run.path, with_sample(run, temperature=0.5, n=9), PROBLEMS)
    assert "n " not in caught.value.message.partition("(")[2]
    assert "--resume always" in caught.value.hint
    assert RunFolder.open(run.path).recipe == run.recipe


def test_always_takes_other_settings(run: RunFolder) -> None:
    RunFolder.create(run.path, with_sample(run, temperature=0.5), PROBLEMS, "always")
    assert RunFolder.open(run.path).recipe.sample.temperature == 0.5


def test_other_problems_are_an_error(run: RunFolder) -> None:
    with pytest.raises(CotkitError, match="made from other problems"):
        RunFolder.create(run.path, run.recipe, PROBLEMS.head(2))


def test_always_does_not_orphan_samples(run: RunFolder) -> None:
    ledger = run.ledger()
    ledger.add(sample(3, 0))
    ledger.close()
    with pytest.raises(CotkitError, match="2 problems of the run are not in the new set"):
        RunFolder.create(run.path, run.recipe, PROBLEMS.head(2), "always")


def test_sealing_orders_rows_and_empties_the_ledger(run: RunFolder) -> None:
    ledger = run.ledger()
    for problem, index in [(2, 1), (0, 1), (2, 0), (0, 0)]:
        ledger.add(sample(problem, index), Verdict(outcome="correct"))
    assert run.seal(ledger, "judge") == 4
    assert ledger.counts() == (0, 0)
    ledger.close()
    assert run.read("samples", 0)["sample_id"].to_list() == ["00-00", "00-01", "02-00", "02-01"]
    assert run.read("verdicts", 0)["sample_id"].to_list() == ["00-00", "00-01", "02-00", "02-01"]
    fingerprint = run.fingerprint("samples", 0)
    assert run.fingerprint("verdicts", 0) == stage_fingerprint("verdicts", "judge", [fingerprint])
    assert run.sample_ids() == {"00-00", "00-01", "02-00", "02-01"}


def test_sealing_without_all_verdicts_writes_none(run: RunFolder) -> None:
    ledger = run.ledger()
    ledger.add(sample(0, 0), Verdict(outcome="wrong"))
    ledger.add(sample(0, 1))
    assert run.seal(ledger, "judge") == 2
    ledger.close()
    assert not run.shard_path("verdicts", 0).exists()


def test_sealing_only_verified_leaves_the_others_live(run: RunFolder) -> None:
    ledger = run.ledger()
    ledger.add(sample(0, 0), Verdict(outcome="wrong"))
    ledger.add(sample(0, 1))
    assert run.seal(ledger, "judge", only_verified=True) == 1
    assert ledger.sample_ids() == {"00-01"}
    assert [left.sample_id for left in ledger.unverified()] == ["00-01"]
    ledger.close()


def test_a_crash_between_shard_and_ledger_doubles_nothing(run: RunFolder) -> None:
    ledger = run.ledger()
    ledger.add(sample(0, 0))
    run.seal(ledger)
    ledger.add(sample(0, 0))  # as if the removal had not happened
    ledger.add(sample(0, 1))
    (run.path / "samples" / ".00001.parquet.tmp-123").touch()
    run.reconcile(ledger)
    assert ledger.sample_ids() == {"00-01"}
    ledger.close()
    assert not list((run.path / "samples").glob("*.tmp-*"))


def test_leftovers_of_an_interrupted_run_are_sealed(run: RunFolder) -> None:
    ledger = run.ledger()
    ledger.add(sample(1, 0))
    ledger.close()
    assert run.seal_leftovers() == 1
    assert run.seal_leftovers() == 0
    assert run.read("samples", 0)["sample_id"].to_list() == ["01-00"]


def test_a_ledger_keeps_the_first_of_two_equal_samples(run: RunFolder) -> None:
    ledger = run.ledger()
    ledger.add(sample(0, 0, "first"))
    ledger.add(sample(0, 0, "second"))
    frame, _ = ledger.frames()
    ledger.close()
    assert frame["response"].to_list() == ["first"]


@pytest.mark.parametrize(
    "text", ["", "\x00", "…等等", '"quoted" \\boxed{}', "🦆" * 1000], ids=["empty", "NUL", "Chinese", "quotes", "emoji"]
)
def test_texts_come_back_from_the_ledger_as_they_were(run: RunFolder, text: str) -> None:
    ledger = run.ledger()
    ledger.add(sample(0, 0, text), Verdict(outcome="no_answer", answer=text))
    samples, verdicts = ledger.frames()
    ledger.close()
    assert samples["response"].to_list() == [text]
    assert verdicts["answer"].to_list() == [text]
    assert samples.schema == Sample.polars_schema()


def test_a_full_disk_is_an_error_and_finished_samples_stay(run: RunFolder) -> None:
    ledger = run.ledger()
    ledger.add(sample(0, 0))
    pages = ledger._database.execute("PRAGMA page_count").fetchone()[0]
    ledger._database.execute(f"PRAGMA max_page_count = {pages + 1}")

    def fill() -> None:
        for index in range(1, 50):
            ledger.add(sample(0, index, "x" * 5000))

    with pytest.raises(CotkitError, match="full") as caught:
        fill()
    assert "finished samples are kept" in caught.value.hint
    assert "00-00" in ledger.sample_ids()
    ledger.close()


def test_a_file_that_is_no_ledger_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "live.sqlite").write_bytes(b"not a database at all, but long enough to be looked at" * 100)
    with pytest.raises(CotkitError, match="not a cotkit ledger"):
        Ledger(tmp_path / "live.sqlite")


def test_two_processes_do_not_write_to_one_run(run: RunFolder) -> None:
    code = f"""
from pathlib import Path
from cotkit.pipelines.run_folder import RunFolder
with RunFolder.open(Path({str(run.path)!r})).lock():
    print("held", flush=True)
    input()
"""
    other = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout
    assert other.stdout.readline() == "held\n"
    with pytest.raises(CotkitError, match="another cotkit is writing"), run.lock():
        pass
    other.communicate("go\n")
    with run.lock():
        pass


def test_a_stage_that_has_not_run_says_which_command_does(run: RunFolder) -> None:
    run.write("samples", 0, pl.DataFrame([sample(0, 0).model_dump()], schema=Sample.polars_schema()), "f")
    with pytest.raises(CotkitError, match="no tags yet") as caught:
        run.scan("tags")
    assert caught.value.hint == f"run `cotkit tag {run.path}` first"


def test_a_shard_with_other_columns_is_refused(run: RunFolder) -> None:
    with pytest.raises(ValueError, match="decisions must have the columns"):
        run.write("decisions", 0, pl.DataFrame({"sample_id": ["a"]}), "f")


def test_every_stage_is_a_record() -> None:
    assert list(STAGES) == ["samples", "verdicts", "tags", "decisions"]


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        pytest.param(PROBLEMS.clear(), "no problems", id="empty"),
        pytest.param(PROBLEMS.drop("answer", "kind"), "no column answer, kind", id="columns missing"),
        pytest.param(pl.concat([PROBLEMS, PROBLEMS.head(1)]), "is there 2 times", id="a problem twice"),
    ],
)
def test_a_bad_problem_set_is_an_error(frame: pl.DataFrame, says: str) -> None:
    with pytest.raises(CotkitError, match=says):
        check_problems(frame, "problems.parquet")


def test_the_log_is_one_json_object_per_line(run: RunFolder) -> None:
    run.log("request failed", error="boom\nbang")
    (line,) = (run.path / "log.jsonl").read_text().splitlines()
    assert json.loads(line)["error"] == "boom\nbang"


def test_the_ledger_is_in_wal_mode(run: RunFolder) -> None:
    run.ledger().close()
    with sqlite3.connect(run.path / "samples" / "live.sqlite") as database:
        assert database.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    database.close()


def test_sampling_settings_have_defaults_a_user_can_read() -> None:
    assert SampleConfig().n == 8
