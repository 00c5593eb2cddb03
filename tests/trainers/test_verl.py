"""verl 0.9.1's own dataset classes read the exports, and its own loader takes the reward module."""

import asyncio
from typing import Any

import pytest

pytest.importorskip("verl")
OmegaConf = pytest.importorskip("omegaconf").OmegaConf


def rlhf_dataset(exported: Any, tokenizer: Any, tmp_path: Any) -> Any:
    from verl.utils.dataset.rl_dataset import RLHFDataset

    lengths = dict(word.split("=") for word in (exported.path / "launch.sh").read_text().split() if word.startswith("data.max_"))
    # what the launch line says: one token per byte is more than any real tokenizer makes
    settings = {"max_prompt_length": 2 * int(lengths["data.max_prompt_length"]), "filter_overlong_prompts_workers": None}
    files = sorted(map(str, exported.path.glob("*.parquet")))
    return RLHFDataset(files, tokenizer, OmegaConf.create(settings | {"cache_dir": str(tmp_path)}))


def test_the_prompt_set_is_read_whole(rl: Any, tokenizer: Any, tmp_path: Any) -> None:
    dataset = rlhf_dataset(rl("verl"), tokenizer, tmp_path)
    assert len(dataset) == 4
    row = dataset[0]
    assert [turn["role"] for turn in row["raw_prompt"]] == ["system", "user"]
    assert (row["data_source"], row["reward_model"]["ground_truth"], row["index"]) == ("cotkit", "7", 0)


def custom_reward(exported: Any) -> Any:
    from verl.trainer.ppo.reward import get_custom_reward_fn

    named = {"path": str(exported.path / "cotkit_reward.py"), "name": "compute_score"}
    return get_custom_reward_fn(OmegaConf.create({"reward": {"custom_reward_function": named}}))


def test_the_reward_is_loaded_by_path_and_right_about_each_row(rl: Any, tokenizer: Any, tmp_path: Any, answered: Any) -> None:
    exported = rl("verl")
    compute_score, dataset = custom_reward(exported), rlhf_dataset(exported, tokenizer, tmp_path)
    for texts, reward in answered:
        for text, row in zip(texts, dataset, strict=True):
            given = {"ground_truth": row["reward_model"]["ground_truth"], "extra_info": row["extra_info"]}
            scored = compute_score(data_source=row["data_source"], solution_str=text, **given)
            assert scored == {"score": reward, "acc": reward, "judged": 1.0}


def test_the_reward_manager_takes_it(rl: Any, tokenizer: Any, tmp_path: Any, answered: Any) -> None:
    import numpy as np
    import torch
    from verl import DataProto
    from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager

    exported = rl("verl")
    row = rlhf_dataset(exported, tokenizer, tmp_path)[0]
    responses = torch.tensor([tokenizer.encode(answered[0][0][0] + "<|im_end|>")])
    fields = {name: np.array([row[name]], dtype=object) for name in ("data_source", "reward_model", "extra_info")}
    data = DataProto.from_dict({"responses": responses, "attention_mask": torch.ones_like(responses)}, non_tensors=fields)

    async def scored() -> dict[str, Any]:
        manager = NaiveRewardManager(OmegaConf.create({}), tokenizer, custom_reward(exported))
        manager.loop = asyncio.get_running_loop()
        return await manager.run_single(data)

    assert asyncio.run(scored()) == {"reward_score": 1.0, "reward_extra_info": {"score": 1.0, "acc": 1.0, "judged": 1.0}}


def test_rows_of_another_source_go_to_verls_own_scorer(rl: Any) -> None:
    compute_score = custom_reward(rl("verl"))
    for text, reward in ((r"\boxed{7}", 1.0), (r"\boxed{8}", 0.0)):
        scored = compute_score(data_source="lighteval/MATH", solution_str=text, ground_truth="7", extra_info={})
        assert scored == {"score": reward, "acc": reward, "judged": 1.0}


def test_the_sft_set_is_read_and_trains_on_the_reasoning_once(sft: Any, tokenizer: Any, answered: Any) -> None:
    from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

    files = sorted(map(str, sft("verl").path.glob("*.parquet")))
    config = OmegaConf.create({"max_length": 2048, "messages_key": "messages", "ignore_input_ids_mismatch": True})
    dataset = MultiTurnSFTDataset(files, tokenizer, config)
    assert len(dataset) == 4
    for place, row in enumerate(dataset):
        trained = tokenizer.decode(row["input_ids"][row["loss_mask"].bool()])
        assert trained.count(f"Thought {place}.0.") == 1
        assert answered[0][0][place] in trained
        assert "Think first." not in trained
