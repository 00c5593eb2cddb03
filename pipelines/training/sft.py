"""SFT with TRL: the export's proof first, then SFTTrainer with the loss on the completions alone.

cotkit train sft runs/qwq/exports/sft-trl-long --model Qwen/Qwen2.5-7B -o runs/qwq/training/sft
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...schemas.errors import CotkitError
from ...schemas.training import SftTrainConfig
from ..export.checking import Checked, CheckSettings, check_dataset
from ..rendering import load_student
from .start import Trained, adapters, begin, curves_callback, load_model, parquet_rows, require, run, trl_arguments

ROOM = 8
"""Tokens beyond the longest row when `max_length` is left out: the proof counts texts, the trainer adds special tokens."""


def train_sft(
    export: Path, model: str, out: Path, config: SftTrainConfig, watch: Callable[[dict[str, float]], None] = lambda _line: None
) -> Trained:
    """Train `model` on a `trl` export; the same call again goes on from the last checkpoint.

    Raises CotkitError before the first step when the export fails its proof for this model, or model, libraries or folder do not do.
    """
    trl, _ = require("trl", "torch")
    rows = parquet_rows(export, {"prompt", "completion"})
    longest = proven(export, model, config).longest_row
    checkpoint = begin(out, {"kind": "sft", "export": str(export), "model": model, "config": config.model_dump(mode="json")})
    network, tokenizer = load_model(model, config)
    arguments = trl.SFTConfig(
        **trl_arguments(config, out), max_length=config.max_length or longest + ROOM, packing=config.packing, completion_only_loss=True
    )
    trainer = trl.SFTTrainer(
        model=network,
        args=arguments,
        # TRL hands the column `chat_template_kwargs` to the chat template, as the proof does
        train_dataset=rows.select_columns([name for name in ("prompt", "completion", "chat_template_kwargs") if name in rows.column_names]),
        processing_class=tokenizer,
        peft_config=adapters(config),
        callbacks=[curves_callback(out, watch)],
    )
    return run(trainer, tokenizer, out, checkpoint)


def proven(export: Path, model: str, config: SftTrainConfig) -> Checked:
    """Prove the export for the model; raises CotkitError with the first reason when a row fails."""
    checked = check_dataset(export, load_student(model), CheckSettings("trl", config.max_length))
    if checked.refused:
        reason, count = max(checked.refused.items(), key=lambda item: item[1])
        hint = f"`cotkit export check {export} --student {model}` shows where; `cotkit export sft --student {model}` leaves such rows out"
        raise CotkitError(f"{export}: {count} of {checked.rows} rows fail their proof for {model}: {reason}", hint)
    if not checked.lengths_counted and config.max_length is None:
        raise CotkitError(f"{model}: no tokenizer.json to count tokens with", "give --max-length")
    return checked
