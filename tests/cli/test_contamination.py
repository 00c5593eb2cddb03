import json

import polars as pl
import pytest
from cotkit.cli import app
from typer.testing import CliRunner

QUESTION = "A baker sells 12 loaves in the morning and 30 in the afternoon. How many loaves does the baker sell in all?"


def cotkit(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture
def files(tmp_path):
    problems, benchmark = tmp_path / "problems.jsonl", tmp_path / "bench.jsonl"
    rows = [QUESTION.upper(), QUESTION.replace("12", "17"), "What is 2 + 2?"]
    problems.write_text("".join(json.dumps({"question": row}) + "\n" for row in rows))
    benchmark.write_text(json.dumps({"problem": "unlike"}) + "\n" + json.dumps({"problem": QUESTION}) + "\n")
    return problems, benchmark


def test_hits_are_counted_by_benchmark_and_matcher(files):
    problems, benchmark = files
    result = cotkit("contamination", problems, "--against", benchmark, "--against", "aime24", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "problems": 3,
        "contaminated": 2,
        "benchmarks": {
            "bench": {"rows": 2, "problems": 2, "exact": 1, "renumbered": 1, "ngram": 0},
            "aime24": {"rows": 30, "problems": 0, "exact": 0, "renumbered": 0, "ngram": 0},
        },
    }


def test_show_prints_each_pair_with_its_score(files):
    problems, benchmark = files
    lines = cotkit("contamination", problems, "--against", benchmark, "--show").stdout.splitlines()
    assert lines[:3] == ["row 1  bench row 2  exact 1.00", f"  problem:   {QUESTION.upper()}", f"  benchmark: {QUESTION}"]
    assert lines[4] == "row 2  bench row 2  renumbered 1.00"
    assert lines[-1] == "2 of 3 problems stand in a benchmark"


def test_hits_are_written_and_an_existing_file_is_replaced_only_with_force(files, tmp_path):
    problems, benchmark = files
    out = tmp_path / "hits.jsonl"
    words = ("contamination", problems, "--against", benchmark, "--matcher", "exact", "-o", out)
    assert cotkit(*words).exit_code == 0
    assert [(row["problem_id"], row["row"], row["matcher"], row["question"]) for row in pl.read_ndjson(out).iter_rows(named=True)] == [
        ("row 1", 2, "exact", QUESTION)
    ]
    refused = cotkit(*words)
    assert (refused.exit_code, "--force" in refused.stderr) == (1, True)
    assert cotkit(*words, "--force").exit_code == 0


def test_a_run_is_checked_by_its_problems_against_all_that_ship(make_run):
    run = make_run(problems=3, stages=())
    result = cotkit("contamination", run.path, "--json")
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert (summary["problems"], summary["contaminated"], len(summary["benchmarks"])) == (3, 0, 6)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--against", "math5000"], "no benchmark 'math5000'"),
        (["--against", "nowhere.jsonl"], "nowhere.jsonl: no such file"),
        (["--matcher", "fuzzy"], "choose one of: exact, renumbered, ngram"),
    ],
)
def test_what_is_wrong_is_named(files, words, says):
    result = cotkit("contamination", files[0], *words)
    assert result.exit_code == 1
    assert says in result.stderr


def test_a_benchmark_without_a_question_column_names_its_columns(files, tmp_path):
    path = tmp_path / "bench.csv"
    path.write_text("text,gold\nWhat is 2 + 2?,4\n")
    result = cotkit("contamination", files[0], "--against", path)
    assert result.exit_code == 1
    assert "columns: text, gold" in result.stderr
    assert "--column" in result.stderr
    found = cotkit("contamination", files[0], "--against", path, "--column", "text", "--json")
    assert json.loads(found.stdout)["contaminated"] == 1
