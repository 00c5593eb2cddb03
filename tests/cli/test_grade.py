import json
import subprocess
import sys
import time

import pytest
from cotkit.cli import app
from typer.testing import CliRunner


def cotkit(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.jsonl"
    lines = [{"answer": str(n % 3), "response": rf"so \boxed{{{n % 2}}}"} for n in range(10)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_file_is_graded_beside_its_own_columns(rows, tmp_path):
    out = tmp_path / "out.jsonl"
    result = cotkit("grade", rows, "-o", out, "--json")
    assert result.exit_code == 0, result.output
    graded = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["outcome"] for row in graded] == ["correct" if n % 3 == n % 2 else "wrong" for n in range(10)]
    assert [row["graded_answer"] for row in graded] == [str(n % 2) for n in range(10)]
    assert "ours is 'graded_answer'" in result.stderr
    summary = json.loads(result.stdout)
    assert (summary["rows"], summary["outcomes"], summary["columns"]) == (
        10,
        {"correct": 4, "wrong": 6},
        {"gold": "answer", "response": "response"},
    )


def test_lines_or_the_summary_go_to_stdout_never_both(rows):
    streamed = cotkit("grade", rows, "-o", "-", "--json")
    assert [set(json.loads(line)) >= {"answer", "outcome", "milliseconds"} for line in streamed.stdout.splitlines()] == [True] * 10
    assert cotkit("grade", rows).stdout == ""


def test_an_existing_file_is_replaced_only_with_force(rows, tmp_path):
    out = tmp_path / "out.jsonl"
    out.write_text("mine")
    result = cotkit("grade", rows, "-o", out)
    assert (result.exit_code, out.read_text()) == (1, "mine")
    assert "--force" in result.stderr
    assert cotkit("grade", rows, "-o", out, "--force").exit_code == 0
    assert out.read_text() != "mine"


def test_one_pair_prints_its_verdict_and_exits_0_whatever_it_is():
    right, wrong = (
        cotkit("grade", "--gold", "1/2", "--response", r"\boxed{0.5}"),
        cotkit("grade", "--gold", "1/2", "--response", "8", "--json"),
    )
    assert (right.exit_code, right.stdout.splitlines()[0]) == (0, "correct")
    assert (wrong.exit_code, json.loads(wrong.stdout)["outcome"]) == (0, "wrong")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["grade"], "nothing to grade"),
        (["grade", "--gold", "7"], "nothing to grade"),
        (["grade", "gone.jsonl"], "no such file"),
        (["grade", "--gold", "7", "--response", "7", "--kind", "maths"], "unknown kind 'maths'"),
        (["grade", "ROWS", "--kind", "maths"], "unknown kind 'maths'"),
        (["grade", "ROWS", "--gold", "gone"], "no column 'gone'"),
        (["grade", "ROWS", "--map", "gold"], "not OURS=THEIRS"),
        (["grade", "ROWS", "-o", "out.xls"], "cannot tell the format"),
    ],
)
def test_wrong_use_is_an_error_with_a_hint(rows, words, says):
    result = cotkit(*[rows if word == "ROWS" else word for word in words])
    assert result.exit_code == 1
    assert says in result.stderr
    assert "hint: " in result.stderr


def test_a_kind_is_a_column_or_one_for_all(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"gold": "B", "response": "(B) because", "sort": "choice"}\n')
    assert json.loads(cotkit("grade", path, "--kind", "sort", "--json").stdout)["outcomes"] == {"correct": 1}
    assert json.loads(cotkit("grade", path, "--kind", "choice", "--json").stdout)["outcomes"] == {"correct": 1}


@pytest.mark.alone
def test_ten_rows_take_less_than_a_second_and_import_nothing_heavy(rows):
    code = f"""
import sys
from cotkit.cli import app
try:
    app(["grade", {str(rows)!r}])
except SystemExit as exit:
    assert not exit.code
found = [name for name in ("sympy", "math_verify", "polars", "pyarrow", "datasets", "numpy") if name in sys.modules]
assert not found, found
"""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 1.0


def test_gold_answers_that_do_not_verify_themselves_are_listed_and_exit_1(tmp_path):
    path = tmp_path / "problems.jsonl"
    problems = [{"problem": "1+1?", "answer": "2"}, {"problem": "?", "answer": "\\frac{1}{"}, {"problem": "2+2?", "answer": "4"}]
    path.write_text("".join(json.dumps(row) + "\n" for row in problems))
    result = cotkit("verify", "--check-gold", path, "--json")
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert [failure["answer"] for failure in said["failures"]] == ["\\frac{1}{"]
    assert said["problems"] == 3
    assert "1 of 3 gold answers do not verify themselves" in result.stderr
    path.write_text(json.dumps(problems[0]) + "\n")
    good = cotkit("verify", "--check-gold", path)
    assert (good.exit_code, good.stdout) == (0, "")
