"""ExportConfig: which SFT datasets and RL prompt sets are written, for which trainer and student."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .step import Name, Share, StepConfig

SftFormat = Literal[
    "trl", "messages", "llamafactory", "axolotl", "openrlhf", "verl", "nemo-rl", "ms-swift", "open-instruct", "torchtune", "unsloth"
]
RlFormat = Literal["trl", "verl", "openrlhf", "nemo-rl", "open-instruct", "prime-rl", "skyrl", "slime", "areal"]


class SftExportConfig(StepConfig):
    """SFT datasets, one folder per split and format."""

    formats: list[SftFormat] = ["trl", "messages"]
    """`trl` (prompt and completion), `messages`, `llamafactory`, `axolotl`, `openrlhf`, `verl`, `nemo-rl`, `ms-swift`, `open-instruct`,
    `torchtune`, `unsloth`."""
    reasoning: Literal["inline", "field", "none"] = "inline"
    """Reasoning inside the content as `<think>…</think>`, in the field `reasoning_content`, or left out."""
    student: str | None = None
    """The model to be trained, to prove every row in its chat template: a folder, a `.jinja` file, a `tokenizer_config.json` or a Hub
    id; nothing is proven when left out."""
    chat_template_kwargs: dict[str, bool | int | float | str] = {}
    """Variables that the student's chat template is given in training and in use, such as `{enable_thinking = false}` for short sets
    on Qwen 3; formats whose trainer cannot pass them on are refused."""
    max_length: Annotated[int, Field(ge=1)] | None = None
    """Leave out rows of more tokens, prompt included; the launch line then trains with this length."""
    splits: list[Name] = []
    """Only these splits; all when left out."""


class RlExportConfig(StepConfig):
    """RL prompt sets, one row per problem."""

    formats: list[RlFormat] = ["trl", "verl"]
    """`trl` (GRPO, RLOO), `verl`, `openrlhf`, `nemo-rl`, `open-instruct`, `prime-rl`, `skyrl`, `slime`, `areal`."""
    min_pass_rate: Share = 0.0
    """Leave out problems solved more rarely than this."""
    max_pass_rate: Share = 1.0
    """Leave out problems solved more often than this."""
    min_learnability: Annotated[float, Field(ge=0.0, le=0.25)] = 0.0
    """Leave out problems whose learnability, p (1 - p) for a pass rate of p, is lower than this."""
    top_learnability: Annotated[int, Field(ge=1)] | None = None
    """Only so many problems, those of the highest learnability, and in that order."""
    check_gold: bool = True
    """Leave out problems whose gold answer, given as a response, is not judged correct."""
    data_source: str = "cotkit"
    """verl's `data_source`, which picks its scorer: `cotkit` is the reward module beside the rows, `lighteval/MATH` one of verl's."""


class ExportConfig(StepConfig):
    """What is exported."""

    sft: SftExportConfig = SftExportConfig()
    """SFT datasets; `formats = []` writes none."""
    rl: RlExportConfig = RlExportConfig()
    """RL prompt sets; `formats = []` writes none."""
