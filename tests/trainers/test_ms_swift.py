"""ms-swift 4.6's own preprocessor and templates read the exports: what they train on is what cotkit's reading says."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("swift.template", reason="ms-swift is not installed here: see tests/trainers/readers.txt", exc_type=ImportError)
from cotkit.pipelines.export.readings import Reader
from cotkit.pipelines.rendering import load_student

SHORT = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "Four."}]
LONG = [SHORT[0], {"role": "assistant", "content": "<think>\nTwo and two.\n</think>\n\nFour."}]


def trained(student: Path, template: str, rows: list[dict[str, Any]], **settings: Any) -> list[str]:
    """Give the text on which ms-swift takes its loss, row by row."""
    from swift.template import get_template
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(student)
    # what ms-swift notes of a model when it has looked it up by its name
    tokenizer.model_info = SimpleNamespace(
        config=None, max_model_len=4096, task_type="causal_lm", is_moe_model=False, model_dir=str(student)
    )
    tokenizer.model_meta = SimpleNamespace(template=template, is_multimodal=False)
    made = get_template(tokenizer, template_type=template, **settings)
    made.set_mode("train")
    found = []
    for row in rows:
        encoded = made.encode(row)
        found.append(tokenizer.decode([token for token in encoded["labels"] if token != -100]))
    return found


def test_every_row_is_read_and_its_reasoning_trained_once(sft: Any, student: Path, answered: Any) -> None:
    from datasets import load_dataset
    from swift.dataset import AutoPreprocessor

    files = sorted(map(str, sft("ms-swift").path.glob("*.parquet")))
    rows = AutoPreprocessor()(load_dataset("parquet", data_files=files, split="train"))
    assert len(rows) == 4
    for place, text in enumerate(trained(student, "qwen2_5", list(rows))):
        assert text == f"<think>\nThought {place}.0.\n</think>\n\n{answered[0][0][place]}<|im_end|>\n"


@pytest.mark.parametrize("messages", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("kwargs", [{}, {"enable_thinking": False}], ids=["as it is", "not thinking"])
def test_a_student_with_empty_blocks_is_read_as_ms_swift_reads_it(
    student: Path, tmp_path: Path, messages: list[dict[str, Any]], kwargs: dict[str, Any]
) -> None:
    import shutil

    import trl

    folder = shutil.copytree(student, tmp_path / "student")
    shutil.copy(Path(trl.__file__).parent / "chat_templates" / "qwen3.jinja", folder / "chat_template.jinja")
    reading = Reader(load_student(str(folder), kwargs)).read("prefixed", messages)
    settings = {"enable_thinking": False, "loss_scale": "default+ignore_empty_think"} if kwargs else {}
    (text,) = trained(folder, "qwen3", [{"messages": [dict(message) for message in messages]}], **settings)
    assert text == "".join(reading.text[start:end] for start, end in reading.trained)
