"""Splits: caps, bands, budgets, what is drawn by seed, and near doubles; an oracle row by row."""

import random
from collections import Counter

import polars as pl
import pytest
from cotkit.pipelines.curation import curate
from cotkit.pipelines.run_folder.pass_rates import JUDGED
from cotkit.pipelines.similarity import signature_column
from cotkit.schemas.decision import Decision
from cotkit.schemas.recipe import CurateConfig, SplitConfig
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("prefer", "taken"),
    [("first", [1, 2]), ("longest", [0, 3]), ("shortest", [1, 4])],
)
def test_the_cap_prefers_and_ties_go_to_the_lower_index(prefer, taken, reasons, splits):
    rows = [{"tokens": tokens, "index": index} for tokens, index in [(50, 3), (10, 0), (20, 1), (50, 4), (10, 2)]]
    expected = [["a"] if number in taken else [] for number in range(5)]
    assert splits(rows, SplitConfig(name="a", per_problem=2, prefer=prefer)) == expected
    dropped = [None if number in taken else "over the per-problem cap" for number in range(5)]
    assert reasons(rows, splits=[SplitConfig(name="a", per_problem=2, prefer=prefer)]) == dropped


def test_subsets_by_n_are_nested(splits):
    rows = [{"problem_id": problem, "index": index} for problem in "pq" for index in range(6)]
    taken = splits(rows, SplitConfig(name="two", first_n=2), SplitConfig(name="four", first_n=4))
    assert taken[:6] == [["two", "four"]] * 2 + [["four"]] * 2 + [[]] * 2
    assert taken[6:] == taken[:6]


def test_token_budgets_are_nested_and_kept_to(reasons, splits):
    rows = [{"problem_id": f"p{number % 7}", "index": number, "tokens": 10 + number} for number in range(60)]
    budgets = [SplitConfig(name=f"b{budget}", token_budget=budget) for budget in (200, 800, 5000)]
    taken = splits(rows, *budgets)
    spent = {split.name: sum(row["tokens"] for row, names in zip(rows, taken, strict=True) if split.name in names) for split in budgets}
    assert 120 < spent["b200"] <= 200
    assert 720 < spent["b800"] <= 800
    assert spent["b5000"] == sum(row["tokens"] for row in rows)
    assert all(set(names) in (set(), {"b5000"}, {"b800", "b5000"}, {"b200", "b800", "b5000"}) for names in taken)
    assert reasons(rows, splits=budgets[:1]).count("over a split's cap or budget") == sum("b200" not in names for names in taken)


def test_what_is_drawn_by_seed_does_not_depend_on_the_order_of_the_rows(splits):
    rows = [{"sample_id": f"s{number}", "problem_id": f"p{number % 3}", "index": number} for number in range(40)]
    split = SplitConfig(name="a", per_problem=3, prefer="random", seed=5)
    straight = {row["sample_id"] for row, names in zip(rows, splits(rows, split), strict=True) if names}
    turned = {row["sample_id"] for row, names in zip(rows[::-1], splits(rows[::-1], split), strict=True) if names}
    other = splits(rows, split.model_copy(update={"seed": 6}))
    assert straight == turned
    assert len(straight) == 9
    assert straight != {row["sample_id"] for row, names in zip(rows, other, strict=True) if names}


def test_round_robin_takes_from_each_teacher_in_turn(splits):
    rows = [{"teacher": teacher, "index": index} for teacher, count in (("a", 5), ("b", 1), ("c", 2)) for index in range(count)]
    taken = splits(rows, SplitConfig(name="s", per_problem=5, prefer="round_robin"))
    found = Counter(row["teacher"] for row, names in zip(rows, taken, strict=True) if names)
    assert found == {"a": 2, "b": 1, "c": 2}


def test_the_densest_are_those_with_most_of_the_behaviour(splits):
    checks = [("reflection.verification", 3.0), ("reflection.verification", 9.0), ("reflection.hedging", 20.0), (None, 0.0)]
    rows = [{"behaviours": [name] if name else [], "densities": [density] if name else []} for name, density in checks]
    split = SplitConfig(name="s", per_problem=2, prefer="densest", behaviour="reflection.verification")
    assert splits(rows, split) == [["s"], ["s"], [], []]


def test_near_doubles_of_an_earlier_sample_of_the_same_problem_are_dropped(reasons):
    long = " ".join(f"word{number}" for number in range(200))
    texts = [long, f"{long} and so on", "another text altogether, with words of its own and no others", long]
    signed = [{"signature": cell} for cell in signature_column(pl.Series(texts))]
    rows = [signed[0], signed[1], signed[2], signed[3] | {"problem_id": "q"}, signed[0] | {"outcome": "wrong"}]
    found = reasons(rows, max_similarity=0.8)
    assert found[0] is found[2] is found[3] is None
    assert found[1].startswith("much like sample s0 (0.9") or found[1].startswith("much like sample s0 (1.0")
    assert found[4] == "outcome is wrong"
    assert reasons(rows)[1] is None


def test_the_most_diverse_are_least_like_one_another(splits):
    texts = [
        " ".join(f"{theme}{number}" for number in range(start, 80 + start)) for theme, start in (("a", 0), ("a", 3), ("a", 6), ("b", 0))
    ]
    rows = [{"signature": cell} for cell in signature_column(pl.Series(texts))]
    assert splits(rows, SplitConfig(name="s", per_problem=2, prefer="diverse")) == [["s"], [], [], ["s"]]


def test_a_set_balanced_by_difficulty_has_so_many_problems_of_each_tenth(splits):
    rows = [
        {"problem_id": f"{right}-{copy}", "outcome": "correct" if index < right else "wrong"}
        for right in (1, 5, 10)
        for copy in range(6)
        for index in range(10)
    ]
    taken = splits(rows, SplitConfig(name="s", problems_per_tenth=2))
    problems_taken = {row["problem_id"] for row, names in zip(rows, taken, strict=True) if names}
    assert Counter(problem.split("-")[0] for problem in problems_taken) == {"1": 2, "5": 2, "10": 2}


@pytest.mark.parametrize(
    "settings",
    [{"prefer": "densest"}, {"behaviour": "reflection.verification"}, {"min_tokens": 5, "max_tokens": 4}],
    ids=["densest of nothing", "a behaviour without densest", "an empty band"],
)
def test_settings_of_a_split_that_contradict_each_other_are_refused(settings):
    with pytest.raises(ValidationError):
        SplitConfig(name="s", **settings)


def test_the_cap_counts_per_problem_and_equal_indices_go_by_order(splits):
    rows = [{"problem_id": problem, "index": 0} for problem in "pqpq"]
    assert splits(rows, SplitConfig(name="a", per_problem=1)) == [["a"], ["a"], [], []]


def test_the_band_is_applied_before_the_cap(reasons, splits):
    rows = [{"tokens": 5}, {"tokens": 50}, {"tokens": 60}]
    assert splits(rows, SplitConfig(name="long", min_tokens=10, per_problem=1)) == [[], ["long"], []]
    cause = reasons(rows, splits=[SplitConfig(name="long", min_tokens=10, per_problem=1)])
    assert cause == ["outside every split's length band", None, "over the per-problem cap"]


def test_a_sample_may_be_in_several_splits_in_the_recipes_order(splits):
    rows = [{"tokens": 50}, {"tokens": 5}]
    found = splits(rows, SplitConfig(name="long", min_tokens=10), SplitConfig(name="all"), SplitConfig(name="one", per_problem=1))
    assert found == [["long", "all", "one"], ["all"]]


def test_no_samples_give_the_right_columns(keys):
    decisions = curate(keys(), CurateConfig(min_pass_rate=0.5, splits=[SplitConfig(name="a", per_problem=1)]))
    assert decisions.equals(pl.DataFrame(schema=Decision.polars_schema()))


def oracle(rows: list[dict], config: CurateConfig) -> list[tuple[str | None, list[str]]]:
    """Decide row by row, without polars."""
    judged = {p: [r for r in rows if r["problem_id"] == p and r["outcome"] in JUDGED] for p in {r["problem_id"] for r in rows}}
    rates = {p: sum(r["outcome"] == "correct" for r in own) / len(own) if own else None for p, own in judged.items()}
    seen, failed = set(), []
    for row in rows:
        rate, reason, key = rates[row["problem_id"]], None, (row["problem_id"], row["text_hash"])
        if row["finish_reason"] not in config.finish_reasons:
            reason = f"finish reason is {row['finish_reason']}"
        elif row["outcome"] not in config.outcomes:
            reason = f"outcome is {row['outcome']}"
        elif row["compression_ratio"] < config.min_compression_ratio:
            reason = f"loops (compresses below {config.min_compression_ratio})"
        elif key in seen:
            reason = "double of an earlier sample"
        elif rate is None:
            reason = "pass rate unknown"
        elif rate < config.min_pass_rate:
            reason = f"pass rate below {config.min_pass_rate}"
        elif rate > config.max_pass_rate:
            reason = f"pass rate above {config.max_pass_rate}"
        if reason is None or reason.startswith("pass rate"):
            seen.add(key)
        failed.append(reason)
    in_splits: list[list[str]] = [[] for _ in rows]
    fits: set[int] = set()
    for split in config.splits:
        band = [n for n, r in enumerate(rows) if not failed[n] and (split.min_tokens or 0) <= r["tokens"] <= (split.max_tokens or 1e9)]
        fits |= set(band)
        sign = {"longest": -1, "shortest": 1, "first": 0}[split.prefer]
        for number in band:
            rivals = [n for n in band if rows[n]["problem_id"] == rows[number]["problem_id"]]
            rivals.sort(key=lambda n: (sign * rows[n]["tokens"], rows[n]["index"], n))
            if rivals.index(number) < (split.per_problem or len(rows)):
                in_splits[number].append(split.name)
    last = ["over the per-problem cap" if n in fits else "outside every split's length band" for n in range(len(rows))]
    return [(failed[n] or (None if in_splits[n] else last[n]), in_splits[n]) for n in range(len(rows))]


@pytest.mark.parametrize("seed", range(30))
def test_decisions_equal_those_made_row_by_row(seed, keys):
    choose = random.Random(seed)
    frame = keys(
        *[
            {
                "problem_id": choose.choice("pqrs"),
                "index": choose.randrange(4),
                "finish_reason": choose.choice(["stop", "stop", "stop", "length"]),
                "outcome": choose.choice(["correct", "correct", "correct", "wrong", "ambiguous", "timeout"]),
                "tokens": choose.randrange(1, 9),
                "compression_ratio": choose.choice([0.05, 0.2, 0.3, 0.4]),
                "text_hash": choose.randrange(12),
            }
            for _ in range(choose.randrange(1, 60))
        ]
    )
    config = CurateConfig(
        keep_duplicates=False,
        min_pass_rate=0.25,
        max_pass_rate=0.9,
        splits=[
            SplitConfig(name="long", min_tokens=5, per_problem=choose.randrange(1, 4), prefer="longest"),
            SplitConfig(name="short", max_tokens=4, per_problem=choose.randrange(1, 4), prefer="shortest"),
            SplitConfig(name="first", max_tokens=7, per_problem=1),
        ],
    )
    decisions = curate(frame, config)
    assert list(zip(decisions["reason"], decisions["splits"].to_list(), strict=True)) == oracle(frame.to_dicts(), config)
    assert decisions["kept"].to_list() == [reason is None for reason in decisions["reason"]]
    assert decisions["sample_id"].equals(frame["sample_id"])
