"""Decisions that look across the shards of a run, and what makes them stale."""

import random
import time

import numpy as np
import polars as pl
import pytest
from cotkit.pipelines.curation import curate, curate_run, likeness, split_totals
from cotkit.pipelines.curation.keys import key_shards, read_keys
from cotkit.pipelines.execute.stages import Computed
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.run_folder.pass_rates import pass_rates
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import CurateConfig, Recipe, SplitConfig
from cotkit.schemas.tags import Tags


def test_doubles_caps_and_pass_rates_look_across_shards(run, write_shard, decided):
    write_shard(run, 0, [{"text": "a"}, {"problem": 1, "text": "a", "tokens": 9}, {"problem": 2}])
    write_shard(run, 1, [{"text": "a"}, {"problem": 1, "tokens": 10}, {"problem": 2, "outcome": "wrong"}])
    config = CurateConfig(min_pass_rate=0.6, splits=[SplitConfig(name="a", per_problem=1, prefer="longest")])
    assert curate_run(run, config) == Computed(2, 0)
    low = "pass rate below 0.6"
    assert decided(run) == [[None, "over the per-problem cap", low], ["double of an earlier sample", None, "outcome is wrong"]]


@pytest.mark.parametrize(
    ("config", "measure"),
    [({}, "compression"), ({"max_repeated_share": 0.5}, "repetition"), ({"max_foreign_share": 0.5}, "scripts")],
    ids=["compression", "repetition", "scripts"],
)
def test_a_rule_on_what_was_not_measured_is_an_error(run, config, measure, write_shard):
    write_shard(run, 0, [{}])
    tags = run.read("tags", 0).with_columns(pl.lit(None).alias("compression_ratio") if measure == "compression" else [])
    run.write("tags", 0, tags.cast(dict(Tags.polars_schema())), "not measured")
    with pytest.raises(CotkitError, match=rf"(?s)was not measured.*'{measure}'"):
        curate_run(run, CurateConfig(**config))


def test_only_stale_decisions_are_written_again(run, write_shard, decided):
    for number in range(2):
        write_shard(run, number, [{"text": "a"}, {"outcome": "wrong"}])
    seen = []
    assert curate_run(run, CurateConfig(), progress=lambda done, total: seen.append((done, total))) == Computed(2, 0)
    assert seen == [(1, 2), (2, 2)]
    assert curate_run(run, CurateConfig()) == Computed(0, 2)
    run.shard_path("decisions", 1).unlink()
    assert curate_run(run, CurateConfig()) == Computed(1, 1)
    assert curate_run(run, CurateConfig(keep_duplicates=True)) == Computed(2, 0)
    assert decided(run) == [[None, "outcome is wrong"], [None, "outcome is wrong"]]
    write_shard(run, 2, [{"problem": 1}])
    assert curate_run(run, CurateConfig(keep_duplicates=True)) == Computed(3, 0)
    run.write("verdicts", 0, run.read("verdicts", 0), "judged again")
    assert curate_run(run, CurateConfig(keep_duplicates=True)) == Computed(3, 0)


def test_a_run_without_samples_has_nothing_to_decide(run):
    assert curate_run(run, CurateConfig()) == Computed(0, 0)


@pytest.mark.parametrize(("stage", "verb"), [("verdicts", "verify"), ("tags", "tag")])
def test_a_missing_stage_and_foreign_rows_name_the_file_and_the_command(run, stage, verb, write_shard):
    write_shard(run, 0, [{}, {}])
    run.write(stage, 0, run.read(stage, 0)[[1, 0]], "reversed")
    with pytest.raises(CotkitError, match=rf"{stage}/00000\.parquet: its rows are not those of the samples\nhint: .*cotkit {verb}"):
        curate_run(run, CurateConfig())
    run.shard_path(stage, 0).unlink()
    with pytest.raises(CotkitError, match=rf"{stage}/00000\.parquet: no {stage} yet\nhint: run `cotkit {verb}"):
        curate_run(run, CurateConfig())


def test_leaked_problems_are_dropped_from_a_run(tmp_path, write_shard, decided):
    asked = [Problem.make("3 + 4? The answer is 7", "7", "number"), Problem.make("3 + 5?", "8", "number")]
    frame = pl.DataFrame([problem.model_dump() for problem in asked], schema=Problem.polars_schema())
    run = RunFolder.create(tmp_path / "run", Recipe(), frame)
    write_shard(run, 0, [{"problem": 0}, {"problem": 1}])
    curate_run(run, CurateConfig(keep_leaked=False))
    assert decided(run) == [["the prompt states the answer", None]]


def test_problems_of_a_benchmark_and_doubles_of_problems_are_dropped_from_a_run(tmp_path, write_shard, decided):
    question = "A farmer has 12 cows and 7 goats and sells 3 of the cows at the market on Monday. How many animals are left on the farm?"
    asked = [question, f"{question} ", "How many legs do 12 cows and 7 goats have together when one of the goats has lost a leg?", "2 + 2?"]
    asked = [Problem.make(prompt, str(number), "number") for number, prompt in enumerate(asked)]
    frame = pl.DataFrame([problem.model_dump() for problem in asked], schema=Problem.polars_schema())
    run = RunFolder.create(tmp_path / "run", Recipe(), frame)
    write_shard(run, 0, [{"problem": number} for number in range(4)])
    benchmark = tmp_path / "held_out.jsonl"
    benchmark.write_text('{"question": "how many legs do 12 cows and 7 goats have together, when one of the goats has lost a leg"}\n')
    curate_run(run, CurateConfig(decontaminate=[str(benchmark)], max_problem_similarity=0.9))
    doubled = f"much like problem {asked[0].problem_id} (1.0)"
    assert decided(run) == [[None, doubled, "stands in held_out (exact)", None]]
    benchmark.write_text('{"question": "2 + 2 ?"}\n')
    curate_run(run, CurateConfig(decontaminate=[str(benchmark)]))
    assert decided(run) == [[None, None, None, "stands in held_out (exact)"]]


def test_a_benchmark_that_is_not_there_is_an_error_before_anything_is_written(run, write_shard):
    write_shard(run, 0, [{}])
    with pytest.raises(CotkitError, match="no benchmark 'math501'"):
        curate_run(run, CurateConfig(decontaminate=["math501"]))


def test_a_sample_that_was_drawn_again_with_a_larger_budget_does_not_count_in_the_pass_rate(run, write_shard, decided):
    short, long = (f'{{"max_tokens": {budget}, "seed": 0}}' for budget in (100, 200))
    cut = {"finish_reason": "length", "outcome": "truncated"}
    write_shard(run, 0, [{"index": 0, "parameters": short} | cut, {"index": 1, "parameters": short} | cut])
    write_shard(run, 1, [{"index": 0, "parameters": long}])
    assert pass_rates(run).row(0)[1:] == (2, 2, 1, 0.5)
    curate_run(run, CurateConfig(min_pass_rate=0.5))
    assert decided(run) == [["finish reason is length"] * 2, [None]]


QUESTION = "How many legs do 12 cows and 7 goats have together when one of the goats has lost a leg?"


def asked(*prompts: str) -> pl.DataFrame:
    rows = [Problem.make(prompt, str(number), "number").model_dump() for number, prompt in enumerate(prompts)]
    return pl.DataFrame(rows, schema=Problem.polars_schema())


def test_pairs_with_a_benchmark_are_left_beside_the_decisions(tmp_path, write_shard):
    run = RunFolder.create(tmp_path / "run", Recipe(), asked(QUESTION.upper(), "2 + 2?"))
    write_shard(run, 0, [{"problem": 0}, {"problem": 1}])
    benchmark = tmp_path / "held_out.jsonl"
    benchmark.write_text(f'{{"question": "Who?"}}\n{{"question": "{QUESTION}"}}\n')
    curate_run(run, CurateConfig(decontaminate=[str(benchmark)]))
    (pair,) = pl.read_parquet(run.path / "contamination.parquet").to_dicts()
    assert pair == {
        "problem_id": run.problems()["problem_id"][0],
        "benchmark": "held_out",
        "row": 2,
        "matcher": "exact",
        "score": 1.0,
        "prompt": QUESTION.upper(),
        "question": QUESTION,
    }
    curate_run(run, CurateConfig())
    assert not (run.path / "contamination.parquet").exists()


@pytest.mark.parametrize(("words", "drops"), [(2, True), (12, False)])
def test_fewer_words_in_a_row_find_looser_copies(tmp_path, write_shard, decided, words, drops):
    texts = [f"{start} " + " ".join(f"word{n} and" + (" so" if n % 8 == start else "") for n in range(200)) for start in (0, 1)]
    run = RunFolder.create(tmp_path / "run", Recipe(), asked("2 + 2?"))
    write_shard(run, 0, [{"text": text, "index": index} for index, text in enumerate(texts)])
    curate_run(run, CurateConfig(max_similarity=0.6, shingle_words=words))
    assert [reason is not None for reason in decided(run)[0]] == [False, drops]


def test_likeness_is_the_same_however_many_rows_are_looked_at_at_once(run, write_shard):
    choose = random.Random(3)
    texts = [" ".join(choose.choices("abcdefghijklmnop", k=40)) for _ in range(12)]
    texts += [f"{text} and" for text in texts[:6]] + texts[6:9]
    for number in range(3):
        write_shard(run, number, [{"problem": n % 3, "index": n, "text": text} for n, text in enumerate(texts) if n % 5 % 3 == number])
    config = CurateConfig(max_similarity=0.7)
    key_shards(run, config)
    shards = [read_keys(run, number) for number in range(3)]
    rows = pl.concat(shards).with_row_index("row")
    fetch = likeness.stored_signatures(run, {number: shard.height for number, shard in enumerate(shards)})
    assert fetch(pl.Series([20, 0, 7])).to_list() == [
        run.read("keys", shard, ["signature"])["signature"][place] for shard, place in ((2, shards[2].height - 1), (0, 0), (0, 7))
    ]
    near, taken = likeness.near_double(rows, 0.7, fetch), likeness.least_alike(rows, 2, fetch)
    assert (near.height, len(taken)) == (9, 6)
    for at_once in (1, 8):
        assert likeness.near_double(rows, 0.7, fetch, at_once).sort("row").equals(near.sort("row"))
        assert sorted(likeness.least_alike(rows, 2, fetch, at_once)) == sorted(taken)


def test_totals_of_splits_are_in_the_recipes_order(run, write_shard):
    write_shard(run, 0, [{"tokens": 10}, {"tokens": 20, "index": 1}, {"tokens": 40, "outcome": "wrong"}])
    write_shard(run, 1, [{"tokens": 80, "problem": 1}])
    splits = [SplitConfig(name="none", min_tokens=500), SplitConfig(name="first", first_n=1), SplitConfig(name="all")]
    config = CurateConfig(splits=splits)
    run.save_recipe(Recipe(curate=config))
    curate_run(run, config)
    assert split_totals(run) == [("none", 0, 0, 0), ("first", 2, 2, 90), ("all", 3, 2, 110)]


@pytest.mark.slow
@pytest.mark.parametrize("distinct", [2, 100_000], ids=["two texts", "all distinct"])
def test_one_problem_with_100_000_samples_takes_seconds(run, distinct):
    count = 100_000
    ids = pl.Series("sample_id", [f"{n:020x}" for n in range(count)])
    frame = pl.select(ids, index=pl.int_range(count), tokens=pl.int_range(count) % 977)
    frame = frame.with_columns(
        problem_id=pl.lit("p"), finish_reason=pl.lit("stop"), draw=pl.int_range(count), budget=0, outcome=pl.lit("correct"),
        compression_ratio=0.4, text_hash=pl.int_range(count) % distinct,
    )  # fmt: skip
    signatures = np.random.default_rng(0).integers(0, 256, (distinct, 128), np.uint8)

    def fetch(rows: pl.Series) -> pl.Series:
        return pl.Series([signatures[row % distinct].tobytes() for row in rows], dtype=pl.Binary)

    splits = [SplitConfig(name="d", per_problem=4, prefer="diverse"), SplitConfig(name="s", per_problem=4, prefer="shortest")]
    started = time.process_time()
    decisions = curate(frame, CurateConfig(keep_duplicates=distinct == 2, max_similarity=0.9, splits=splits), fetch)
    assert time.process_time() - started < 60
    assert decisions["kept"].sum() == (2 if distinct == 2 else 7)  # the first is in both splits
