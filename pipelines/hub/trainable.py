r"""The config `default`: one row per kept sample, ready for SFT, with the reasoning inline.

    {"messages": [{"role": "user", "content": "What is 3 + 4? …"}, {"role": "assistant", "content": "<think>\n…\n</think>\n\n…"}],
     "problem_id": "41f0…", "sample_id": "9c1e…", "teacher": "vllm:Qwen/QwQ-32B", "outcome": "correct", "pass_rate": 0.5, …}

Each split of the recipe is a split of the config. Left out are rows whose text holds a `<think>` tag of its own, as chat templates
split at the first or the last one and lose the rest, and rows that spell a control token such as `<|im_end|>`, which would end the
turn: which student will read them is not known here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ...schemas.errors import CotkitError
from ...schemas.recipe import Recipe
from ...schemas.record import content_hash
from ..export.dataset import message_list
from ..export.formats import FORMATS
from ..export.shaping import refusal, shape
from ..prompts import student_messages
from ..run_folder import STAGES, RunFolder
from .pieces import Pieces, WritePiece
from .public import public_sources, public_teacher

if TYPE_CHECKING:
    import polars as pl

VERSION = 1
ROWS_AT_ONCE = 1024
"""Samples in memory at once: of the longest, 32,000 tokens each, some 100 MB."""
TEXT_COLUMNS = ("problem_id", "sample_id", "source", "teacher", "kind", "answer", "outcome", "verifier", "finish_reason")
CONTROL_TOKEN = r"<[|｜][A-Za-z_0-9▁]+[|｜]>"
LEFT_OUT = "their text is empty, holds a <think> tag of its own, or spells a control token such as <|im_end|>"
OUTER_BLANK_LINES = r"\A(?:[^\S\n]*\n)+|(?:\r?\n[^\S\n]*)+\z"


def schema() -> pl.Schema:
    """Give the columns of `default`."""
    import polars as pl

    numbers = {"completion_tokens": pl.Int64(), "pass_rate": pl.Float64(), "judged": pl.Int64()}
    return pl.Schema({"messages": message_list(), **dict.fromkeys(TEXT_COLUMNS, pl.String()), **numbers})


def split_names(recipe: Recipe) -> dict[str, str]:
    """Give the published name of each of the recipe's splits: `train` for `all`, and `_` for `-`, which `datasets` forbids.

    >>> split_names(Recipe())
    {'all': 'train'}
    """
    names = {split.name: "train" if split.name == "all" else split.name.replace("-", "_") for split in recipe.curate.splits}
    doubled = [name for name, count in Counter(names.values()).items() if count > 1]
    if doubled:
        ours = ", ".join(name for name, published in names.items() if published == doubled[0])
        raise CotkitError(f"splits {ours} would both be published as {doubled[0]!r}", "rename one in the recipe and run `cotkit curate`")
    return names


def kept_rows(run: RunFolder) -> pl.DataFrame:
    """Count the kept samples: columns shard, split and rows; raises CotkitError when the run is not curated."""
    import polars as pl

    run.scan("decisions")  # an error when a shard has none
    empty = pl.LazyFrame(schema={"shard": pl.Int64, "split": pl.String, "rows": pl.Int64})
    counts = [
        pl.scan_parquet(run.shard_path("decisions", number))
        .filter("kept")
        .explode("splits", empty_as_null=False)
        .group_by(pl.col("splits").alias("split"))
        .agg(pl.len().cast(pl.Int64).alias("rows"))
        .select(pl.lit(number, pl.Int64).alias("shard"), "split", "rows")
        for number in run.shard_numbers()
    ]
    return pl.concat([empty, *counts]).collect()


def piece_fingerprint(run: RunFolder, split: str, number: int, rates: str) -> str:
    """Give the fingerprint of a shard's piece of a split; `rates` is that of the pass rates."""
    sample = run.recipe.sample
    inputs = [run.problems_fingerprint(), *(run.fingerprint(stage, number) for stage in STAGES)]
    return content_hash("hub default", VERSION, split, sample.system_prompt, sample.prompt_template, inputs, rates)


def write_trainable(run: RunFolder, pieces: dict[str, Pieces], numbers: dict[str, list[int]], problems: pl.DataFrame) -> None:
    """Write the stale pieces of every split, a shard at a time.

    `pieces` and `numbers` (the shard of each piece) are by the recipe's split; `problems` has the columns of Problem, and judged and
    pass_rate.
    """
    import polars as pl

    stale = {split: {numbers[split][piece]: piece for piece in made.stale()} for split, made in pieces.items()}
    for number in sorted({shard for shards in stale.values() for shard in shards}):
        with ExitStack() as stack:
            writers: dict[str, WritePiece] = {
                split: stack.enter_context(pieces[split].open(shards[number])) for split, shards in stale.items() if number in shards
            }
            for rows in shard_rows(run, number, problems):
                for split, write in writers.items():
                    write(rows.filter(pl.col("splits").list.contains(split)))


def shard_rows(run: RunFolder, number: int, problems: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Read the kept samples of a shard that can be trained on, `ROWS_AT_ONCE` at a time, with `messages` and `splits`."""
    import polars as pl

    decisions = run.read("decisions", number, ["sample_id", "kept", "splits"])
    small = {
        "verdicts": ["sample_id", "outcome", "verifier"],
        "tags": ["sample_id", pl.col("tokens").alias("completion_tokens")],
    }
    sides = [pl.scan_parquet(run.shard_path(stage, number)).select(names).collect() for stage, names in small.items()]  # type: ignore[arg-type]
    columns = ["sample_id", "problem_id", "teacher", "reasoning", "response", "finish_reason"]
    samples = pl.scan_parquet(run.shard_path("samples", number)).select(columns)
    for start in range(0, decisions.height, ROWS_AT_ONCE):
        kept = decisions.slice(start, ROWS_AT_ONCE).filter("kept").drop("kept")
        if kept.height:
            rows = samples.slice(start, ROWS_AT_ONCE).collect().join(kept, on="sample_id", maintain_order="left")
            for side in sides:
                rows = rows.join(side, on="sample_id", how="left", maintain_order="left")
            yield _with_messages(rows, problems, run.recipe)


def _with_messages(rows: pl.DataFrame, problems: pl.DataFrame, recipe: Recipe) -> pl.DataFrame:
    import polars as pl

    asked = problems.join(rows, on="problem_id", how="semi")
    prompts = pl.Series("prompt", [student_messages(prompt, recipe.sample) for prompt in asked["prompt"]], message_list())
    asked = asked.select("problem_id", public_sources(), "kind", "answer", "judged", "pass_rate", prompts)
    reasoning, response = (pl.col(name).str.replace_all(OUTER_BLANK_LINES, "") for name in ("reasoning", "response"))
    teachers = {name: public_teacher(name) for name in rows["teacher"].unique()}
    rows = rows.with_columns(
        pl.when(reasoning.str.contains(r"\S")).then(reasoning).alias("reasoning"),
        response.alias("response"),
        pl.col("teacher").replace_strict(teachers, return_dtype=pl.String),
    ).join(asked, on="problem_id", how="left", maintain_order="left")
    spelled = pl.any_horizontal(pl.col(text).str.contains(CONTROL_TOKEN).fill_null(False) for text in ("reasoning", "response"))
    return rows.filter(refusal("inline").is_null() & ~spelled).with_columns(shape(FORMATS["messages"], "inline"))
