"""verl 0.9.1 and OpenRLHF 0.11.2 take what `cotkit train rl --engine` writes: their own configuration, loaders and arithmetic."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("verl")
from cotkit.pipelines.training import prepare
from cotkit.schemas.training import RlTrainConfig
from cotkit.verifiers.rewards import cosine_reward, multi_discount_returns, repetition_penalty

HERE = Path(__file__).parent
CONFIGS = Path(sys.prefix) / "verl"
REWARD = {"repetition": {"ngram": 2}, "cosine": {"margin": 0}}
SMALL = {"batch_size": 8, "prompts_per_rollout": 4, "max_completion_tokens": 256, "epochs": 1, "reward": REWARD}


def settings(engine: str, **changes: Any) -> RlTrainConfig:
    return RlTrainConfig.model_validate(SMALL | {"engine": engine, **changes})


def read(script: str, *words: Any) -> Any:
    """Run a trainer's own code in a process of its own, and give what it says of itself in its last line."""
    path = os.pathsep.join([str(CONFIGS), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, str(HERE / script), *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ | {"PYTHONPATH": path})
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def responses(answered: Any, tmp_path: Path) -> Path:
    """Write right and wrong responses, each with its end token."""
    file = tmp_path / "responses.json"
    file.write_text(json.dumps([[f"{text}<|im_end|>" for text in texts] for texts, _ in answered]))
    return file


def paid(texts: list[str], outcome: Any, config: RlTrainConfig, tokenizer: Any) -> list[float]:
    lengths = [len(tokenizer.encode(f"{text}<|im_end|>")) for text in texts]
    return cosine_reward([outcome] * len(texts), lengths, config.reward.cosine).tolist()


def test_verl_takes_the_configuration_the_rows_and_the_reward(
    rl: Any, student: Path, tokenizer: Any, responses: Path, answered: Any, tmp_path: Path
) -> None:
    if not CONFIGS.is_dir():
        pytest.skip("hydra is not there: `make test-trainers` installs it")
    configs = [settings("verl", algorithm=algorithm) for algorithm in ("ppo", "grpo")]
    export = rl("trl").path
    folders = [prepare(export, str(student), tmp_path / str(config.method), config).out for config in configs]
    for config, told in zip(configs, read("read_verl.py", student, responses, *folders), strict=True):
        ppo = config.method == "ppo"
        assert told["unknown"] == []
        assert (told["rows"], told["critic"], told["reference"]) == (4, ppo, True)
        given = told["settings"]
        assert given["algorithm"]["adv_estimator"] == ("gae" if ppo else "cotkit_grpo")
        assert given["actor_rollout_ref"]["actor"]["use_kl_loss"] is not ppo
        assert given["algorithm"]["use_kl_in_reward"] is ppo
        assert (given["data"]["train_batch_size"], given["actor_rollout_ref"]["actor"]["ppo_mini_batch_size"]) == (4, 2)
        for (texts, right), judged in zip(answered, told["judged"], strict=True):
            expected = paid(texts, "correct" if right else "wrong", config, tokenizer)
            assert [one["reward_score"] for one in judged] == pytest.approx(expected)
            assert [one["reward_extra_info"]["acc"] for one in judged] == [right] * 4
        rewards_per_token_are_the_papers(told["tokens"], config)


def rewards_per_token_are_the_papers(shown: dict[str, Any], config: RlTrainConfig) -> None:
    """Hold verl's own returns and advantages of what the agent loop pays against two channels with discounts of their own."""
    channels = np.zeros((1, len(shown["ids"]), 2))
    channels[0, -1, 0] = 1.5
    channels[0, :, 1] = repetition_penalty([shown["ids"]], config.reward.repetition)[0]
    assert channels[0, :, 1].any()
    (returns,) = multi_discount_returns(channels, [1.0, 0.99])
    assert shown["returns"] == pytest.approx(returns.tolist(), abs=1e-5)
    assert sum(shown["mask"]) == len(shown["ids"])
    assert sum(shown["unjudged_mask"]) == 0
    # GRPO: less the group's mean return; who could not be judged is no part of the group and learns nothing
    first, second, unjudged = shown["advantages"]
    assert first == pytest.approx((returns - returns[0] / 2).tolist(), abs=1e-5)
    assert second == pytest.approx([-returns[0] / 2] * len(second), abs=1e-5)
    assert not any(unjudged)


@pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
def test_openrlhf_takes_the_arguments_the_rows_and_the_reward(
    rl: Any, student: Path, tokenizer: Any, responses: Path, answered: Any, tmp_path: Path, algorithm: str
) -> None:
    pytest.importorskip("openrlhf")
    config = settings("openrlhf", algorithm=algorithm, lora={"rank": 8}, cluster={"gpus_per_node": 4})
    prepared = prepare(rl("trl").path, str(student), tmp_path / "out", config)
    told = read("read_openrlhf.py", student, responses, *prepared.command[3:])
    given = told["arguments"]
    ppo = algorithm == "ppo"
    assert given["algo"]["advantage"]["estimator"] == ("gae" if ppo else "group_norm")
    assert (given["critic"]["model_name_or_path"] is not None, given["algo"]["kl"]["use_loss"]) == (ppo, not ppo)
    assert (given["rollout"]["batch_size"], given["rollout"]["n_samples_per_prompt"], given["train"]["batch_size"]) == (4, 4, 8)
    assert (given["data"]["max_len"], given["rollout"]["max_new_tokens"]) == (2048 + 256, 256)
    assert (given["actor"]["adam"]["lr"], given["critic"]["adam"]["lr"], given["ds"]["lora"]["rank"]) == (5e-7, 9e-6, 8)
    for (texts, right), judged in zip(answered, told["rewarded"], strict=True):
        outcome = "correct" if right else "wrong"
        tokens = [tokenizer.encode(f"{text}<|im_end|>") for text in texts]
        repeated = repetition_penalty(tokens, config.reward.repetition).sum(axis=1)
        assert [one["reward"] for one in judged] == pytest.approx((paid(texts, outcome, config, tokenizer) + repeated).tolist())
        assert [(one["scores"], one["extra_logs"]["judged"]) for one in judged] == [(right, 1.0)] * 4
