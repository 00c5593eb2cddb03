"""LLaMA-Factory 0.9.5's converter and Axolotl 0.19's chat template strategy read the SFT exports."""

import json
from types import SimpleNamespace
from typing import Any

import pytest


def test_llamafactory_finds_the_set_and_converts_every_row(sft: Any, answered: Any) -> None:
    pytest.importorskip("llamafactory")
    from datasets import load_dataset
    from llamafactory.data.converter import align_dataset
    from llamafactory.data.parser import get_dataset_list

    exported = sft("llamafactory")
    (name,) = json.loads((exported.path / "dataset_info.json").read_text())
    (attributes,) = get_dataset_list([name], str(exported.path))
    rows = load_dataset("json", data_files=str(exported.path / attributes.dataset_name), split="train")
    settings = SimpleNamespace(streaming=False, preprocessing_num_workers=None, overwrite_cache=True, media_dir=None)
    converted = align_dataset(rows, attributes, settings, SimpleNamespace(local_process_index=0))  # pyright: ignore[reportArgumentType]
    assert len(converted) == 4
    for place, row in enumerate(converted):
        assert [turn["role"] for turn in row["_prompt"]] == ["user"]
        assert row["_system"] == "Think first."
        (response,) = row["_response"]
        assert response["content"] == f"<think>\nThought {place}.0.\n</think>\n\n{answered[0][0][place]}"


def test_axolotl_tokenizes_every_row_and_trains_on_the_reasoning_once(sft: Any, tokenizer: Any, answered: Any) -> None:
    pytest.importorskip("axolotl")
    import polars as pl
    import yaml
    from axolotl.prompt_strategies.chat_template import load
    from axolotl.utils.dict import DictDefault

    exported = sft("axolotl")
    (section,) = yaml.safe_load((exported.path / "sft.yaml").read_text())["datasets"]
    strategy = load(tokenizer, DictDefault({"sequence_len": 2048, "train_on_inputs": False}), DictDefault(section))
    rows = pl.read_parquet(exported.path / "*.parquet").rows(named=True)
    for place, row in enumerate(rows):
        made = strategy.tokenize_prompt(row)
        trained = tokenizer.decode([token for token in made["labels"] if token != -100])
        assert trained.count(f"Thought {place}.0.") == 1
        assert answered[0][0][place] in trained
        assert "Think first." not in trained
