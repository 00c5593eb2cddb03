"""What comes before the first step: the libraries, the model, the rows' proof, the output folder; and what is left after the last."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.training import SftTrainConfig, TrainConfig
from ..run_folder.parquet import replacing, write_text

SETTINGS = "training.toml"
"""Export, model and settings: what makes two starts the same training."""
RECIPE = "recipe.toml"
"""The settings as a recipe, to train again with `--recipe`."""
CURVES = "curves.jsonl"
MODEL = "model"
INSTALL = "pip install 'cotkit[train]'"


class Trained(NamedTuple):
    """What a training left."""

    model: Path
    """Folder of the trained model, or of its adapters, with the tokenizer."""
    steps: int
    resumed_from: int
    """Steps that an earlier, interrupted training had made."""
    loss: float | None
    """Mean loss of the steps of this start; None when all were made before."""


def require(*modules: str) -> list[Any]:
    """Import the libraries of training; raises CotkitError when one is missing."""
    try:
        return [import_module(module) for module in modules]
    except ImportError as error:
        raise CotkitError(f"training needs {error.name or 'TRL'}, which is not installed", INSTALL) from error


def parquet_rows(export: Path, columns: set[str]) -> Any:
    """Load an export as a `datasets.Dataset`; raises CotkitError when it is not there or lacks a column."""
    pieces = sorted(map(str, export.glob("*.parquet"))) if export.is_dir() else [str(export)] if export.is_file() else []
    if not pieces:
        raise no_rows(export)
    (datasets,) = require("datasets")
    rows = datasets.load_dataset("parquet", data_files=pieces, split="train")
    if missing := columns - set(rows.column_names):
        hint = "write it with `--format trl`" if "prompt" in rows.column_names else "is it an export of cotkit?"
        raise CotkitError(f"{export}: no column {', '.join(sorted(missing))}", hint)
    return rows


def no_rows(export: Path) -> CotkitError:
    """Make the error of an export that is not there."""
    return CotkitError(f"{export}: no Parquet file", "name the folder that `cotkit export` wrote, such as RUN/exports/sft-trl-long")


def begin(out: Path, settings: dict[str, Any]) -> Path | None:
    """Make the output folder, write the settings and a recipe that holds them; give the last checkpoint of an earlier start.

    Raises CotkitError when the folder holds a training with other settings, or something else.
    """
    import tomli_w

    text = tomli_w.dumps(_without_none(settings))
    file = out / SETTINGS
    if file.is_file():
        if file.read_text(encoding="utf-8") != text:
            raise CotkitError(f"{out}: holds a training with other settings", f"compare {file}, or choose another folder with -o")
    elif out.exists() and any(out.iterdir()):
        raise CotkitError(f"{out}: is not empty and holds no training", "choose another folder with -o")
    else:
        out.mkdir(parents=True, exist_ok=True)
        section = {f"train_{settings['kind']}": settings["config"]}
        write_text(tomli_w.dumps(_without_none({"name": out.name} | section)), out / RECIPE)
        write_text(text, file)
    whole = [path for path in out.glob("checkpoint-*") if (path / "trainer_state.json").is_file()]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def trl_arguments(config: TrainConfig, out: Path) -> dict[str, Any]:
    """Give the arguments that SFTConfig, GRPOConfig and RLOOConfig share; raises CotkitError when sizes do not divide."""
    torch, transformers = require("torch", "transformers")
    on_gpu = config.device == "auto" and torch.cuda.is_available()
    # transformers 5.23 has another name for it
    checkpointing = "activation_checkpointing"
    if checkpointing not in transformers.TrainingArguments.__dataclass_fields__:
        checkpointing = "gradient_checkpointing"
    devices = max(1, torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1)
    try:
        accumulation = config.accumulation(devices)
    except ValueError as error:
        raise CotkitError(str(error), "mend batch_size or micro_batch_size") from None
    shared = {
        "output_dir": str(out),
        "learning_rate": config.learning_rate,
        "num_train_epochs": config.epochs,
        "max_steps": config.max_steps or -1,
        "per_device_train_batch_size": config.micro_batch_size,
        "gradient_accumulation_steps": accumulation,
        "warmup_steps": config.warmup,
        "lr_scheduler_type": config.schedule,
        "lr_scheduler_kwargs": {"min_lr_rate": 0.1} if config.schedule == "cosine_with_min_lr" else None,
        checkpointing: config.gradient_checkpointing,
        "seed": config.seed,
        "data_seed": config.seed,
        "bf16": on_gpu,
        "use_cpu": not on_gpu,
        "logging_steps": 1,
        "save_steps": config.save_steps,
        "save_total_limit": 2,
        "report_to": [],
        "disable_tqdm": True,
    }
    return shared | config.extra


def quiet_on_a_pipe() -> None:
    """Leave out the libraries' progress bars where nobody watches them."""
    datasets, logging = require("datasets", "transformers.utils.logging")
    if not sys.stderr.isatty():
        datasets.disable_progress_bars()
        logging.disable_progress_bar()


def load_model(name: str, config: TrainConfig) -> tuple[Any, Any]:
    """Load model and tokenizer; raises CotkitError when they cannot be loaded or there is no chat template."""
    quiet_on_a_pipe()
    torch, transformers = require("torch", "transformers")
    on_gpu = config.device == "auto" and torch.cuda.is_available()
    options: dict[str, Any] = {"dtype": torch.bfloat16 if on_gpu else torch.float32}
    if config.lora and config.lora.load_in_4bit:
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.bfloat16
        )
    try:
        settings = transformers.AutoConfig.from_pretrained(name)
        if isinstance(config, SftTrainConfig):
            scale_rope(settings, config.rope_theta_factor)
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        model = transformers.AutoModelForCausalLM.from_pretrained(name, config=settings, **options)
    except (OSError, ValueError, ImportError) as error:
        raise CotkitError(f"{name}: cannot be loaded: {str(error).splitlines()[0]}", "a Hub id or a folder with the model") from error
    if not tokenizer.chat_template:
        raise CotkitError(f"{name}: its tokenizer has no chat template", "put a chat_template.jinja beside it")
    return model, tokenizer


def scale_rope(settings: Any, factor: float) -> None:
    """Multiply RoPE's theta in a model's configuration; raises ValueError when it has none."""
    if factor == 1:
        return
    parameters = getattr(settings, "rope_parameters", None)
    if not isinstance(parameters, dict) or "rope_theta" not in parameters:
        raise ValueError("rope_theta_factor: the model has no RoPE theta")
    parameters["rope_theta"] *= factor


def adapters(config: TrainConfig) -> Any:
    """Give peft's configuration; None when all weights are trained."""
    if config.lora is None:
        return None
    (peft,) = require("peft")
    lora = config.lora
    return peft.LoraConfig(
        r=lora.rank, lora_alpha=lora.alpha, lora_dropout=lora.dropout, target_modules=lora.target_modules, task_type="CAUSAL_LM"
    )


def curves_callback(out: Path, watch: Callable[[dict[str, float]], None]) -> Any:
    """Make a trainer callback that appends each logged step to `curves.jsonl`; steps made again after a resume take the old ones' place."""
    (transformers,) = require("transformers")

    class Curves(transformers.TrainerCallback):
        """Keeps what TRL logs."""

        def on_train_begin(self, _arguments: Any, state: Any, _control: Any, **_: Any) -> None:
            """Drop the lines of steps after the checkpoint that training goes on from."""
            kept = [line for line in read_curves(out) if line["step"] <= state.global_step]
            with replacing(out / CURVES) as temporary:
                temporary.write_text("".join(json.dumps(line) + "\n" for line in kept), encoding="utf-8")

        def on_log(self, _arguments: Any, state: Any, _control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
            """Append a line."""
            line: dict[str, float] = {"step": state.global_step}
            line |= {name: value for name, value in (logs or {}).items() if isinstance(value, (int, float))}
            if state.is_world_process_zero:
                with (out / CURVES).open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line) + "\n")
                watch(line)

    return Curves()


def read_curves(out: Path) -> list[dict[str, float]]:
    """Read the logged steps of a training; none when there are none."""
    file = out / CURVES
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []


def run(trainer: Any, tokenizer: Any, out: Path, checkpoint: Path | None) -> Trained:
    """Train to the end, or from a checkpoint to the end, and save the model."""
    (transformers,) = require("transformers")
    trainer.remove_callback(transformers.PrinterCallback)
    before = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    if checkpoint and is_last(checkpoint):
        # the Trainer looks whether it is done after a step, not before: it would make one too many
        trainer._load_from_checkpoint(str(checkpoint))
        steps, loss = before, None
    else:
        done = trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        steps, loss = done.global_step, done.training_loss
    trainer.save_model(str(out / MODEL))
    tokenizer.save_pretrained(str(out / MODEL))
    return Trained(out / MODEL, steps, before, loss)


def is_last(checkpoint: Path) -> bool:
    """Say whether a checkpoint was written after the last step of its training."""
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    return state["global_step"] >= state["max_steps"] > 0


def _without_none(settings: dict[str, Any]) -> dict[str, Any]:
    return {name: _without_none(value) if isinstance(value, dict) else value for name, value in settings.items() if value is not None}
