r"""The table of RL formats: per trainer its columns, its kind of file and the module that rewards its rows.

Every row says of its problem: kind (which verifier), options, pass rate, how many samples it was judged on, and learnability,
p (1 - p). Where these stand differs; the gold answer is bare in all columns but TRL's `solution`, which math-verify parses: it
reads bare LaTeX wrongly or not at all (of MATH's golds 10 % do not parse and 8 % parse to another value), so it stands in `$…$`.
A `text` stands in `$\text{…}$`, else its letters are taken for factors and an anagram is right.

    trl            {"prompt": [{"role": "user", …}], "solution": "$7$", "answer": "7", "kind": "math", "pass_rate": 0.25, …}
    verl           {"data_source": "cotkit", "prompt": […], "ability": "math", "reward_model": {"style": "rule", "ground_truth": "7"},
                    "extra_info": {"index": 0, "split": "train", "kind": "math", "pass_rate": 0.25, "judged": 8, …}}
    openrlhf       {"prompt": […], "label": "7", "problem": "{\"answer\":\"7\",\"kind\":\"math\",\"options\":[]}", …}
    nemo-rl        {"input": "What is 3 + 4? …", "output": "7", …}
    open-instruct  {"messages": [{"role": "user", …}], "ground_truth": "7", "dataset": "math", …}
    prime-rl       {"prompt": "What is 3 + 4? …", "system_prompt": null, "answer": "7", …}, inside an environment package
    skyrl          {"data_source": "cotkit", "prompt": […], "env_class": "cotkit", "reward_spec": {"method": "rule",
                    "ground_truth": "7"}, "extra_info": {…}}
    slime          {"prompt": […], "label": "7", "metadata": {"kind": "math", …}}
    areal          {"messages": […], "answer": "7", "kind": "math", …}

`messages` of open-instruct and `input` of NeMo-RL hold one user text, the system prompt before it: the one drops the last of several
messages from the prompt, the other passes on nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, NamedTuple

from ...schemas.recipe import RlExportConfig, RlFormat
from .dataset import message_list

if TYPE_CHECKING:
    import polars as pl

ABOUT = ("problem_id", "kind", "options", "pass_rate", "judged", "samples", "learnability", "source")
"""What a row says of its problem, whatever the format."""
OURS = "cotkit"
"""What rows name so that the reward module beside them is asked."""


class Format(NamedTuple):
    """How one trainer reads a prompt set."""

    columns: Callable[[RlExportConfig], list[pl.Expr]]
    """The columns, in their order, from those that `pipelines.export.rl` gives every row."""
    file: Literal["parquet", "jsonl"]
    """Parquet pieces, or one file of JSON lines."""
    reward: str
    """The module of `data/rewards`, a `.py.template` as it imports the trainer, that is put beside the rows as `cotkit_reward.py`."""


def columns_of(format: RlFormat, config: RlExportConfig) -> list[pl.Expr]:
    """Give the columns of a format as expressions with their names."""
    return FORMATS[format].columns(config)


def rated_schema() -> pl.Schema:
    """Give the columns from which every format's are made."""
    import polars as pl

    text, number, share = pl.String(), pl.Int64(), pl.Float64()
    about = dict(zip(ABOUT, (text, text, pl.List(text), share, number, number, share, text), strict=True))
    prompts = {"prompt": message_list(), "system": text, "user": text}
    return pl.Schema({**about, "index": number, "answer": text, **prompts})


def schema_of(format: RlFormat, config: RlExportConfig) -> pl.Schema:
    """Give the columns and types of a format."""
    import polars as pl

    return pl.DataFrame(schema=rated_schema()).select(columns_of(format, config)).schema


def _trl(_: RlExportConfig) -> list[pl.Expr]:
    import polars as pl

    word = pl.concat_str(pl.lit("$\\text{"), "answer", pl.lit("}$"))
    wrapped = pl.concat_str(pl.lit("$"), "answer", pl.lit("$"))
    solution = pl.when(pl.col("kind") == "text").then(word).otherwise(wrapped)
    return [pl.col("prompt"), solution.alias("solution"), pl.col("answer"), *_about()]


def _verl(config: RlExportConfig) -> list[pl.Expr]:
    import polars as pl

    kind = pl.col("kind")
    return [
        pl.lit(config.data_source).alias("data_source"),
        pl.col("prompt"),
        pl.when(kind.is_in(["math", "number"])).then(pl.lit("math")).otherwise(kind).alias("ability"),
        pl.struct(pl.lit("rule").alias("style"), pl.col("answer").alias("ground_truth")).alias("reward_model"),
        _extra_info(),
    ]


def _openrlhf(_: RlExportConfig) -> list[pl.Expr]:
    import polars as pl

    problem = pl.struct("answer", "kind", "options").struct.json_encode()
    return [pl.col("prompt"), pl.col("answer").alias("label"), problem.alias("problem"), pl.col("source").alias("datasource"), *_about()]


def _nemo_rl(_: RlExportConfig) -> list[pl.Expr]:
    import polars as pl

    return [_one_text().alias("input"), pl.col("answer").alias("output"), *_about()]


def _open_instruct(_: RlExportConfig) -> list[pl.Expr]:
    import polars as pl

    user = pl.struct(pl.lit("user").alias("role"), _one_text().alias("content"))
    rest = [pl.col("answer").alias("ground_truth"), pl.lit("math").alias("dataset")]
    return [pl.concat_list(user).alias("messages"), *rest, *_about()]


def _prime_rl(_: RlExportConfig) -> list[pl.Expr]:
    import polars as pl

    return [pl.col("user").alias("prompt"), pl.col("system").alias("system_prompt"), pl.col("answer"), *_about()]


def _skyrl(_: RlExportConfig) -> list[pl.Expr]:
    import polars as pl

    spec = pl.struct(pl.lit("rule").alias("method"), pl.col("answer").alias("ground_truth"))
    ours = [pl.lit(OURS).alias("env_class"), spec.alias("reward_spec")]
    return [pl.lit(OURS).alias("data_source"), pl.col("prompt"), *ours, _extra_info()]


def _slime(_: RlExportConfig) -> list[pl.Expr]:
    import polars as pl

    return [pl.col("prompt"), pl.col("answer").alias("label"), pl.struct(_about()).alias("metadata")]


def _areal(_: RlExportConfig) -> list[pl.Expr]:
    import polars as pl

    return [pl.col("prompt").alias("messages"), pl.col("answer"), *_about()]


def _about() -> list[pl.Expr]:
    import polars as pl

    return [pl.col(name) for name in ABOUT]


def _extra_info() -> pl.Expr:
    import polars as pl

    return pl.struct("index", pl.lit("train").alias("split"), *_about()).alias("extra_info")


def _one_text() -> pl.Expr:
    """Give the system prompt, if there is one, and the user's text in one."""
    import polars as pl

    return pl.concat_str("system", "user", separator="\n\n", ignore_nulls=True)


FORMATS: dict[RlFormat, Format] = {
    "trl": Format(_trl, "parquet", "trl"),
    "verl": Format(_verl, "parquet", "verl"),
    "openrlhf": Format(_openrlhf, "parquet", "openrlhf"),
    "nemo-rl": Format(_nemo_rl, "jsonl", "nemo_rl"),
    "open-instruct": Format(_open_instruct, "jsonl", "open_instruct"),
    "prime-rl": Format(_prime_rl, "jsonl", "prime_rl"),
    "skyrl": Format(_skyrl, "parquet", "skyrl"),
    "slime": Format(_slime, "jsonl", "slime"),
    "areal": Format(_areal, "parquet", "areal"),
}
