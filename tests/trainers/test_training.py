"""`cotkit train`: TRL really steps on exports, a killed training ends as an undisturbed one, and bad input costs no step."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("accelerate")
pytest.importorskip("trl")

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
SFT = ("--batch-size", "1", "--learning-rate", "1e-3")


def cotkit(*words: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "cotkit", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=ENVIRONMENT)


def steps(out: Path) -> list[int]:
    """Give the steps of the logged losses."""
    lines = [json.loads(line) for line in (out / "curves.jsonl").read_text().splitlines()]
    return [line["step"] for line in lines if "loss" in line]


def weights(out: Path) -> bytes:
    return (out / "model/model.safetensors").read_bytes()


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "recipe.toml"
    file.write_text(
        "[train_sft]\nsave_steps = 2\nwarmup = 0\n[train_rl]\nbatch_size = 8\nmicro_batch_size = 8\nsamples_per_prompt = 2\n"
        "max_completion_tokens = 48\nlearning_rate = 1e-3\nwarmup = 0\n[train_rl.reward]\nparts = ['cosine', 'repetition', 'format']\n"
        "repetition = { ngram = 4 }\ncosine = { margin = 0 }\n"
    )
    return file


def test_a_killed_sft_ends_as_one_that_was_not(sft: Any, student: Path, recipe: Path, tmp_path: Path) -> None:
    words = ["train", "sft", sft("trl").path, "--model", student, "--recipe", recipe, *SFT, "--max-steps", 7, "--json"]
    whole = cotkit(*words, "-o", tmp_path / "whole")
    assert whole.returncode == 0, whole.stderr
    assert json.loads(whole.stdout)["steps"] == 7
    assert steps(tmp_path / "whole") == list(range(1, 8))
    # killed as soon as a checkpoint stands
    torn = tmp_path / "torn"
    command = [sys.executable, "-m", "cotkit", *map(str, words), "-o", str(torn)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
    deadline = time.monotonic() + 200
    while not (torn / "checkpoint-2/trainer_state.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    again = cotkit(*words, "-o", torn)
    assert again.returncode == 0, again.stderr
    said = json.loads(again.stdout)
    assert said["steps"] == 7
    assert said["resumed_from"] >= 2
    assert steps(torn) == list(range(1, 8))
    assert weights(torn) == weights(tmp_path / "whole")
    assert weights(torn) != (student / "model.safetensors").read_bytes()
    # everything is done, in the middle of an epoch: nothing is trained again
    said = json.loads(cotkit(*words, "-o", torn).stdout)
    assert (said["steps"], said["resumed_from"], said["loss"]) == (7, 7, None)
    assert weights(torn) == weights(tmp_path / "whole")
    # other settings are another training
    other = cotkit("train", "sft", sft("trl").path, "--model", student, "-o", torn)
    assert other.returncode == 1
    assert "other settings" in other.stderr


def test_grpo_steps_with_rewards_per_token_and_logs_the_papers_curves(rl: Any, student: Path, recipe: Path, tmp_path: Path) -> None:
    words = ["train", "rl", rl("trl").path, "--model", student, "--recipe", recipe, "--max-steps", 2]
    done = cotkit(*words, "-o", tmp_path / "rl")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in (tmp_path / "rl/curves.jsonl").read_text().splitlines()]
    logged = [line for line in lines if "reward" in line]
    assert [line["step"] for line in logged] == [1, 2]
    shown = {"reward", "kl", "reward/cosine", "reward/repetition", "reward/format", "exceeded", "behaviour/wait", "behaviour/branching"}
    for line in logged:
        assert shown <= set(line)
        assert any(name.startswith("outcome/") for name in line)
        assert any(name.startswith("length/") for name in line)
    assert weights(tmp_path / "rl") != (student / "model.safetensors").read_bytes()


def test_rloo_steps(rl: Any, student: Path, recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(recipe.read_text().replace("'repetition', ", ""))
    words = ["train", "rl", rl("trl").path, "--model", student, "--recipe", recipe, "--max-steps", 1, "--algorithm", "rloo"]
    done = cotkit(*words, "-o", tmp_path / "rl")
    assert done.returncode == 0, done.stderr


def test_advantages_per_token_reach_the_loss(student: Path, tmp_path: Path) -> None:
    import torch
    import trl
    from cotkit.pipelines.training.multi_discount import multi_discount
    from cotkit.schemas.reward import RepetitionConfig, RewardConfig
    from datasets import Dataset

    config = RewardConfig(repetition=RepetitionConfig(ngram=1, penalty=-1.0))
    kind = multi_discount(trl.GRPOTrainer, config)
    assert multi_discount(trl.GRPOTrainer, RewardConfig(parts=["classic"])) is trl.GRPOTrainer
    rows = Dataset.from_list([{"prompt": "What?"}] * 4)
    settings = {"per_device_train_batch_size": 4, "num_generations": 2, "max_completion_length": 96, "scale_rewards": "none"}
    arguments = trl.GRPOConfig(output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to=[], save_strategy="no", **settings)
    trainer = kind(model=str(student), reward_funcs=lambda completions, **_: [0.0] * len(completions), args=arguments, train_dataset=rows)
    trainer.model.train()
    output = trainer._generate_and_score_completions([{"prompt": "What?"}] * 4)
    advantages, mask = output["advantages"], output["completion_mask"].bool()
    assert advantages.shape == output["completion_ids"].shape
    assert (advantages[~mask] == 0).all()
    assert (advantages[mask] <= 0).all()
    assert (advantages < 0).any()  # a token that came before is penalised, and so are those that led to it
    output["num_items_in_batch"] = torch.tensor(float(mask.sum()))
    trainer.current_gradient_accumulation_steps = 1
    assert torch.isfinite(trainer._compute_loss(trainer.model, output))


def test_what_cannot_be_trained_costs_no_step(sft: Any, rl: Any, student: Path, tmp_path: Path) -> None:
    import shutil

    export = sft("trl").path
    stripping = tmp_path / "stripping"
    shutil.copytree(student, stripping)
    settings = json.loads((stripping / "tokenizer_config.json").read_text())
    lost = "{% set content = message['content'].split('</think>')[-1] %}"
    text = "<|im_start|>' + message['role'] + '\\n' + content + '<|im_end|>\\n"
    loop = "{% for message in messages %}" + lost + "{{ '" + text + "' }}{% endfor %}"
    settings["chat_template"] = loop + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    (stripping / "tokenizer_config.json").write_text(json.dumps(settings))
    silent = tmp_path / "silent"
    shutil.copytree(student, silent)
    (silent / "tokenizer_config.json").write_text(json.dumps({name: value for name, value in settings.items() if name != "chat_template"}))
    for words, says in [
        (("sft", export, "--model", stripping), "fail their proof"),
        (("sft", export, "--model", silent), "chat template"),
        (("sft", tmp_path / "nothing", "--model", student), "no Parquet file"),
        (("sft", sft("messages").path, "--model", student), "no column"),
        (("rl", export, "--model", student), "no column solution"),
        (("rl", rl("trl").path, "--model", student), "do not fill one batch"),
        (("rl", rl("trl").path, "--model", silent, "--batch-size", "4"), "chat template"),
        (("rl", rl("trl").path, "--model", student, "--batch-size", "3"), "no multiple"),
        (("rl", rl("trl").path, "--model", student, "--algorithm", "ppo"), "algorithm"),
    ]:
        done = cotkit("train", *words, "-o", tmp_path / "out")
        assert done.returncode == 1, done.stderr
        assert says in done.stderr
        assert "Traceback" not in done.stderr
        assert not list(tmp_path.glob("out/checkpoint-*"))
