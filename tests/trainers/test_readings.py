"""Each trainer's own code trains on the text that cotkit's reading of it says, template by template.

LLaMA-Factory needs the stand-ins beside this file: it imports far more than its data code uses.
"""

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

pytest.importorskip("trl")
from cotkit.pipelines.export.proof import Proof
from cotkit.pipelines.export.readings import Reader
from cotkit.pipelines.rendering import load_student
from cotkit.schemas.errors import CotkitError

TEMPLATES = ["qwen2_5", "qwen3", "llama3", "deepseek_r1_distill", "qwen3_training"]
MESSAGES = [
    {"role": "system", "content": "Think first."},
    {"role": "user", "content": "2+2?"},
    {"role": "assistant", "content": "<think>\nTwo and two.\n</think>\n\nFour."},
]


@pytest.fixture(params=TEMPLATES)
def model(request: Any, student: Path, tmp_path: Path) -> Path:
    """Copy the student with one of the templates."""
    import shutil

    import trl

    folder = shutil.copytree(student, tmp_path / "student")
    shutil.copy(Path(trl.__file__).parent / "chat_templates" / f"{request.param}.jinja", folder / "chat_template.jinja")
    tokenizer = tokenizer_of(folder)
    tokenizer.bos_token = "<|endoftext|>"
    tokenizer.add_tokens([load_student(str(folder / "chat_template.jinja")).end_of_turn().strip()], special_tokens=True)
    tokenizer.save_pretrained(folder)
    return folder


def tokenizer_of(model: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(model)


def read(model: Path, reading: str) -> str:
    """Give the text that cotkit says is trained."""
    found = Reader(load_student(str(model))).read(reading, MESSAGES)
    return "".join(found.text[start:end] for start, end in found.trained)


def test_openrlhf(model: Path) -> None:
    datasets = pytest.importorskip("datasets")
    sft = pytest.importorskip("openrlhf.datasets.sft_dataset")
    data = SimpleNamespace(input_key="messages", output_key=None, apply_chat_template=True, tokenizer_chat_template=None)
    rows = datasets.Dataset.from_list([{"messages": MESSAGES}])
    tokenizer = tokenizer_of(model)
    made = sft.SFTDataset(rows, tokenizer, 4096, SimpleNamespace(args=SimpleNamespace(data=data)), num_processors=None)
    ids, _, mask = made[0]
    shifted = [
        token for token, trained in zip(ids[0][1:], mask[0][:-1], strict=True) if trained
    ]  # the mask is that of the predicting token
    assert tokenizer.decode(shifted) == read(model, "sliced")


def test_verl(model: Path, tmp_path: Path) -> None:
    pytest.importorskip("verl")
    import polars as pl
    from omegaconf import OmegaConf

    # verl 0.9 reads rope indices of pictures from transformers < 5.11; these rows have none
    sys.modules.setdefault("verl.models.transformers.qwen2_vl", MagicMock())
    from verl.utils.dataset.multiturn_sft_dataset import MultiTurnSFTDataset

    pl.DataFrame({"messages": [MESSAGES]}).write_parquet(tmp_path / "rows.parquet")
    tokenizer = tokenizer_of(model)
    config = OmegaConf.create({"max_length": 4096, "truncation": "error", "pad_mode": "no_padding", "ignore_input_ids_mismatch": True})
    row = MultiTurnSFTDataset(str(tmp_path / "rows.parquet"), tokenizer, config)[0]
    trained = [token for token, mask in zip(row["input_ids"], row["loss_mask"], strict=True) if mask]
    (proven,) = Proof(load_student(str(model)), "one_by_one").prove([(MESSAGES, 0)])
    if proven.reason is None:
        assert tokenizer.decode(trained) == read(model, "one_by_one")
    else:  # it cuts off as many tokens as a header has, which are other characters when the header is not there
        assert "Two and two." not in tokenizer.decode(trained)


def test_axolotl(model: Path) -> None:
    pytest.importorskip("axolotl")
    from axolotl.prompt_strategies.chat_template import load
    from axolotl.utils.dict import DictDefault

    tokenizer = tokenizer_of(model)
    end = load_student(str(model)).end_of_turn().strip()
    settings = DictDefault({"sequence_len": 4096, "train_on_inputs": False, "eot_tokens": [end]})
    section = DictDefault({"type": "chat_template", "field_messages": "messages", "roles_to_train": ["assistant"], "train_on_eos": "turn"})
    made = load(tokenizer, settings, section).tokenize_prompt({"messages": MESSAGES})
    trained = [token for token, label in zip(made["input_ids"], made["labels"], strict=True) if label != -100]
    assert tokenizer.decode(trained) == read(model, "compared")


def test_llamafactory(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llamafactory")
    monkeypatch.syspath_prepend(Path(__file__).parent / "stand_ins")
    from llamafactory.data.template import parse_template

    tokenizer, reader = tokenizer_of(model), Reader(load_student(str(model)))
    try:
        template = parse_template(tokenizer)
    except ValueError:
        with pytest.raises(CotkitError, match="LLaMA-Factory derives no template"):
            reader.read("derived", MESSAGES)
        return
    pairs = template.encode_multiturn(tokenizer, [dict(message) for message in MESSAGES[1:]], "Think first.")
    reading = reader.read("derived", MESSAGES)
    assert tokenizer.decode(pairs[0][1]) == read(model, "derived")
    assert tokenizer.decode(pairs[0][0]) == reading.text[: reading.trained[0].start]


SHORT = [MESSAGES[1], {"role": "assistant", "content": "Four."}]
NOT_THINKING = {"enable_thinking": False}


@pytest.fixture
def qwen3(student: Path, tmp_path: Path) -> Path:
    """Copy the student with Qwen 3's template."""
    import shutil

    import trl

    folder = shutil.copytree(student, tmp_path / "qwen3")
    shutil.copy(Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja", folder / "chat_template.jinja")
    return folder


def trained(model: Path, reading: str) -> str:
    """Give the text that cotkit says is trained of the short row when the student is asked not to think; the row is proven."""
    proof = Proof(load_student(str(model), NOT_THINKING), reading)
    (proven,) = proof.prove([(SHORT, 0)])
    assert proven.reason is None
    found = proof.reader.read(reading, SHORT)
    return "".join(found.text[start:end] for start, end in found.trained)


def test_axolotl_is_told_not_to_think(qwen3: Path) -> None:
    pytest.importorskip("axolotl")
    from axolotl.prompt_strategies.chat_template import load
    from axolotl.utils.dict import DictDefault

    told = {"sequence_len": 4096, "train_on_inputs": False, "eot_tokens": ["<|im_end|>"], "chat_template_kwargs": NOT_THINKING}
    section = DictDefault({"type": "chat_template", "field_messages": "messages", "roles_to_train": ["assistant"], "train_on_eos": "turn"})
    tokenizer = tokenizer_of(qwen3)
    made = load(tokenizer, DictDefault(told), section).tokenize_prompt({"messages": SHORT})
    labels = [token for token, label in zip(made["input_ids"], made["labels"], strict=True) if label != -100]
    assert tokenizer.decode(labels) == trained(qwen3, "compared") == "Four.<|im_end|>"


def test_llamafactory_is_told_not_to_think(qwen3: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("llamafactory")
    monkeypatch.syspath_prepend(Path(__file__).parent / "stand_ins")
    from llamafactory.data.template import parse_template

    tokenizer = tokenizer_of(qwen3)
    template = parse_template(tokenizer)
    template.enable_thinking = False
    ((prompt, answer),) = template.encode_multiturn(tokenizer, [dict(message) for message in SHORT])
    assert tokenizer.decode(answer) == trained(qwen3, "derived")
    assert tokenizer.decode(prompt).endswith("<think>\n\n</think>\n\n")


def test_trl_gives_the_template_the_variables_of_the_rows_column(qwen3: Path) -> None:
    from trl.data_utils import apply_chat_template

    row = {"prompt": SHORT[:1], "completion": SHORT[1:], "chat_template_kwargs": NOT_THINKING}
    made = apply_chat_template(row, tokenizer_of(qwen3))
    assert made["prompt"].endswith("<think>\n\n</think>\n\n")
    assert made["completion"] == trained(qwen3, "common_prefix")
