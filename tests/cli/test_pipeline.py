"""The commands, one after the other and all at once, on the scripted teacher."""

import json
from pathlib import Path

import polars as pl
import pytest
from cotkit.cli import app
from typer.testing import CliRunner, Result

RECIPE = """
name = "small"
[problems]
source = "{problems}"
[sample]
teacher = "scripted:{script}"
n = 6
[curate]
splits = [
    {{ name = "long", min_tokens = 8 }},
    {{ name = "short", max_tokens = 7, per_problem = 1, prefer = "shortest" }},
]
"""
SCRIPT = [
    {"response": "\\boxed{{answer}}", "reasoning": "Wait, let me double-check: it is one more. Alternatively, count on.", "weight": 2},
    {"response": "It is \\boxed{{answer}}."},
    {"response": "It is \\boxed{{wrong}}."},
    {"response": "On and on and", "finish_reason": "length"},
    {"response": ""},
]


def cotkit(*words: object) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    problems, script, recipe = tmp_path / "problems.jsonl", tmp_path / "script.jsonl", tmp_path / "small.toml"
    problems.write_text("".join(json.dumps({"question": f"What is {i} + 1?", "answer": f"#### {i + 1}"}) + "\n" for i in range(12)))
    script.write_text("".join(json.dumps(line) + "\n" for line in SCRIPT))
    recipe.write_text(RECIPE.format(problems=problems, script=script))
    return recipe


def test_a_recipe_runs_from_problems_to_report_and_counts_add_up(tmp_path: Path, recipe: Path) -> None:
    run = tmp_path / "run"
    summary = json.loads(cotkit("run", recipe, "-o", run, "--json").stdout)
    counts = {row["name"]: row["count"] for row in summary["funnel"]}
    outcomes = pl.read_parquet(run / "verdicts" / "*.parquet")["outcome"]
    decisions = pl.read_parquet(run / "decisions" / "*.parquet")
    assert counts["problems"] == 12
    assert counts["samples"] == 72 == len(outcomes) == decisions.height
    assert counts["correct"] == (outcomes == "correct").sum()
    assert {"correct", "wrong", "truncated", "no_answer"} <= set(outcomes)
    assert counts["kept"] == decisions["kept"].sum() > 0
    assert decisions.filter("kept")["reason"].null_count() == counts["kept"]
    assert decisions.filter(~pl.col("kept"))["reason"].null_count() == 0
    for split in ("long", "short"):
        rows = decisions.filter(pl.col("splits").list.contains(split)).height
        assert counts[f"sft-trl-{split}"] == counts[f"sft-messages-{split}"] == rows
    assert (run / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_running_a_recipe_again_changes_no_file_of_data(tmp_path: Path, recipe: Path) -> None:
    run = tmp_path / "run"
    cotkit("run", recipe, "-o", run)
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.parquet")}
    cotkit("run", recipe, "-o", run)
    assert {path: path.stat().st_mtime_ns for path in run.rglob("*.parquet")} == before


def test_step_by_step_gives_what_the_recipe_gives(tmp_path: Path, recipe: Path) -> None:
    whole, steps = tmp_path / "whole", tmp_path / "steps"
    cotkit("run", recipe, "-o", whole)
    cotkit("problems", "import", tmp_path / "problems.jsonl", "-o", tmp_path / "p.parquet")
    cotkit("sample", tmp_path / "p.parquet", "--recipe", recipe, "-o", steps)
    for step in ("verify", "tag"):
        cotkit(step, steps)
    cotkit("curate", steps, "--recipe", recipe)
    cotkit("export", steps)
    for stage in ("verdicts", "tags", "decisions", "exports/sft-trl-long", "exports/rl-verl"):
        ours, theirs = (pl.read_parquet(run / stage / "*.parquet") for run in (steps, whole))
        assert ours.equals(theirs), stage


def test_verdicts_made_while_sampling_are_fresh(tmp_path: Path, recipe: Path) -> None:
    cotkit("sample", tmp_path / "problems.jsonl", "--recipe", recipe, "-o", tmp_path / "run")
    assert json.loads(cotkit("verify", tmp_path / "run", "--json").stdout)["computed"] == 0
    assert json.loads(cotkit("verify", tmp_path / "run", "--deadline-seconds", 3, "--json").stdout)["computed"] == 1


def test_a_stricter_recipe_recomputes_decisions_and_keeps_samples(tmp_path: Path, recipe: Path) -> None:
    run, strict = tmp_path / "run", tmp_path / "strict.toml"
    cotkit("run", recipe, "-o", run)
    samples = (run / "samples" / "00000.parquet").stat().st_mtime_ns
    strict.write_text("[curate]\nmax_pass_rate = 0.5\n")
    counts = json.loads(cotkit("curate", run, "--recipe", strict, "--json").stdout)["counts"]
    assert counts["pass rate above 0.5"] > 0
    assert (run / "samples" / "00000.parquet").stat().st_mtime_ns == samples


@pytest.mark.parametrize("kept", [True, False], ids=["kept", "dropped"])
def test_why_tells_the_whole_life_of_a_sample(tmp_path: Path, recipe: Path, kept: bool) -> None:
    run = tmp_path / "run"
    cotkit("run", recipe, "-o", run)
    row = pl.read_parquet(run / "decisions" / "*.parquet").filter(pl.col("kept") == kept).row(0, named=True)
    told = cotkit("why", row["sample_id"][:10], "--run", run).stdout
    life = json.loads(cotkit("why", row["sample_id"], "--run", run, "--json").stdout)
    assert life["sample"]["sample_id"] == row["sample_id"]
    for word in ("scripted:", "seed", "parameters", life["verdict"]["outcome"], "decided_by", life["problem"]["prompt"]):
        assert word in told
    assert (f"yes, in {', '.join(row['splits'])}" if kept else row["reason"]) in told


def test_why_finds_the_run_here(tmp_path: Path, recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cotkit("run", recipe, "-o", tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    key = pl.read_parquet(tmp_path / "run" / "samples" / "*.parquet")["sample_id"][0]
    assert f"sample {key}" in cotkit("why", key).stdout


def test_a_sample_run_goes_on_by_the_folder_alone(tmp_path: Path, recipe: Path) -> None:
    run = tmp_path / "run"
    cotkit("run", recipe, "-o", run)
    summary = json.loads(cotkit("sample", run, "-n", 8, "--json").stdout)
    assert (summary["total"], summary["new"]) == (96, 24)


def test_imported_samples_are_verified_and_curated_like_drawn_ones(tmp_path: Path) -> None:
    rows = [
        {"problem": "What is 2 + 2?", "gold": "4", "raw": "<think>Two and two.</think>\\boxed{4}", "teacher": "t"},
        {"problem": "What is 2 + 2?", "gold": "4", "raw": "I say \\boxed{5}", "teacher": "t"},
    ]
    (tmp_path / "traces.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    run = tmp_path / "run"
    cotkit("samples", "import", tmp_path / "traces.jsonl", "-o", run)
    assert json.loads(cotkit("samples", "import", tmp_path / "traces.jsonl", "-o", run, "--json").stdout)["added"] == 0
    for step in ("verify", "tag", "curate", "export", "report"):
        cotkit(step, run)
    assert sorted(pl.read_parquet(run / "verdicts" / "*.parquet")["outcome"]) == ["correct", "wrong"]
    (completion,) = pl.read_parquet(run / "exports" / "sft-trl-all" / "*.parquet")["completion"].to_list()
    assert completion[0]["content"] == "<think>\nTwo and two.\n</think>\n\n\\boxed{4}"


def test_the_summary_is_data_on_stdout_and_the_rest_is_not(tmp_path: Path, recipe: Path) -> None:
    result = cotkit("run", recipe, "-o", tmp_path / "run")
    assert "problems" in result.stdout
    assert "small" in result.stderr
    assert "\x1b[" not in result.stdout
