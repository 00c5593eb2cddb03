"""TRL 1.16's SFTTrainer takes a step on exported rows, and trains on the very text that was proven."""

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("accelerate")
pytest.importorskip("trl")
from cotkit.pipelines.export import export_sft
from cotkit.pipelines.export.readings import Reader
from cotkit.pipelines.export.shaping import conversation_of
from cotkit.pipelines.rendering import ChatTemplate, load_student
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import SftExportConfig


def trained(model: Path, folder: Path, tmp_path: Path, **settings: Any) -> Any:
    """Train one step on a folder as `trl sft --dataset_name` reads it, and give the trainer."""
    from datasets import load_dataset
    from trl import SFTConfig, SFTTrainer

    dataset = load_dataset(str(folder), cache_dir=str(tmp_path / "cache"))["train"]
    quiet = {"use_cpu": True, "bf16": False, "report_to": [], "save_strategy": "no", "output_dir": str(tmp_path / "out")}
    arguments = SFTConfig(max_steps=1, per_device_train_batch_size=4, logging_steps=1, **settings, **quiet)
    trainer = SFTTrainer(model=str(model), args=arguments, train_dataset=dataset)
    trainer.train()
    assert trainer.state.global_step == 1
    return trainer


def learned(trainer: Any, tokenizer: Any) -> list[str]:
    return [tokenizer.decode([token for token in row["labels"] if token != -100]) for row in trainer.train_dataset]


CASES = [
    pytest.param("trl", "inline", "qwen2_5", {}, id="prompt-completion-inline"),
    pytest.param("trl", "field", "qwen3", {}, id="prompt-completion-field"),
    pytest.param("trl", "inline", "qwen3_5_think", {}, id="the-prompt-opens-the-block"),
    pytest.param("messages", "inline", "qwen3_training", {"assistant_only_loss": True}, id="messages-with-marks"),
    pytest.param("messages", "field", "qwen3", {"assistant_only_loss": True}, id="messages-whose-template-trl-swaps"),
]


@pytest.mark.parametrize(("format", "reasoning", "template", "settings"), CASES)
def test_sft_trains_on_what_was_proven_and_the_reasoning_once(
    run: Any, student: Path, tokenizer: Any, tmp_path: Path, format: Any, reasoning: Any, template: str, settings: dict[str, Any]
) -> None:
    model = with_template(student, template, tmp_path)
    (exported,) = export_sft(run, SftExportConfig(formats=[format], reasoning=reasoning, student=str(model)))
    summary = json.loads((exported.path / "export.json").read_text())
    length = int((exported.path / "launch.sh").read_text().partition("--max_length ")[2].split()[0])
    trainer = trained(model, exported.path, tmp_path, max_length=length, **settings)
    assert max(len(row["input_ids"]) for row in trainer.train_dataset) == summary["longest_row"] < length
    texts = learned(trainer, tokenizer)
    assert len(texts) == exported.rows == 4
    for place, text in enumerate(texts):
        assert text.count(f"Thought {place}.0.") == 1
        assert "Think first." not in text
        assert text.rstrip().endswith("<|im_end|>")
    assert sorted(texts) == sorted(proven_texts(exported.path, model, "common_prefix" if format == "trl" else "generation"))


def test_what_the_proof_refuses_is_what_trl_would_lose(run: Any, student: Path, tokenizer: Any, tmp_path: Path) -> None:
    model = with_template(student, "deepseek_r1_distill", tmp_path)
    with pytest.raises(CotkitError, match="drops the reasoning, even in the last turn"):
        export_sft(run, SftExportConfig(formats=["trl"], student=str(model)), tmp_path / "refused")
    (exported,) = export_sft(run, SftExportConfig(formats=["trl"]), tmp_path / "unproven")
    texts = learned(trained(model, exported.path, tmp_path, max_length=4096), tokenizer)
    assert not any("Thought" in text for text in texts)


def with_template(student: Path, name: str, tmp_path: Path) -> Path:
    """Copy the student with another chat template."""
    import shutil

    import trl

    folder = shutil.copytree(student, tmp_path / "student")
    template = Path(trl.__file__).parent / "chat_templates" / f"{name}.jinja"
    shutil.copy(template, folder / "chat_template.jinja")
    return folder


def proven_texts(folder: Path, model: Path, reading: str) -> list[str]:
    """Give the trained texts as cotkit reads the rows."""
    import polars as pl

    reader = Reader(load_student(str(model)))
    texts = []
    for row in pl.read_parquet(folder / "train-*.parquet").rows(named=True):
        read = reader.read(reading, *conversation_of(row))
        texts.append("".join(read.text[start:end] for start, end in read.trained))
    return texts


def templates() -> list[Path]:
    import trl

    return sorted((Path(trl.__file__).parent / "chat_templates").glob("*.jinja"))


CONVERSATIONS = [
    [{"role": "user", "content": "2+2?"}],
    [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4"}],
    [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "<think>\nfour\n</think>\n\n4"}],
    [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4", "reasoning_content": "four"}],
    [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "4", "reasoning": "four"}] * 2,
]


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.stem)
def test_a_template_is_rendered_as_transformers_renders_it(path: Path) -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    source, tokens = path.read_text(encoding="utf-8"), {"bos_token": "<BOS>", "eos_token": "<EOS>"}
    ours = ChatTemplate(source, tokens)
    for messages in CONVERSATIONS:
        for opened in (False, True):
            assert outcome(lambda m=messages, o=opened: ours.render(m, generation_prompt=o)) == outcome(
                lambda m=messages, o=opened: render_jinja_template([m], chat_template=source, add_generation_prompt=o, **tokens)[0][0]
            )
        if ours.marks_generation:
            assert outcome(lambda m=messages: ours.render_generated(m)) == outcome(
                lambda m=messages: first(render_jinja_template([m], chat_template=source, return_assistant_tokens_mask=True, **tokens))
            )


def first(rendered: tuple[list[str], list[list[tuple[int, int]]]]) -> tuple[str, list[tuple[int, int]]]:
    return rendered[0][0], rendered[1][0]


def outcome(render: Any) -> Any:
    try:
        return render()
    except Exception:  # noqa: BLE001  # both fail, or neither does
        return "raises"
