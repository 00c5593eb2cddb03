"""The report's numbers are those of the files."""

import math
from itertools import combinations
from typing import Any

import polars as pl
import pytest
from cotkit.pipelines.export import export_rl, export_sft
from cotkit.pipelines.report import FunnelRow, example_traces, funnel
from cotkit.pipelines.report.tables import OutcomeRow, outcome_rows, pass_at_k_rows, pass_rate_bins, reason_rows, saved_tokens, token_rows
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.recipe import Recipe, SampleConfig


def table(run: RunFolder, stage: str) -> pl.DataFrame:
    return pl.read_parquet(run.path / stage / "*.parquet")


def recipe(n: int) -> Recipe:
    return Recipe(sample=SampleConfig(n=n))


def test_the_funnel_counts_what_the_files_hold(make_run: Any) -> None:
    run = make_run(problems=20)
    exported = export_sft(run, run.recipe.export.sft) + export_rl(run, run.recipe.export.rl)
    samples, tokens = table(run, "samples"), table(run, "tags")["tokens"]
    correct, kept = table(run, "verdicts")["outcome"] == "correct", table(run, "decisions")["kept"]
    rows = funnel(run)
    assert rows[:5] == [
        FunnelRow("problems", "problems", 20, None),
        FunnelRow("problems with a correct sample", "problems", samples.filter(correct)["problem_id"].n_unique(), None),
        FunnelRow("samples", "samples", 120, tokens.sum()),
        FunnelRow("correct", "samples", correct.sum(), tokens.filter(correct).sum()),
        FunnelRow("kept", "samples", kept.sum(), tokens.filter(kept).sum()),
    ]
    on_disk = {
        item.path.name: (item.rows, item.tokens if item.format in ("trl", "messages") and item.tokens else None) for item in exported
    }
    assert {row.name: (row.count, row.tokens) for row in rows[5:]} == on_disk
    assert len(on_disk) == 6
    assert 0 < kept.sum() < 120


def test_the_funnel_of_a_run_without_later_stages_is_short(make_run: Any) -> None:
    run = make_run(stages=("samples",), problems=3, samples={(0, 0): {"completion_tokens": None}})
    total = table(run, "samples")["completion_tokens"].sum()
    assert funnel(run) == [FunnelRow("problems", "problems", 3, None), FunnelRow("samples", "samples", 18, total)]
    assert funnel(make_run(name="bare", stages=(), problems=3))[1] == FunnelRow("samples", "samples", 0, 0)


def test_an_adaptive_run_saved_what_it_did_not_draw(make_run: Any) -> None:
    samples = {(0, 0): {"tokens": 100}, (0, 1): {"tokens": 300}, (1, 0): {"tokens": 50}, (1, 1): {"tokens": 50}}
    adaptive = Recipe(sample=SampleConfig(n=2, until_correct=1, max_samples=10))
    assert saved_tokens(make_run(recipe=adaptive, problems=2, samples=samples)) == 8 * 200 + 8 * 50
    assert saved_tokens(make_run(name="fixed", recipe=recipe(2), problems=2, samples=samples)) == 0


def test_outcomes_are_counted_with_their_lengths(make_run: Any) -> None:
    tokens = [10, 20, 30, 40, 1000]
    samples = {(0, i): {"outcome": "correct" if i < 4 else "truncated", "tokens": count} for i, count in enumerate(tokens)}
    run = make_run(recipe=recipe(5), problems=1, samples=samples)
    correct, truncated = outcome_rows(run)
    assert (correct.outcome, correct.count, correct.tokens) == ("correct", 4, 100)
    assert correct.quantiles == pytest.approx((11.5, 17.5, 25, 32.5, 38.5))
    assert truncated == OutcomeRow("truncated", 1, 1000, (1000.0,) * 5)


def test_drop_reasons_are_counted_most_frequent_first(make_run: Any) -> None:
    run = make_run(problems=20)
    counts = table(run, "decisions").filter(~pl.col("kept"))["reason"].value_counts()
    rows = reason_rows(run)
    assert {row.reason: row.count for row in rows} == dict(counts.iter_rows())
    assert [row.count for row in rows] == sorted((row.count for row in rows), reverse=True)


def bins_of(make_run: Any, per_problem: list[str], n: int) -> dict[str, int]:
    """Make a run whose problem i has the outcomes spelled by letters, and give the bins that are not empty."""
    names = {"c": "correct", "w": "wrong", "t": "timeout"}
    samples = {(p, i): {"outcome": names[letter]} for p, letters in enumerate(per_problem) for i, letter in enumerate(letters)}
    bins = pass_rate_bins(make_run(recipe=recipe(n), problems=len(per_problem), samples=samples))
    return {row.label: row.count for row in bins if row.count}


def test_few_samples_are_binned_by_their_number(make_run: Any) -> None:
    assert bins_of(make_run, ["www", "cww", "ccc", "ccc"], 3) == {"0": 1, "1": 1, "3": 2}


def test_problems_with_fewer_judged_samples_keep_never_and_always_apart(make_run: Any) -> None:
    assert bins_of(make_run, ["wwww", "cttt", "wttt", "ctww", "cccc", "tttt"], 4) == {"0": 2, "1": 1, "4": 2}


def test_many_samples_are_binned_in_tenths(make_run: Any) -> None:
    patterns = ["c" * k + "w" * (20 - k) for k in (0, 1, 2, 14, 19, 20)]
    assert bins_of(make_run, patterns, 20) == {"0 %": 1, "0–10 %": 1, "10–20 %": 1, "70–80 %": 1, "90–100 %": 1, "100 %": 1}


def test_without_judged_samples_there_are_no_bins(make_run: Any) -> None:
    assert bins_of(make_run, ["tt"], 2) == {}


def test_pass_at_k_is_the_share_of_draws_that_hold_a_correct_sample(make_run: Any) -> None:
    outcomes = [["correct", "wrong", "wrong", "wrong"], ["correct"] * 4, ["wrong"] * 4]
    samples = {(p, i): {"outcome": outcome} for p, row in enumerate(outcomes) for i, outcome in enumerate(row)}
    rows = pass_at_k_rows(make_run(recipe=recipe(4), problems=3, samples=samples))
    exhaustive = {
        k: sum(any(row[i] == "correct" for i in draw) for row in outcomes for draw in combinations(range(4), k)) / (3 * math.comb(4, k))
        for k in (1, 2, 4)
    }
    assert {row.k: pytest.approx(row.value) for row in rows} == exhaustive
    assert all(row.problems == 3 and row.low is not None and row.low < row.value < (row.high or 0) for row in rows)
    adaptive = Recipe(sample=SampleConfig(n=4, until_correct=1))
    assert pass_at_k_rows(make_run(name="adaptive", recipe=adaptive, problems=3, samples=samples)) == []


def test_tokens_are_counted_by_what_became_of_them(make_run: Any) -> None:
    run = make_run(problems=20)
    rows = {row.fate: (row.samples, row.tokens) for row in token_rows(run)}
    tokens, kept = table(run, "tags")["tokens"], table(run, "decisions")["kept"]
    assert rows["kept"] == (kept.sum(), tokens.filter(kept).sum())
    assert sum(count for count, _ in rows.values()) == 120
    assert sum(total for _, total in rows.values()) == tokens.sum()
    assert token_rows(make_run(name="bare", stages=("samples",))) == []


def test_traces_vary_in_outcome_and_problem_and_stay_the_same(make_run: Any) -> None:
    run = make_run(problems=40)
    traces = example_traces(run, 9)
    assert traces.height == 9
    assert traces["outcome"][0] == "correct"
    assert traces["outcome"].n_unique() >= min(6, table(run, "verdicts")["outcome"].n_unique())
    assert traces.equals(example_traces(run, 9))
    verdicts = dict(table(run, "verdicts").select("sample_id", "outcome").iter_rows())
    responses = dict(table(run, "samples").select("sample_id", "response").iter_rows())
    for row in traces.to_dicts():
        assert row["outcome"] == verdicts[row["sample_id"]]
        assert row["response"] == responses[row["sample_id"]]
        assert row["prompt"].startswith("What is ")


def test_traces_of_one_outcome_show_different_problems(make_run: Any) -> None:
    run = make_run(problems=5, samples={(p, i): {"outcome": "correct"} for p in range(5) for i in range(6)})
    traces = example_traces(run, 4).filter(pl.col("kept"))
    assert traces["problem_id"].n_unique() == traces.height > 1


def test_fewer_samples_than_traces_are_all_shown_once(make_run: Any) -> None:
    run = make_run(recipe=recipe(1), problems=3)
    assert sorted(example_traces(run, 9)["sample_id"]) == sorted(table(run, "samples")["sample_id"])


def test_traces_without_later_stages_have_their_texts(make_run: Any) -> None:
    traces = example_traces(make_run(stages=("samples",)), 3)
    assert traces.height == 3
    assert traces["outcome"].null_count() == traces["kept"].null_count() == 3
    assert traces["response"].null_count() == 0


def test_near_doubles_are_one_reason_however_many_samples_they_name(make_run: Any) -> None:
    like = {(0, n): {"kept": False, "reason": f"much like sample {n:020x} (0.9{n})"} for n in range(3)}
    like |= {(1, n): {"kept": False, "reason": "much like problem 41f0 (1.0)"} for n in range(2)}
    run = make_run(problems=2, samples=like)
    rows = {row.reason: row.count for row in reason_rows(run)}
    assert rows["much like an earlier sample"] == 3
    assert rows["much like an earlier problem"] == 2
    assert not [reason for reason in rows if "0.9" in reason]
