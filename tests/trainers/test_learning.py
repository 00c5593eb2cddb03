"""Training teaches: a model that was taught right and wrong answers alike gives the right ones after GRPO, by rule alone."""

import os
from pathlib import Path
from typing import Any

import pytest
from cotkit.pipelines.export import export_rl, export_sft
from cotkit.pipelines.training import train_rl, train_sft
from cotkit.pipelines.training.start import read_curves
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, RlExportConfig, SampleConfig, SftExportConfig
from cotkit.schemas.training import RlTrainConfig, SftTrainConfig

pytest.importorskip("accelerate")
pytest.importorskip("trl")
pytestmark = pytest.mark.slow

RECIPE = Recipe(name="sums", sample=SampleConfig(n=2, max_tokens=32, prompt_template="{prompt}", system_prompt="Add."))
SUMS = [Problem.make(f"{number}+1", str(number + 1), "number", source="sums") for number in range(1, 5)]
CPU: dict[str, Any] = {"device": "cpu", "gradient_checkpointing": False, "warmup": 0.0, "schedule": "constant", "batch_size": 8}


def mean(lines: list[dict[str, float]], name: str) -> float:
    return sum(line.get(name, 0.0) for line in lines) / len(lines)


def test_sft_teaches_what_stands_there_and_grpo_what_is_right(
    make_run: Any, student: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setitem(os.environ, "COTKIT_REWARD_WORKERS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    kept = {"kept": True, "reason": None, "splits": ["all"], "reasoning": None}
    samples = {
        (place, index): kept | {"response": rf"\boxed{{{place + 2 + index}}}", "outcome": "wrong" if index else "correct"}
        for place in range(len(SUMS))
        for index in range(2)
    }
    run = make_run(recipe=RECIPE, problems=SUMS, samples=samples)
    taught = SftTrainConfig(learning_rate=1e-2, epochs=80, micro_batch_size=8, **CPU)
    (rows,) = export_sft(run, SftExportConfig(formats=["trl"]))
    sft = train_sft(rows.path, str(student), tmp_path / "sft", taught)
    losses = [line["loss"] for line in read_curves(tmp_path / "sft") if "loss" in line]
    assert losses[0] > 3
    assert losses[-1] < 0.3  # all but the toss between the right figure and the wrong one
    (prompts,) = export_rl(run, RlExportConfig(formats=["trl"]))
    reward = {"parts": ["cosine", "repetition"], "cosine": {"margin": 0}, "repetition": {"ngram": 4}}
    sizes = {"samples_per_prompt": 8, "batch_size": 32, "micro_batch_size": 32, "max_completion_tokens": 16}
    learnt = RlTrainConfig.model_validate(CPU | sizes | {"learning_rate": 2e-3, "max_steps": 25, "kl": 0.0, "reward": reward})
    train_rl(prompts.path, str(sft.model), tmp_path / "rl", learnt)
    torch.set_num_threads(threads)
    steps = [line for line in read_curves(tmp_path / "rl") if "reward" in line]
    assert 0.2 < mean(steps[:2], "outcome/correct") < 0.8
    assert mean(steps[-5:], "outcome/correct") > 0.9
    assert mean(steps[-5:], "reward") > mean(steps[:2], "reward") + 1
