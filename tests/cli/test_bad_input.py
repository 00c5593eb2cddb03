"""Bad input is a clear error with a hint before anything is paid for, or a resume; never a traceback, never a lost sample."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from cotkit.cli import app
from cotkit.pipelines.run_folder import RunFolder
from typer.testing import CliRunner, Result

GOOD = [{"problem": f"What is {i} + 1?", "answer": str(i + 1)} for i in range(3)]
SCRIPT = [{"response": "\\boxed{{answer}}"}, {"response": "\\boxed{{wrong}}"}]


def cotkit(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def lines(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    return lines(tmp_path / "problems.jsonl", GOOD)


@pytest.fixture
def teacher(tmp_path: Path) -> str:
    return f"scripted:{lines(tmp_path / 'script.jsonl', SCRIPT)}"


def expect_error(result: Result, says: str, hint: str = "") -> None:
    assert result.exit_code == 1, result.output
    assert "error: " in result.stderr
    assert says in result.stderr
    assert f"hint: {hint}" in result.stderr
    assert "Traceback" not in result.output


def write_bad_file(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("p.jsonl", '{"question": "1+1?"}\n', "answer", id="missing column"),
        pytest.param("p.jsonl", "", "no rows", id="empty file"),
        pytest.param("p.csv", "", "no rows", id="empty CSV"),
        pytest.param("p.jsonl", '{"problem": "1+1?", "answer": "2"}\n{"problem": "1+', ":2", id="torn line"),
        pytest.param(
            "p.jsonl", '{"problem": "1+1?", "answer": "2"}\nnonsense\n{"problem": "a", "answer": "b"}\n', ":2", id="line of nonsense"
        ),
        pytest.param("p.parquet", "PAR1 torn", "p.parquet", id="torn Parquet"),
        pytest.param("p.xlsx", "x", "p.xlsx", id="unknown format"),
    ],
)
@pytest.mark.parametrize("command", ["import", "sample"])
def test_a_bad_problem_file_is_an_error_that_names_it(tmp_path: Path, command: str, name: str, content: str, says: str) -> None:
    path = write_bad_file(tmp_path / name, content)
    if command == "import":
        result = cotkit("problems", "import", path, "-o", tmp_path / "out.parquet")
    else:
        result = cotkit("sample", path, "-o", tmp_path / "run", "--teacher", "scripted:mixed")
    expect_error(result, says)
    assert str(tmp_path) in result.stderr
    assert not (tmp_path / "out.parquet").exists()
    assert not (tmp_path / "run").exists()


def test_a_missing_file_is_not_looked_for_on_the_hub(tmp_path: Path) -> None:
    expect_error(cotkit("problems", "import", tmp_path / "none.jsonl"), "no such file")


def test_a_problem_that_is_there_twice_is_left_out_and_said(tmp_path: Path, teacher: str) -> None:
    path = lines(tmp_path / "p.jsonl", [*GOOD, GOOD[0]])
    result = cotkit("problems", "import", path, "-o", tmp_path / "p.parquet", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["problems"] == 3
    assert "note: 1 double" in result.stderr


def test_a_problem_set_with_a_problem_twice_is_an_error(tmp_path: Path, problems: Path, teacher: str) -> None:
    cotkit("problems", "import", problems, "-o", tmp_path / "p.parquet")
    frame = pl.read_parquet(tmp_path / "p.parquet")
    pl.concat([frame, frame.head(1)]).write_parquet(tmp_path / "twice.parquet")
    expect_error(cotkit("sample", tmp_path / "twice.parquet", "-o", tmp_path / "run", "--teacher", teacher), "is there 2 times")


def test_a_row_without_an_answer_is_left_out_with_its_reason(tmp_path: Path) -> None:
    path = lines(tmp_path / "p.jsonl", [*GOOD, {"problem": "What is it?", "answer": ""}])
    result = cotkit("problems", "import", path, "-o", tmp_path / "p.parquet")
    assert result.exit_code == 0
    assert "1 rows are left out" in result.stderr
    (row,) = [json.loads(line) for line in (tmp_path / "p.rejected.jsonl").read_text().splitlines()]
    assert row["row"] == 4
    assert row["reason"]


def test_an_unknown_recipe_key_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text("[sample]\nn = 2\ntempratur = 1\n")
    expect_error(cotkit("run", tmp_path / "r.toml", "-o", tmp_path / "run"), "r.toml:3: unknown key", "did you mean 'temperature'?")


def test_an_unknown_recipe_names_those_that_ship(tmp_path: Path) -> None:
    expect_error(cotkit("run", "long_cot_maths", "-o", tmp_path / "run"), "no such recipe", "name a TOML file, or one that ships: demo")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--teacher", "openai:http://127.0.0.1:9/v1#m"], "no server answers"),
        (["--teacher", "embedded:/nowhere/model.gguf"], "no such file"),
        (["--teacher", "oracle"], "unknown teacher"),
        (["--teacher", "scripted:/nowhere.jsonl"], "no such script"),
        (["-n", "0"], "--n: "),
        (["--top-p", "1.5"], "--top-p: "),
        (["--prompt-template", "no place for it"], "prompt_template must contain {prompt}"),
    ],
    ids=str,
)
def test_a_bad_setting_is_an_error_before_anything_is_sampled(tmp_path: Path, problems: Path, options: list[str], says: str) -> None:
    expect_error(cotkit("sample", problems, "-o", tmp_path / "run", *options), says)
    assert not list(tmp_path.glob("run/samples/*.parquet"))


def test_a_run_with_other_settings_is_an_error_and_keeps_its_samples(tmp_path: Path, problems: Path, teacher: str) -> None:
    run = tmp_path / "run"
    assert cotkit("sample", problems, "-o", run, "--teacher", teacher, "-n", 2).exit_code == 0
    expect_error(cotkit("sample", problems, "-o", run, "--teacher", teacher, "-n", 2, "--temperature", 0.1), "temperature 1.0 → 0.1")
    more = cotkit("sample", problems, "-o", run, "--teacher", teacher, "-n", 2, "--temperature", 0.1, "--resume", "always", "--json")
    assert json.loads(more.stdout)["new"] == 6
    assert len(RunFolder.open(run).sample_ids()) == 12
    expect_error(cotkit("sample", problems, "-o", run, "--teacher", teacher, "--resume", "never"), "the run exists")


def test_other_problems_in_the_same_folder_are_an_error(tmp_path: Path, problems: Path, teacher: str) -> None:
    cotkit("sample", problems, "-o", tmp_path / "run", "--teacher", teacher)
    other = lines(tmp_path / "other.jsonl", [{"problem": "What else?", "answer": "9"}])
    expect_error(cotkit("sample", other, "-o", tmp_path / "run", "--teacher", teacher), "made from other problems")


def test_a_folder_with_other_files_is_not_touched(tmp_path: Path, problems: Path, teacher: str) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").touch()
    expect_error(cotkit("sample", problems, "-o", tmp_path / "thesis", "--teacher", teacher), "not a run folder")
    assert [path.name for path in (tmp_path / "thesis").iterdir()] == ["chapter.tex"]


@pytest.mark.parametrize("command", ["verify", "tag", "curate", "report"])
def test_a_step_on_what_is_no_run_is_an_error(tmp_path: Path, command: str) -> None:
    expect_error(cotkit(command, tmp_path), "not a run folder")


@pytest.mark.parametrize(("command", "missing"), [("curate", "verify"), ("export", "curate")])
def test_a_step_too_early_names_the_one_to_run_first(tmp_path: Path, command: str, missing: str, problems: Path, teacher: str) -> None:
    run = tmp_path / "run"
    cotkit("sample", problems, "-o", run, "--teacher", teacher)
    for path in run.glob("verdicts/*.parquet"):
        path.unlink()
    expect_error(cotkit(command, run), "yet", f"run `cotkit {missing}")


def test_an_existing_problem_set_is_not_replaced_silently(tmp_path: Path, problems: Path) -> None:
    out = tmp_path / "p.parquet"
    cotkit("problems", "import", problems, "-o", out)
    expect_error(cotkit("problems", "import", problems, "-o", out), "exists", "choose another name")
    assert cotkit("problems", "import", problems, "-o", out, "--force").exit_code == 0


def test_a_full_disk_while_sampling_is_an_error_and_the_run_goes_on_later(tmp_path: Path, problems: Path) -> None:
    script = lines(tmp_path / "long.jsonl", [{"response": "word " * 20000 + "\\boxed{{answer}}"}])
    command = [sys.executable, "-m", "cotkit", "sample", str(problems), "-o", str(tmp_path / "run"), "--teacher", f"scripted:{script}"]
    limited = f"""
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, -1))
sys.argv = {command[2:]!r}
runpy.run_module("cotkit", run_name="__main__")
"""
    full = subprocess.run([sys.executable, "-c", limited], capture_output=True, text=True, check=False)
    assert full.returncode == 1, full.stderr
    assert "error: " in full.stderr
    assert "run the same command again" in full.stderr
    assert "Traceback" not in full.stderr
    kept = len(RunFolder.open(tmp_path / "run").sample_ids())
    assert 0 < kept < 24
    later = subprocess.run(command, capture_output=True, text=True, check=False)
    assert later.returncode == 0, later.stderr
    assert f"({24 - kept} new" in later.stderr


def test_a_wrong_word_is_a_usage_error() -> None:
    assert cotkit("sampel").exit_code == 2
    assert cotkit("sample", "--n").exit_code == 2
    assert cotkit("verify").exit_code == 2


def test_a_sample_nobody_knows_is_an_error(tmp_path: Path, problems: Path, teacher: str) -> None:
    cotkit("sample", problems, "-o", tmp_path / "run", "--teacher", teacher)
    expect_error(cotkit("why", "zzz", "--run", tmp_path / "run"), "no sample 'zzz'")
    expect_error(cotkit("why", "", "--run", tmp_path / "run"), "samples start with", "give more of the id")
