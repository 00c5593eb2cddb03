"""OpenRLHF 0.11.2's own dataset classes read the exports, and its own executor takes the reward module."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("openrlhf")


def strategy(**data: Any) -> Any:
    return SimpleNamespace(args=SimpleNamespace(data=SimpleNamespace(**data)), is_rank_0=lambda: False, print=lambda *_: None)


def loaded(exported: Any) -> Any:
    from openrlhf.datasets.utils import blending_datasets

    return blending_datasets(str(exported.path), None, strategy())


def prompt_dataset(exported: Any, tokenizer: Any) -> Any:
    from openrlhf.datasets import PromptDataset

    words = (exported.path / "launch.sh").read_text().split()
    keys = {name.removeprefix("--data."): words[words.index(name) + 1] for name in ("--data.input_key", "--data.label_key")}
    return PromptDataset(loaded(exported), tokenizer, strategy(apply_chat_template=True, **keys))


def test_the_prompt_set_is_read_whole(rl: Any, tokenizer: Any) -> None:
    dataset = prompt_dataset(rl("openrlhf"), tokenizer)
    assert len(dataset) == 4
    source, prompt, label, images = dataset[0]
    assert (source, images) == ("sums", None)
    assert prompt.startswith("<|im_start|>system\nThink first.<|im_end|>")
    assert prompt.endswith("<|im_start|>assistant\n")
    assert '"answer":"7"' in label


def test_the_reward_is_loaded_by_path_and_right_about_each_row(rl: Any, tokenizer: Any, answered: Any) -> None:
    from openrlhf.utils.agent import SingleTurnAgentExecutor

    exported = rl("openrlhf")
    executor = SingleTurnAgentExecutor(remote_rm_url=str(exported.path / "cotkit_reward.py"))
    for texts, reward in answered:
        for text, (_, prompt, label, _) in zip(texts, prompt_dataset(exported, tokenizer), strict=True):
            query = f"{prompt}<think>\nHm.\n</think>\n\n{text}<|im_end|>"
            (given,) = asyncio.run(executor._fetch_rewards_via_func([query], [prompt], [label]))
            assert given["rewards"].tolist() == given["scores"].tolist() == [reward]
            assert given["extra_logs"]["judged"].tolist() == [1.0]


def test_the_sft_set_is_read_and_its_responses_hold_the_reasoning_once(sft: Any, tokenizer: Any, answered: Any) -> None:
    from openrlhf.datasets import SFTDataset

    data = strategy(input_key="messages", output_key=None, apply_chat_template=True, tokenizer_chat_template=None)
    dataset = SFTDataset(loaded(sft("openrlhf")), tokenizer, 2048, data, num_processors=1)
    assert len(dataset) == 4
    for place, response in enumerate(dataset.responses):
        assert response.count(f"Thought {place}.0.") == 1
        assert answered[0][0][place] in response
