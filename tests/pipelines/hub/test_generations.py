"""`all_generations`: every sample once, lists of equal length, whatever shard a sample lies in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cotkit.pipelines.hub import CardOptions, build_dataset, generations
from cotkit.pipelines.hub.pieces import pieces_of
from cotkit.pipelines.run_folder import STAGES, RunFolder
from cotkit.pipelines.run_folder.pass_rates import pass_rates
from cotkit.schemas.record import content_hash

OPTIONS = CardOptions("me/sums")


def scattered(run: RunFolder, shards: int) -> RunFolder:
    """Deal the samples out anew, so that every problem has samples in every shard."""
    frames = {stage: run.scan(stage).collect().with_row_index("row") for stage in STAGES}
    for number in run.shard_numbers():
        for stage in STAGES:
            run.shard_path(stage, number).unlink()
    for stage, frame in frames.items():
        for number in range(shards):
            part = frame.filter(pl.col("row") % shards == number).drop("row")
            run.write(stage, number, part, content_hash(stage, shards, part.rows()))
    return run


def rows_of(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(sorted((folder / "all_generations").glob("*.parquet")))


def test_every_sample_is_there_once_with_what_is_said_of_it(make_run: Any) -> None:
    run = make_run(problems=10, shards=3)
    rows = rows_of(build_dataset(run, OPTIONS).path)
    assert rows["problem_id"].to_list() == run.problems()["problem_id"].to_list()
    flat = rows.select("problem_id", *generations.LISTS).explode(generations.LISTS)
    samples = run.scan("samples").collect()
    assert flat["sample_ids"].to_list() == samples["sample_id"].to_list()
    assert flat["responses"].to_list() == samples["response"].to_list()
    assert flat["reasonings"].to_list() == samples["reasoning"].to_list()
    assert flat["outcomes"].to_list() == run.scan("verdicts").collect()["outcome"].to_list()
    assert flat["completion_tokens"].to_list() == run.scan("tags").collect()["tokens"].to_list()
    assert flat["splits"].to_list() == run.scan("decisions").collect()["splits"].to_list()
    tags = [[f"{tag['lexicon']}.{tag['behaviour']}" for tag in row] for row in run.scan("tags").collect()["behaviours"].to_list()]
    assert [[tag["behaviour"] for tag in row] for row in flat["behaviours"].to_list()] == tags


def test_lists_are_never_null_and_equally_long(make_run: Any) -> None:
    holes = {(0, index): {"reasoning": None, "answer": None, "behaviours": [], "splits": [], "kept": False} for index in range(6)}
    run = make_run(problems=5, samples=holes)
    rows = rows_of(build_dataset(run, OPTIONS).path)
    lengths = rows.select(pl.col(generations.LISTS).list.len())
    assert [set(row) for row in lengths.iter_rows()] == [{6}] * 5
    for name in generations.LISTS:
        inner = rows[name].explode()
        assert (name, rows[name].null_count(), inner.null_count()) == (name, 0, 0)
    assert rows["reasonings"][0].to_list() == [""] * 6
    assert rows.null_count().sum_horizontal()[0] == 0


def in_blocks(run: RunFolder, sizes: generations.Sizes, folder: Path) -> Path:
    """Write `all_generations` alone, in blocks of other sizes."""
    blocks = generations.blocks_of(run, sizes)
    pieces = pieces_of(
        folder, ("all_generations", "all_generations", "train"), generations.block_fingerprints(run, blocks, ""), generations.schema()
    )
    problems = run.problems().join(pass_rates(run), on="problem_id").with_columns(pl.lit([], pl.List(pl.String)).alias("benchmarks"))
    generations.write_generations(run, pieces, blocks, problems)
    assert len(pieces.paths) > 5
    assert not list(folder.rglob(f"*{generations.SPILL}*"))
    return folder


@pytest.mark.parametrize("waiting_bytes", [0, 20_000, 10**9], ids=["all wait on disk", "some do", "none does"])
def test_blocks_and_scattered_shards_give_the_same_rows(make_run: Any, tmp_path: Path, waiting_bytes: int) -> None:
    whole = rows_of(build_dataset(make_run(name="ordered", problems=30, shards=2), OPTIONS).path)
    run = scattered(make_run(name="apart", problems=30, shards=2), shards=5)
    rows = rows_of(in_blocks(run, generations.Sizes(1000, 7, waiting_bytes), tmp_path / "blocks"))
    pairs = [frame.select("problem_id", *generations.LISTS).explode(generations.LISTS).sort("sample_ids") for frame in (whole, rows)]
    assert pairs[0].equals(pairs[1])
    assert rows["problem_id"].to_list() == whole["problem_id"].to_list()


def test_problems_without_samples_have_no_row(make_run: Any) -> None:
    run = make_run(problems=4, shards=1)
    for stage in STAGES:
        frame = run.read(stage, 0)
        run.write(stage, 0, frame.head(12), "f" * 20)
    assert rows_of(build_dataset(run, OPTIONS).path)["problem_id"].to_list() == run.problems()["problem_id"].to_list()[:2]


def test_a_fresh_folder_is_not_written_again(make_run: Any) -> None:
    run = make_run()
    built = build_dataset(run, OPTIONS)
    times = {name: (built.path / name).stat().st_mtime_ns for name in built.files if name.startswith(("data/", "all_", "rl/"))}
    contents = {name: (built.path / name).read_bytes() for name in built.files}
    again = build_dataset(run, OPTIONS)
    assert {name: (built.path / name).stat().st_mtime_ns for name in times} == times
    assert {name: (built.path / name).read_bytes() for name in again.files} == contents
