"""`cotkit train`: adapters and RoPE scaling reach the model, RL killed in between ends as RL that was not, and what is left is a recipe."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import tomli_w

pytest.importorskip("accelerate")
pytest.importorskip("trl")
from cotkit.schemas.recipe import load_recipe

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}


def command(*words: Any) -> list[str]:
    return [sys.executable, "-m", "cotkit", "train", *map(str, words)]


def train(*words: Any) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command(*words), capture_output=True, text=True, timeout=600, env=ENVIRONMENT)
    assert done.returncode == 0, done.stderr
    return done


def recipe_of(folder: Path, **sections: Any) -> Path:
    file = folder / "settings.toml"
    file.write_text(tomli_w.dumps(sections))
    return file


def test_adapters_and_a_scaled_rope_are_what_is_trained_and_the_run_keeps_it(sft: Any, student: Path, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    export = sft("trl").path
    settings = {"batch_size": 1, "max_steps": 1, "warmup": 0.0, "rope_theta_factor": 10.0, "lora": {"rank": 4, "alpha": 8}}
    train("sft", export, "--model", student, "--recipe", recipe_of(tmp_path, train_sft=settings))
    (out,) = (export.parent.parent / "training").iterdir()
    assert out.name.startswith("sft-student")
    adapters = json.loads((out / "model/adapter_config.json").read_text())
    assert (adapters["r"], adapters["lora_alpha"]) == (4, 8)
    assert not (out / "model/model.safetensors").exists()
    kept = load_recipe(out / "recipe.toml").train_sft
    assert kept.lora is not None
    assert (kept.lora.rank, kept.rope_theta_factor, kept.max_steps) == (4, 10.0, 1)


def test_a_scaled_rope_is_the_trained_models(sft: Any, student: Path, tmp_path: Path) -> None:
    settings = {"batch_size": 1, "max_steps": 1, "warmup": 0.0, "rope_theta_factor": 10.0}
    train("sft", sft("trl").path, "--model", student, "--recipe", recipe_of(tmp_path, train_sft=settings), "-o", tmp_path / "out")
    thetas = [
        json.loads((folder / "config.json").read_text())["rope_parameters"]["rope_theta"] for folder in (student, tmp_path / "out/model")
    ]
    assert thetas[1] == 10 * thetas[0]


def test_a_killed_rl_ends_as_one_that_was_not(rl: Any, student: Path, tmp_path: Path) -> None:
    reward = {"parts": ["cosine", "repetition"], "repetition": {"ngram": 2}, "cosine": {"margin": 0}}
    sizes = {"batch_size": 4, "micro_batch_size": 4, "samples_per_prompt": 2, "max_completion_tokens": 24, "save_steps": 2, "warmup": 0.0}
    recipe = recipe_of(tmp_path, train_rl={"learning_rate": 1e-3, "max_steps": 6, "reward": reward, **sizes})
    words = ("rl", rl("trl").path, "--model", student, "--recipe", recipe, "--json")
    train(*words, "-o", tmp_path / "whole")
    torn = tmp_path / "torn"
    child = subprocess.Popen(command(*words, "-o", torn), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    deadline = time.monotonic() + 500
    while not (torn / "checkpoint-2/trainer_state.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    said = json.loads(train(*words, "-o", torn).stdout)
    assert said["steps"] == 6
    assert said["resumed_from"] >= 2
    whole, resumed = (
        [json.loads(line) for line in (tmp_path / name / "curves.jsonl").read_text().splitlines()] for name in ("whole", "torn")
    )
    shown = ("step", "reward", "num_tokens", "completions/mean_length")
    assert [[line.get(name) for name in shown] for line in resumed] == [[line.get(name) for name in shown] for line in whole]
    assert (torn / "model/model.safetensors").read_bytes() == (tmp_path / "whole/model/model.safetensors").read_bytes()
