"""The side files of an SFT dataset: the launch line or YAML fragment of its trainer, with the length that its rows need.

sft-trl-long/launch.sh      sft-llamafactory-long/dataset_info.json, launch.sh      sft-axolotl-long/sft.yaml, launch.sh
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ...schemas.recipe import SftFormat
from ..rendering import Student
from ..run_folder.parquet import write_text
from .formats import FORMATS
from .readings import answer_header

ROUND_TO = 128
ESTIMATE_MARGIN = 1.15
"""What is added to a longest row that was not counted in the student's own tokens."""

HEAD = """\
# A launch line for {trainer}, made by `cotkit export sft`; each export writes it again, so copy what you need.
# {length_name}: {trap}. The longest row has {longest} tokens, {how}.
# {proven}{given}
"""
HERE = 'DATA="$(cd "$(dirname "$0")" && pwd)"\n'
LINES: dict[SftFormat, tuple[str, str]] = {
    "trl": ("TRL 1.16", 'trl sft --model_name_or_path "{model}" --dataset_name "$DATA" --max_length {length} --output_dir "$OUT"\n'),
    "messages": (
        "TRL 1.16",
        "{remark}"
        'trl sft --model_name_or_path "{model}" --dataset_name "$DATA" --output_dir "$OUT" \\\n'
        "    --assistant_only_loss true --max_length {length}\n",
    ),
    "llamafactory": (
        "LLaMA-Factory 0.9",
        "# without --template the one that is derived from the model's own chat template is used, and that was proven\n"
        'llamafactory-cli train --stage sft --do_train --model_name_or_path "{model}" \\\n'
        '    --dataset_dir "$DATA" --dataset {name} --cutoff_len {length}{kwargs} --finetuning_type full --output_dir "$OUT"\n',
    ),
    "axolotl": (
        "Axolotl 0.19",
        '# sft.yaml holds the data section; add the model and the optimizer\ncd "$DATA" && axolotl train sft.yaml\n',
    ),
    "openrlhf": (
        "OpenRLHF 0.11",
        'deepspeed --module openrlhf.cli.train_sft --model.model_name_or_path "{model}" \\\n'
        '    --data.dataset "$DATA" --data.input_key messages --data.apply_chat_template --data.max_len {length} \\\n'
        '    --ckpt.output_dir "$OUT"\n',
    ),
    "verl": (
        "verl 0.9",
        "# verl renders each message alone and stops when that differs from the whole; what was proven is what it makes of them\n"
        'torchrun --nproc_per_node "$GPUS" -m verl.trainer.sft_trainer model.path="{model}" \\\n'
        '    data.train_files="[$(ls "$DATA"/train-*.parquet | paste -sd, -)]" data.messages_key=messages data.truncation=error \\\n'
        "    data.max_length={length} data.max_token_len_per_gpu={length} data.ignore_input_ids_mismatch=True{kwargs}\n",
    ),
    "nemo-rl": (
        "NeMo-RL",
        'uv run examples/run_sft.py policy.model_name="{model}" policy.max_total_sequence_length={length} \\\n'
        "    data.max_input_seq_length={length} data.add_generation_prompt=true data.train.dataset_name=openai_format \\\n"
        '    data.train.data_path="$DATA/train.jsonl" data.train.chat_key=messages data.train.use_preserving_dataset=true{kwargs}\n',
    ),
    "ms-swift": (
        "ms-swift 4.6",
        "# ms-swift has a template of its own for each model: check its first printed example\n"
        'swift sft --model "{model}" --dataset "$DATA"/train-*.parquet --max_length {length}{kwargs} --output_dir "$OUT"\n',
    ),
    "open-instruct": (
        "open-instruct",
        'accelerate launch open_instruct/finetune.py --model_name_or_path "{model}" \\\n'
        '    --dataset_mixer_list "$DATA/train.jsonl" 1.0 --max_seq_length {length} --output_dir "$OUT"\n',
    ),
    "torchtune": (
        "torchtune 0.6",
        "# torchtune has a template of its own for each model: check a first example; rows go up to {length} tokens\n"
        "# with a tokenizer.max_seq_len torchtune 0.6 takes the loss off the end of a turn (Qwen, Llama 3): nothing would teach to stop\n"
        'tune run full_finetune_single_device --config "$CONFIG" tokenizer.max_seq_len=null \\\n'
        "    dataset._component_=torchtune.datasets.chat_dataset dataset.conversation_column=messages \\\n"
        '    dataset.source=parquet dataset.data_files="[$(ls "$DATA"/train-*.parquet | paste -sd, -)]" \\\n'
        "    dataset.conversation_style=openai\n",
    ),
    "unsloth": ("Unsloth 2026.10", 'python "$DATA/train.py" "{model}" "$OUT"\n'),
}
GIVEN: dict[SftFormat, str] = {
    "llamafactory": "--{name} {value}",
    "verl": "++data.apply_chat_template_kwargs.{name}={value}",
    "nemo-rl": "++policy.tokenizer.chat_template_kwargs.{name}={value}",
    "ms-swift": "--{name} {value} --loss_scale default+ignore_empty_think",
}
"""What a launch line says of a variable of the chat template; TRL reads a column of the rows, others have it in their side files."""
AXOLOTL = """\
datasets:
  - path: .
    ds_type: parquet
    data_files: ["train-*.parquet"]
    type: chat_template
    field_messages: messages
    message_property_mappings: {{role: role, content: content}}
    roles_to_train: [assistant]
    train_on_eos: turn
chat_template: tokenizer_default
{kwargs}eot_tokens: [{end}]
sequence_len: {length}
excess_length_strategy: raise
"""
UNSLOTH = '''\
"""Train {name} with Unsloth: `python train.py MODEL OUT`. The loss is on what follows the assistant's header alone."""

import sys
from pathlib import Path

from unsloth import FastLanguageModel
from unsloth.chat_templates import train_on_responses_only
from datasets import Dataset, load_dataset
from trl import SFTConfig, SFTTrainer

MAX_LENGTH, KWARGS = {length}, {kwargs!r}
model, tokenizer = FastLanguageModel.from_pretrained(sys.argv[1], max_seq_length=MAX_LENGTH)
data = load_dataset("parquet", data_files=str(Path(__file__).parent / "train-*.parquet"), split="train")
texts = [tokenizer.apply_chat_template(messages, tokenize=False, **KWARGS) for messages in data["messages"]]
data = Dataset.from_dict({{"text": texts}})
trainer = SFTTrainer(model=model, processing_class=tokenizer, train_dataset=data, args=SFTConfig(sys.argv[2], max_length=MAX_LENGTH))
trainer = train_on_responses_only(trainer, instruction_part={instruction!r}, response_part={response!r})
trainer.train()
'''


class Length(NamedTuple):
    """The longest row of a dataset."""

    tokens: int
    counted: bool
    """Whether the student's tokenizer counted it; else it is estimated from the teacher's count."""
    limit: int | None = None
    """The length that the user stated; longer rows are not there."""

    def needed(self) -> int:
        """Give the length to train with: the stated one, or the longest row's rounded up.

        >>> Length(1000, counted=True).needed(), Length(1000, counted=False).needed(), Length(10, True, 4096).needed()
        (1024, 1152, 4096)
        """
        if self.limit is not None:
            return self.limit
        tokens = self.tokens if self.counted else int(self.tokens * ESTIMATE_MARGIN)
        # one more than the longest: NeMo-RL gives no loss to a row that is as long as the limit
        return -(-(tokens + 1) // ROUND_TO) * ROUND_TO


NAMES = ("launch.sh", "dataset_info.json", "sft.yaml", "train.py")


def remove_side_files(folder: Path) -> None:
    """Remove the side files of a dataset that has no rows."""
    for name in NAMES:
        (folder / name).unlink(missing_ok=True)


class Told(NamedTuple):
    """What side files tell a trainer of a dataset."""

    length: Length
    student: Student | None
    kwargs: Mapping[str, Any] = {}
    """Variables of the chat template."""


def write_side_files(folder: Path, format: SftFormat, told: Told) -> None:
    """Write the trainer's side files beside the rows; a file that already says the same is left as it is."""
    for name, text in _side_files(folder.name, format, told).items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            write_text(text, path)


def _side_files(name: str, format: SftFormat, told: Told) -> dict[str, str]:
    length, student, kwargs = told
    trainer, line = LINES[format]
    needed, words = length.needed(), _words(format, kwargs)
    filled = line.format(model=_model(student), length=needed, name=name, remark=_remark(student), kwargs=words)
    files = {"launch.sh": _head(format, trainer, told) + HERE + filled}
    if format == "llamafactory":
        files["dataset_info.json"] = json.dumps({name: _dataset_info()}, indent=2) + "\n"
    if format == "axolotl":
        given = f"chat_template_kwargs: {json.dumps(dict(kwargs))}\n" if kwargs else ""
        files["sft.yaml"] = AXOLOTL.format(length=needed, end=_ends(student), kwargs=given)
    if format == "unsloth":
        instruction, response = _parts(student)
        files["train.py"] = UNSLOTH.format(name=name, length=needed, instruction=instruction, response=response, kwargs=dict(kwargs))
    return files


def _head(format: SftFormat, trainer: str, told: Told) -> str:
    length, student, kwargs = told
    how = "counted with the student's tokenizer" if length.counted else "estimated from the teacher's count: count them with the student's"
    variables = ", ".join(f"{name} = {json.dumps(value)}" for name, value in kwargs.items())
    return HEAD.format(
        trainer=trainer,
        length_name=FORMATS[format].length,
        trap=FORMATS[format].trap,
        longest=length.tokens,
        how=how,
        proven=f"Every row was rendered for {student.name} and proven." if student else "Nothing was proven: give --student.",
        given=f"\n# The chat template is given {variables}, in training; give it the same when the student is asked." if kwargs else "",
    )


def _words(format: SftFormat, kwargs: Mapping[str, Any]) -> str:
    """Write the variables of the chat template as words of the launch line."""
    if format not in GIVEN:
        return ""
    words = (GIVEN[format].format(name=name, value=json.dumps(value)) for name, value in kwargs.items())
    return "".join(f" {word if word.startswith('--') else shlex.quote(word)}" for word in words)


def _dataset_info() -> dict[str, object]:
    tags = {"role_tag": "role", "content_tag": "content", "user_tag": "user", "assistant_tag": "assistant", "system_tag": "system"}
    return {"file_name": "train.jsonl", "formatting": "sharegpt", "columns": {"messages": "messages"}, "tags": tags}


def _model(student: Student | None) -> str:
    is_model = student is not None and not student.name.endswith((".jinja", ".j2", ".jinja2", ".json"))
    return student.name if student and is_model else "$MODEL"


UNMARKED = """\
# This student's template has no generation marks, and TRL (where it is installed here) no twin of it that has: TRL refuses the line
# below, and would train on the prompts without --assistant_only_loss. Take --format trl for it; other trainers find the turns themselves.
"""


def _remark(student: Student | None) -> str:
    return UNMARKED if student and student.marked_template is None else ""


def _ends(student: Student | None) -> str:
    """Write the tokens that end a turn, for a YAML list."""
    end = student.end_of_turn() if student else ""
    return ", ".join(json.dumps(token, ensure_ascii=False) for token in (student.control_tokens if student else ()) if token in end)


def _parts(student: Student | None) -> tuple[str, str]:
    """Give the headers of a user's and an assistant's turn in the student's template."""
    if student is None:
        return "GIVE --student", "GIVE --student"
    turns = [{"role": "user", "content": "First."}, {"role": "assistant", "content": "Answer."}, {"role": "user", "content": "Second."}]
    between = student.template.render(turns).rpartition("Answer.")[2].partition("Second.")[0]
    return between.removeprefix(student.end_of_turn()), answer_header(student)
