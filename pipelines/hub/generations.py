"""The config `all_generations`: one row per problem with every sample of it in parallel lists, right or wrong, kept or not.

    {"problem_id": "41f0…", "problem": "What is 3 + 4?", "answer": "7", "sample_ids": ["9c1e…", "07aa…"], "responses": ["…", "…"],
     "reasonings": ["…", ""], "outcomes": ["correct", "wrong"], "completion_tokens": [812, 95], "splits": [["long"], []], …}

The lists of a row are never null and as long as one another; what a sample has not is `""` or an empty list.

A problem's samples may lie in any shard. One lean pass puts neighbouring problems into blocks of bounded size; then the shards are
read once, 1,024 samples at a time, and rows wait until their block is complete: in memory while they are few, else on disk. So time
grows with the rows, and memory does not.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...schemas.record import content_hash
from ..run_folder import STAGES, RunFolder
from .pieces import Pieces
from .public import public_sources, public_teacher

if TYPE_CHECKING:
    import polars as pl

VERSION = 1
SPILL = ".spill"
OF_PROBLEM = ("problem_id", "problem", "answer", "kind", "source", "subject", "level")
TEXT_LISTS = ("sample_ids", "teachers", "reasonings", "responses", "outcomes", "answers", "finish_reasons")
LISTS = (*TEXT_LISTS, "completion_tokens", "behaviours", "splits")
"""The parallel lists."""


class Sizes(NamedTuple):
    """What bounds memory."""

    block_tokens: int = 16_000_000
    """Generated tokens of a block's samples, some 64 MB of text; one problem is never cut in two."""
    rows_at_once: int = 1024
    """Samples that are read at once."""
    waiting_bytes: int = 256 * 2**20
    """Rows in memory that wait for the rest of their block; past it they are moved to disk."""


class Blocks(NamedTuple):
    """Neighbouring problems whose samples make one piece."""

    of_problem: pl.DataFrame
    """problem_id and block, in the problems' order; problems without samples are in none."""
    last_row: dict[int, tuple[int, int]]
    """The last sample of each block: its shard and its row there."""
    sizes: Sizes


def schema() -> pl.Schema:
    """Give the columns of `all_generations`."""
    import polars as pl

    texts, number = pl.List(pl.String()), pl.Int64()
    behaviour = pl.Struct({"behaviour": pl.String(), "count": number, "per_1000_tokens": pl.Float64()})
    return pl.Schema(
        {
            **dict.fromkeys(OF_PROBLEM, pl.String()),
            "benchmarks": texts,
            "judged": number,
            "correct": number,
            **dict.fromkeys(TEXT_LISTS, texts),
            "completion_tokens": pl.List(number),
            "behaviours": pl.List(pl.List(behaviour)),
            "splits": pl.List(texts),
        }
    )


def blocks_of(run: RunFolder, sizes: Sizes | None = None) -> Blocks:
    """Put problems into blocks; raises CotkitError when the run is not curated."""
    import polars as pl

    sizes = sizes or Sizes()
    for stage in STAGES:
        run.scan(stage)  # an error that names the command when a shard is missing
    shards = [
        pl.scan_parquet(run.shard_path("samples", number))
        .select("problem_id", "sample_id")
        .with_row_index("row")
        .join(pl.scan_parquet(run.shard_path("tags", number)).select("sample_id", "tokens"), on="sample_id")
        .group_by("problem_id")
        .agg(pl.col("tokens").sum(), pl.col("row").max().cast(pl.Int64))
        .with_columns(pl.lit(number, pl.Int64).alias("shard"))
        for number in run.shard_numbers()
    ]
    empty = pl.LazyFrame(schema={"problem_id": pl.String, "tokens": pl.Int64, "row": pl.Int64, "shard": pl.Int64})
    parts = pl.concat([empty, *shards]).collect()
    of_each = parts.group_by("problem_id").agg(pl.col("tokens").sum())
    placed = run.problems().select("problem_id").join(of_each, on="problem_id", maintain_order="left")
    before = pl.col("tokens").cum_sum() - pl.col("tokens")
    block = (before // sizes.block_tokens).rank("dense").cast(pl.Int64) - 1
    of_problem = placed.select("problem_id", block.alias("block")).drop_nulls("block")
    last = parts.join(of_problem, on="problem_id").sort("shard", "row").group_by("block").agg(pl.col("shard", "row").last())
    return Blocks(of_problem, {block: (shard, row) for block, shard, row in last.iter_rows()}, sizes)


def block_fingerprints(run: RunFolder, blocks: Blocks, benchmarks: str) -> list[str]:
    """Give the fingerprint of each block's piece; any changed shard changes them all."""
    inputs = [run.fingerprint(stage, number) for stage in STAGES for number in run.shard_numbers()]
    shared = content_hash("hub all_generations", VERSION, run.problems_fingerprint(), inputs, benchmarks)
    parts = blocks.of_problem.group_by("block", maintain_order=True).agg("problem_id")
    return [content_hash(shared, ids) for ids in parts["problem_id"].to_list()]


def write_generations(run: RunFolder, pieces: Pieces, blocks: Blocks, problems: pl.DataFrame) -> None:
    """Write the stale pieces; `problems` has the columns of Problem, and judged, correct and benchmarks."""
    stale = set(pieces.stale())
    if not stale:
        return
    spill = pieces.paths[0].parent / SPILL
    shutil.rmtree(spill, ignore_errors=True)  # of a build that was killed
    try:
        for block, rows in _gathered(run, blocks, stale, spill):
            with pieces.open(block) as write:
                write(_by_problem(rows, problems))
    finally:
        shutil.rmtree(spill, ignore_errors=True)


def _gathered(run: RunFolder, blocks: Blocks, wanted: set[int], spill: Path) -> Iterator[tuple[int, pl.DataFrame]]:
    """Give each wanted block with all of its samples, in the shards' order, as soon as its last one is read."""
    import polars as pl

    of_problem = blocks.of_problem.filter(pl.col("block").is_in(sorted(wanted)))
    waiting = _Waiting(spill, blocks.sizes.waiting_bytes)
    ends = {at: block for block, at in blocks.last_row.items() if block in wanted}
    for number in run.shard_numbers():
        for start, rows in _slices(run, number, of_problem, blocks.sizes.rows_at_once):
            for (block,), part in rows.group_by("block", maintain_order=True):
                waiting.add(int(block), part)  # type: ignore[call-overload]
            for row in range(start, start + blocks.sizes.rows_at_once):
                if (block := ends.get((number, row))) is not None:
                    yield block, waiting.take(block)


class _Waiting:
    """Rows of blocks that are not complete yet."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder = folder
        self.most = most
        self.parts: dict[int, list[pl.DataFrame]] = {}
        self.bytes = 0
        self.files = 0

    def add(self, block: int, part: pl.DataFrame) -> None:
        """Keep rows; when there are too many, all of them go to disk."""
        self.parts.setdefault(block, []).append(part)
        self.bytes += int(part.estimated_size())
        if self.bytes > self.most:
            for waiting, parts in self.parts.items():
                (self.folder / f"{waiting}").mkdir(parents=True, exist_ok=True)
                for rows in parts:
                    rows.write_ipc(self.folder / f"{waiting}" / f"{self.files:09}.arrow", compression="lz4")
                    self.files += 1
            self.parts, self.bytes = {}, 0

    def take(self, block: int) -> pl.DataFrame:
        """Give a block's rows in the order in which they came, and forget them."""
        import polars as pl

        parts = self.parts.pop(block, [])
        self.bytes -= sum(int(part.estimated_size()) for part in parts)
        found = pl.concat([*(pl.read_ipc(file) for file in sorted((self.folder / f"{block}").glob("*.arrow"))), *parts])
        shutil.rmtree(self.folder / f"{block}", ignore_errors=True)
        return found


def _slices(run: RunFolder, number: int, of_problem: pl.DataFrame, at_once: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """Read the samples of a shard that are in a block, and what is said of them, some at a time."""
    import polars as pl

    in_block = run.read("samples", number, ["problem_id"]).join(of_problem, on="problem_id", how="left", maintain_order="left")
    columns = ["sample_id", "problem_id", "teacher", "reasoning", "response", "finish_reason"]
    samples = pl.scan_parquet(run.shard_path("samples", number)).select(columns)
    said = [
        run.read("verdicts", number, ["sample_id", "outcome", "answer"]),
        run.read("tags", number, ["sample_id", "tokens", "behaviours"]),
        run.read("decisions", number, ["sample_id", "splits"]),
    ]
    for start in range(0, in_block.height, at_once):
        if in_block["block"].slice(start, at_once).is_not_null().any():
            part = samples.slice(start, at_once).collect().join(of_problem, on="problem_id", maintain_order="left")
            for rows in said:
                part = part.join(rows, on="sample_id", how="left", maintain_order="left")
            yield start, part


def _by_problem(rows: pl.DataFrame, problems: pl.DataFrame) -> pl.DataFrame:
    """Give one row per problem with the parallel lists."""
    import polars as pl

    teachers = {name: public_teacher(name) for name in rows["teacher"].unique()}
    entry = pl.element().struct
    said = pl.struct(
        pl.concat_str(entry.field("lexicon"), pl.lit("."), entry.field("behaviour")).alias("behaviour"),
        entry.field("count"),
        entry.field("per_1000_tokens"),
    )
    flat = rows.select(
        "problem_id",
        pl.col("sample_id").alias("sample_ids"),
        pl.col("teacher").replace_strict(teachers, return_dtype=pl.String).alias("teachers"),
        pl.col("reasoning").fill_null("").alias("reasonings"),
        pl.col("response").fill_null("").alias("responses"),
        pl.col("outcome").fill_null("").alias("outcomes"),
        pl.col("answer").fill_null("").alias("answers"),
        pl.col("finish_reason").fill_null("").alias("finish_reasons"),
        pl.col("tokens").fill_null(0).alias("completion_tokens"),
        pl.col("behaviours").fill_null([]).list.eval(said).alias("behaviours"),
        pl.col("splits").fill_null([]).alias("splits"),
    )
    lists = flat.group_by("problem_id", maintain_order=True).agg(pl.all())
    about = problems.join(lists, on="problem_id", how="semi").select(
        "problem_id", pl.col("prompt").alias("problem"), "answer", "kind", public_sources(), "benchmarks", "judged", "correct",
        *(pl.col(name).fill_null("") for name in ("subject", "level")),
    )  # fmt: skip
    return about.join(lists, on="problem_id", how="left", maintain_order="left")
