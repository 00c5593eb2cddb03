"""`cotkit pull` makes a run or a problem set, says what it did, and is a clear error on what it cannot use."""

import json
from pathlib import Path

import pytest
from cotkit.cli import app
from typer.testing import CliRunner

ROW = {"problem": "What is 3 + 4?", "answer": "7", "generations": ["<think>3, 4.</think>\\boxed{7}"], "correctness_math_verify": [False]}


@pytest.fixture
def source(tmp_path: Path) -> str:
    path = tmp_path / "OpenR1-Math-220k.jsonl"
    path.write_text(json.dumps(ROW) + "\n")
    return str(path)


def test_a_pulled_set_goes_through_the_pipeline(source: str, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    for words in (["pull", source, "-o", run], ["verify", run], ["tag", run], ["curate", run], ["export", "rl", run, "--format", "verl"]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    assert f"{run}/exports/rl-verl: 1 rows" in done.output
    assert (tmp_path / "run/exports/rl-verl/cotkit_reward.py").exists()


def test_the_summary_is_json_on_demand(source: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["pull", source, "-o", str(tmp_path / "problems.parquet"), "--json"])
    assert json.loads(done.stdout) == {
        "out": str(tmp_path / "problems.parquet"), "set": "OpenR1-Math-220k", "problems": 1, "samples": 0, "present": 0, "notes": [],
    }  # fmt: skip


def test_a_problem_set_is_replaced_only_by_force(source: str, tmp_path: Path) -> None:
    words = ["pull", source, "-o", str(tmp_path / "problems.parquet")]
    assert CliRunner().invoke(app, words).exit_code == 0
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 1
    assert "exists" in again.output
    assert "--force" in again.output
    assert CliRunner().invoke(app, [*words, "--force"]).exit_code == 0


WRONG = {
    "no such file": (["nowhere.jsonl"], "nowhere.jsonl: no such file"),
    "a torn file": (["torn.jsonl"], "torn.jsonl:1: not valid JSON"),
    "an ending of no kind": (["./notes.txt"], "cannot tell the format"),
    "a folder without data": (["empty"], "no data files"),
    "no rows": (["nothing.jsonl"], "no rows"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG.keys())
def test_bad_input_is_told_in_one_line(words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "torn.jsonl").write_text('{"problem": ')
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "nothing.jsonl").write_text("")
    (tmp_path / "empty").mkdir()
    done = CliRunner().invoke(app, ["pull", *words, "-o", "run"])
    assert done.exit_code == 1
    assert message in done.output
    assert not (tmp_path / "run").exists()


def test_a_folder_that_is_no_run_is_left_alone(source: str, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("x")
    done = CliRunner().invoke(app, ["pull", source, "-o", str(tmp_path / "mine")])
    assert done.exit_code == 1
    assert "exists and is not a run folder" in done.output
