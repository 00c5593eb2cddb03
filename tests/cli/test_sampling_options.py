"""What `cotkit sample` can be asked for beyond n samples of each problem."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from cotkit.cli.settings import engine_settings
from cotkit.schemas.errors import CotkitError


def cotkit(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "cotkit", *words], capture_output=True, text=True, timeout=120)


def test_until_correct_says_how_every_problem_ended(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    asked = cotkit("sample", "demo", "--teacher", "scripted:mixed", "--until-correct", "2", "--max-samples", "40", "-o", run, "--json")
    summary = json.loads(asked.stdout)
    assert sum(summary["settled"].values()) == 72
    assert summary["settled"]["enough_correct"] > 60
    assert "of 72 problems settled" in asked.stderr
    assert summary["done"] == pl.read_parquet(tmp_path / "run" / "samples" / "*.parquet").height < 72 * 40


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--max-samples", "9"], "max_samples goes with until_correct or give_up"),
        (["--until-correct", "9", "--max-samples", "8"], "until_correct 9 is above the 8 samples"),
        (["--give-up", "1.5"], "--give-up"),
        (["--engine", "tensor_parallel_size"], "not name=value"),
    ],
    ids=["max without a rule", "more correct than samples", "no probability", "no value"],
)
def test_settings_that_contradict_each_other_are_refused_before_anything_is_drawn(tmp_path: Path, words: list[str], said: str) -> None:
    asked = cotkit("sample", "demo", "--teacher", "scripted:mixed", "-o", str(tmp_path / "run"), *words)
    assert asked.returncode in (1, 2)
    assert said in asked.stderr
    assert not (tmp_path / "run").exists()


def test_a_larger_token_budget_needs_a_word_of_consent(tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    script = tmp_path / "script.jsonl"
    script.write_text('{"response": "\\\\boxed{{answer}}"}\n{"response": "and so on", "finish_reason": "length"}\n')
    cotkit("sample", "demo", "--teacher", f"scripted:{script}", "-n", "2", "--max-tokens", "100", "-o", run)
    refused = cotkit("sample", run, "--max-tokens", "200")
    assert refused.returncode == 1
    assert "continue-truncated" in refused.stderr
    done = json.loads(cotkit("sample", run, "--max-tokens", "200", "--continue-truncated", "--json").stdout)
    assert 0 < done["new"] < 144
    assert done["done"] == done["total"] == 144


@pytest.mark.parametrize("word", ["x", "=3", ""])
def test_an_engine_argument_needs_a_name_and_a_value(word: str) -> None:
    with pytest.raises(CotkitError, match="not name=value"):
        engine_settings([word])


def test_the_parts_of_a_job_array_merge_into_the_whole_run(tmp_path: Path) -> None:
    parts = [str(tmp_path / f"part-{i}") for i in range(3)]
    for i, part in enumerate(parts):
        cotkit("sample", "demo", "--teacher", "scripted:mixed", "-n", "2", "--shard", f"{i}/3", "-o", part)
    merged = json.loads(cotkit("merge", *parts, "-o", str(tmp_path / "all"), "--json").stdout)
    assert (merged["problems"], merged["samples"], merged["doubles"]) == (72, 144, 0)
    cotkit("sample", "demo", "--teacher", "scripted:mixed", "-n", "2", "-o", str(tmp_path / "whole"))
    ids = [sorted(pl.read_parquet(tmp_path / run / "samples" / "*.parquet")["sample_id"]) for run in ("all", "whole")]
    assert ids[0] == ids[1]
