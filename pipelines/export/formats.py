"""The SFT formats, one row each: columns, where reasoning may stand, how the trainer reads a row, and what its default length does.

`inline` reasoning stands in the content as `<think>…</think>`; `field` reasoning in `reasoning_content`, which a trainer must hand to
the template. Options and lengths are those of trl 1.16, llamafactory 0.9.5, axolotl 0.19, openrlhf 0.11.2, verl 0.9.1, ms-swift 4.6,
torchtune 0.6.1 and unsloth 2026.10; NeMo-RL and open-instruct as documented in August 2026.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.recipe import SftFormat

FLAT = ("problem_id", "sample_id", "source", "teacher", "kind", "answer", "outcome")
WITHOUT_ANSWER = ("problem_id", "sample_id", "source", "teacher")  # ms-swift takes a column `answer` for the response
ANY: tuple[str, ...] = ("inline", "field", "none")
IN_CONTENT: tuple[str, ...] = ("inline", "none")


class Format(NamedTuple):
    """What one trainer reads."""

    columns: Literal["prompt_completion", "messages"]
    reads: str
    """A row of the table in `readings.py`."""
    reasoning: tuple[str, ...]
    """Where reasoning may stand."""
    length: str
    """The trainer's name for the longest row, in tokens."""
    trap: str
    """What happens to longer rows when the option is left out."""
    kwargs: Literal["column", "option", "enable_thinking", "never"]
    """How it hands variables to the chat template: a column of each row, an option, an option for `enable_thinking` alone, or not."""
    one_file: bool = False
    """One file of JSON lines in place of Parquet pieces."""
    flat: tuple[str, ...] = FLAT
    """Columns beside the conversation, which the trainer ignores."""

    def check_reasoning(self, name: str, reasoning: str) -> None:
        """Raise CotkitError when the trainer does not read reasoning in this form."""
        if reasoning not in self.reasoning:
            raise CotkitError(
                f"{name} does not read reasoning in the form {reasoning!r}", f"choose --reasoning {' or '.join(self.reasoning)}"
            )

    def check_kwargs(self, name: str, kwargs: Mapping[str, Any]) -> None:
        """Raise CotkitError when the trainer cannot hand these variables to the chat template."""
        if not kwargs or self.kwargs in ("column", "option"):
            return
        able = ", ".join(other for other, format in FORMATS.items() if format.kwargs in ("column", "option"))
        hint = f"leave the variables out, or choose one of these formats: {able}"
        if self.kwargs == "never":
            raise CotkitError(f"{name} gives the chat template no variables ({', '.join(kwargs)})", hint)
        if (given := dict(kwargs)) not in ({"enable_thinking": True}, {"enable_thinking": False}):
            raise CotkitError(f"{name} knows enable_thinking = true or false alone, not {given}", hint)


FORMATS: dict[SftFormat, Format] = {
    "trl": Format("prompt_completion", "common_prefix", ANY, "max_length", "1024 by default, the end is cut off without a word", "column"),
    "messages": Format("messages", "generation", ANY, "max_length", "TRL's 1024 by default, the end is cut off without a word", "column"),
    "llamafactory": Format(
        "messages", "derived", IN_CONTENT, "cutoff_len", "2048 by default, the end is cut off", "enable_thinking", one_file=True
    ),
    "axolotl": Format("messages", "compared", ANY, "sequence_len", "512 by default, longer rows are dropped", "option"),
    "openrlhf": Format(
        "messages", "sliced", ANY, "data.max_len", "2048 by default, cut off, with the end token put over the last one", "never"
    ),
    "verl": Format("messages", "one_by_one", ANY, "data.max_length", "1024 by default, a longer row is an error in mid-training", "option"),
    "nemo-rl": Format(
        "messages", "common_prefix", ANY, "max_input_seq_length", "a row of that length or more has no loss", "option", one_file=True
    ),
    "ms-swift": Format(
        "messages", "prefixed", IN_CONTENT, "max_length", "the model's context by default", "enable_thinking", flat=WITHOUT_ANSWER
    ),
    "open-instruct": Format("messages", "turns", IN_CONTENT, "max_seq_length", "the end is cut off", "never", one_file=True),
    "torchtune": Format(
        "messages",
        "verbatim",
        IN_CONTENT,
        "tokenizer.max_seq_len",
        "leave it out: when set, the end of each turn has no loss, and longer rows are cut off",
        "never",
    ),
    "unsloth": Format(
        "messages", "after_header", IN_CONTENT, "max_length", "TRL's 1024 by default, beside the model's max_seq_length", "option"
    ),
}
"""Every format by its name."""
