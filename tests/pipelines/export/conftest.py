"""Students of the export tests: TRL's shipped chat templates, and a small model folder with a tokenizer that counts."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path

import pytest

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def trl_templates() -> list[Path]:
    """Find the chat templates that trl ships, without importing it; none where it is not installed."""
    found = importlib.util.find_spec("trl")
    folders = list(found.submodule_search_locations or []) if found else []
    return sorted(path for folder in folders for path in (Path(folder) / "chat_templates").glob("*.jinja"))


@pytest.fixture
def template_file() -> Callable[[str], str]:
    """Give a function from a template's name to its file; `make setup` installs them."""
    files = {path.stem: str(path) for path in trl_templates()}
    return lambda name: files[name]


@pytest.fixture
def model_folder(tmp_path: Path, template_file: Callable[[str], str]) -> Path:
    """Make a model folder: byte-level tokens, the control tokens of Qwen, and the template of Qwen 2.5."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    folder = tmp_path / "student"
    folder.mkdir()
    tokenizer = Tokenizer(models.BPE(vocab={letter: n for n, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken("<tool_call>", special=False), AddedToken("<b>", special=False)])
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"eos_token": "<|im_end|>", "pad_token": "<|endoftext|>", "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    (folder / "chat_template.jinja").write_text(Path(template_file("qwen2_5")).read_text(encoding="utf-8"), encoding="utf-8")
    return folder
