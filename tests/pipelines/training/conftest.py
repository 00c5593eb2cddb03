"""A prompt set as `cotkit export rl --format trl` writes it, and a model's folder with a chat template and byte-level tokens."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.export.rl_formats import schema_of
from cotkit.schemas.recipe import RlExportConfig

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def row(answer: str, kind: str = "math") -> dict:
    about = {"problem_id": f"p{answer}", "kind": kind, "options": [], "pass_rate": 0.5, "judged": 2, "samples": 2}
    prompt = [{"role": "user", "content": f"What is {answer}?"}]
    return {"prompt": prompt, "solution": f"${answer}$", "answer": answer, **about, "learnability": 0.25, "source": None}


def write_export(folder: Path) -> Path:
    """Write a prompt set of eight problems, the gold answers 0 to 7."""
    folder.mkdir(parents=True)
    rows = pl.DataFrame([row(str(number)) for number in range(8)], schema=schema_of("trl", RlExportConfig()))
    rows.write_parquet(folder / "train-00000-of-00001.parquet")
    return folder


@pytest.fixture
def export(tmp_path: Path) -> Path:
    return write_export(tmp_path / "elsewhere/rl-trl")


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Make a model's folder without weights."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    folder = tmp_path / "model"
    folder.mkdir()
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(vocab={letter: number for number, letter in enumerate(letters)}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"chat_template": TEMPLATE, "eos_token": "<|im_end|>"}))
    return folder
