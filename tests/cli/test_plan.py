"""`cotkit plan` on the command line: a table or JSON on stdout, exit code 1 when a check fails, nothing paid for in a dry run."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

MODES = ["n = 4", "n = 8", "n = 16", "n = 32", "n = 64", "n = 256", "until 4 correct of at most 64"]


def cotkit(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "cotkit", *words], capture_output=True, text=True, timeout=120)


def test_a_pilot_gives_a_row_for_each_way_to_sample(tmp_path: Path) -> None:
    pilot = tmp_path / "pilot"
    words = ["plan", "demo", "--teacher", "scripted:mixed", "--pilot-problems", "20", "-o", str(pilot)]
    asked = cotkit(*words, "--gpus", "2", "--price-per-gpu-hour", "3", "--json")
    assert asked.returncode == 0, asked.stderr
    summary = json.loads(asked.stdout)
    assert [row["mode"] for row in summary["forecasts"]] == MODES
    assert summary["own"] == "n = 8"
    assert summary["problems"] == 56
    assert {check["name"]: check["ok"] for check in summary["checks"]} == dict.fromkeys(
        ("gold answers", "prompts", "teacher", "disk"), True
    )
    for row in summary["forecasts"]:
        for name in ("tokens", "correct", "kept", "solved", "disk_bytes", "seconds", "gpu_hours", "cost", "tokens_per_kept"):
            assert row[name]["low"] <= row[name]["expected"] <= row[name]["high"], (row["mode"], name)
    assert pl.read_parquet(pilot / "samples" / "*.parquet").height == 80
    shown = cotkit(*words)
    assert [mode in shown.stdout for mode in MODES] == [True] * len(MODES)
    assert "n = 8 *" in shown.stdout
    assert "Put the final answer in \\boxed{}." in shown.stdout
    assert "neither start nor tail" in shown.stdout


def test_a_dry_run_says_what_it_assumes_and_writes_nothing(tmp_path: Path) -> None:
    lengths = tmp_path / "lengths.txt"
    lengths.write_text("\n".join(map(str, range(500, 4000, 7))))
    words = ["plan", "long_cot_math", "--problems", "demo", "--dry-run", "--token-lengths", str(lengths), "--pass-rate", "0.8,0.2"]
    asked = cotkit(*words, "-o", str(tmp_path / "pilot"))
    assert asked.returncode == 0, asked.stderr
    assert "the spread of 500 given lengths" in asked.stdout
    assert "Beta(0.8, 0.2)" in asked.stdout
    assert "no times" in asked.stdout
    assert "wall clock" not in asked.stdout
    assert "long_cot_math" not in asked.stdout
    assert not (tmp_path / "pilot").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["demo"], "add -o PILOT"),
        (["demo", "--dry-run", "--pass-rate", "2"], "no pass rate"),
        (["demo", "--dry-run"], "not below max_tokens"),
        (["nothing", "--dry-run"], "no such recipe"),
    ],
    ids=["no folder", "no pass rate", "default lengths above the token budget", "no recipe"],
)
def test_what_cannot_be_planned_is_an_error_with_a_hint(words: list[str], said: str) -> None:
    asked = cotkit("plan", *words)
    assert asked.returncode == 1
    assert said in asked.stderr
    assert "Traceback" not in asked.stderr


def test_a_check_that_fails_is_exit_code_1_and_nothing_is_drawn(tmp_path: Path) -> None:
    asked = cotkit("plan", "demo", "--teacher", "openai:http://127.0.0.1:9/v1#m", "-o", str(tmp_path / "pilot"))
    assert asked.returncode == 1
    assert "fail  teacher" in asked.stdout
    assert "no pilot was drawn" in asked.stderr
    assert not (tmp_path / "pilot").exists()
