"""torchtune 0.6.1's own `chat_dataset` and Qwen 2.5 tokenizer read the export and train on each row's turn, reasoning and end."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

TORCHAO = ("torchao", "torchao.dtypes", "torchao.dtypes.nf4tensor", "torchao.quantization", "torchao.quantization.qat")
pytest.importorskip("torch")
if importlib.util.find_spec("torchtune") is None:
    pytest.skip("torchtune is not installed here: see tests/trainers/readers.txt", allow_module_level=True)
with pytest.MonkeyPatch.context() as patched:
    # it imports quantized weights as it is imported, and its pin of torchao would break peft
    for name in TORCHAO:
        patched.setitem(sys.modules, name, MagicMock())
    import torchtune.datasets
    import torchtune.models.qwen2_5  # noqa: F401


def bytes_alone(folder: Path, max_seq_len: int | None) -> Any:
    """Make torchtune's tokenizer of Qwen 2.5 with a token for each byte."""
    from tokenizers import pre_tokenizers
    from torchtune.models.qwen2_5 import qwen2_5_tokenizer

    vocabulary = {letter: number for number, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return qwen2_5_tokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), max_seq_len=max_seq_len)


@pytest.mark.parametrize(("max_seq_len", "end"), [(None, "<|im_end|>"), (2048, "")], ids=["as launched", "with a length"])
def test_every_row_is_read_and_its_reasoning_trained_once(
    sft: Any, tmp_path: Path, answered: Any, max_seq_len: int | None, end: str
) -> None:
    """With a maximum length torchtune 0.6.1 takes the loss off the last token, the end of the turn: the launch line sets none."""
    from torchtune.datasets import chat_dataset

    exported = sft("torchtune")
    named = {"conversation_column": "messages", "conversation_style": "openai"}
    files = sorted(map(str, exported.path.glob("*.parquet")))
    tokenizer = bytes_alone(tmp_path, max_seq_len)
    rows = chat_dataset(tokenizer, source="parquet", data_files=files, **named)
    assert len(rows) == 4
    for place, row in enumerate(rows):
        text = tokenizer.decode([label for label in row["labels"] if label != -100])
        assert text == f"<|im_start|>assistant\n<think>\nThought {place}.0.\n</think>\n\n{answered[0][0][place]}{end}"
    assert "tokenizer.max_seq_len=null" in (exported.path / "launch.sh").read_text()
