"""TRL 1.16's GRPOTrainer takes a step on an exported prompt set, rewarded by the module beside it."""

import importlib
from typing import Any

import pytest

pytest.importorskip("accelerate")
pytest.importorskip("trl")


def test_grpo_takes_a_step_and_the_reward_module_is_given_the_rows_own_columns(
    rl: Any, reward_module: Any, student: Any, tmp_path: Any
) -> None:
    from datasets import load_dataset
    from trl import GRPOConfig, GRPOTrainer

    exported = rl("trl")
    module = reward_module(exported)
    seen: list[tuple[dict[str, Any], list[float | None]]] = []

    def correctness(**given: Any) -> list[float | None]:
        seen.append((given, module.correctness(**given)))
        return seen[-1][1]

    # the whole folder, with the module and the launch line in it, as `trl grpo --dataset_name` reads it
    dataset = load_dataset(str(exported.path), cache_dir=str(tmp_path / "cache"))["train"]
    settings = {"max_steps": 1, "per_device_train_batch_size": 4, "num_generations": 2, "max_completion_length": 8, "logging_steps": 1}
    quiet = {"use_cpu": True, "bf16": False, "report_to": [], "save_strategy": "no", "output_dir": str(tmp_path / "out")}
    trainer = GRPOTrainer(model=str(student), reward_funcs=correctness, args=GRPOConfig(**settings, **quiet), train_dataset=dataset)
    trainer.train()
    assert trainer.state.global_step == 1
    (log,) = [entry for entry in trainer.state.log_history if "rewards/correctness/mean" in entry]
    assert log["rewards/correctness/mean"] == 0.0  # random letters
    ((given, rewards),) = seen
    assert len(rewards) == len(given["completions"]) == 4
    rows = {row["problem_id"]: row for row in dataset}
    for prompt, answer, kind, options, key in zip(
        *(given[name] for name in ("prompts", "answer", "kind", "options", "problem_id")), strict=True
    ):
        row = rows[key]
        assert (prompt, answer, kind, options) == (row["prompt"], row["answer"], row["kind"], row["options"])


def test_the_reward_is_right_about_each_row(rl: Any, reward_module: Any, answered: Any) -> None:
    import polars as pl

    exported = rl("trl")
    rows = pl.read_parquet(exported.path / "*.parquet")
    columns = {name: rows[name].to_list() for name in ("answer", "kind", "options", "solution", "pass_rate")}
    for texts, reward in answered:
        chats = [[{"role": "assistant", "content": text}] for text in texts]
        assert reward_module(exported).correctness(completions=chats, prompts=["?"] * 4, **columns) == [reward] * 4


def test_trls_own_accuracy_reward_reads_the_solution(rl: Any) -> None:
    import polars as pl

    rewards = importlib.import_module("trl.rewards")
    rows = pl.read_parquet(rl("trl").path / "*.parquet")
    chats = [[{"role": "assistant", "content": f"So \\boxed{{{row['answer']}}}."}] for row in rows.rows(named=True)]
    assert rewards.accuracy_reward(completions=chats[:2], solution=rows["solution"].to_list()[:2]) == [1.0, 1.0]
