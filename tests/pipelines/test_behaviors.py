"""Behaviour rates: the table of a run by groups, the intervals against simulated truth, and what is wrong with a run."""

import math
import random
import re

import polars as pl
import pytest
from cotkit.pipelines.behaviors import BehaviourRate, behaviour_rates, count_interval, markdown, share_interval, student_t
from cotkit.schemas.errors import CotkitError


def shown(behaviour: str, count: int, tenth: int = 0) -> dict:
    curve = [0] * 10
    curve[tenth] = count
    entry = {"lexicon": "demystify", "behaviour": behaviour, "count": count, "per_1000_tokens": 0.0, "first_position": 0.0}
    return entry | {"curve": curve}


@pytest.fixture
def run(make_run):
    """Two problems of three samples, two correct and one wrong each but for one."""
    samples = {
        (0, 0): {"outcome": "correct", "tokens": 100, "behaviours": [shown("wait", 3)], "teacher": "a"},
        (0, 1): {"outcome": "correct", "tokens": 300, "behaviours": [], "python_blocks": 2, "teacher": "a"},
        (0, 2): {"outcome": "wrong", "tokens": 500, "behaviours": [shown("retry", 1), shown("wait", 1, 9)], "teacher": "b"},
        (1, 0): {"outcome": "correct", "tokens": 100, "behaviours": [shown("wait", 1)], "teacher": "a"},
        (1, 1): {"outcome": "wrong", "tokens": 200, "behaviours": [], "teacher": "b"},
        (1, 2): {"outcome": "wrong", "tokens": 300, "behaviours": [shown("wait", 2, 9)], "teacher": "b"},
    }
    from cotkit.schemas.recipe import Recipe, SampleConfig

    return make_run(recipe=Recipe(sample=SampleConfig(teacher="scripted:mixed", n=3)), problems=2, shards=2, samples=samples)


def cells(rates: list[BehaviourRate]) -> dict[tuple[str, str], tuple[int, int, float, float | None]]:
    return {(rate.behaviour, rate.group): (rate.samples, rate.problems, rate.share, rate.per_1000_tokens) for rate in rates}


def test_rates_are_of_all_samples_of_a_group_together(run):
    assert cells(behaviour_rates(run)) == {
        ("python", "all"): (6, 2, 1 / 6, pytest.approx(2000 / 1500)),
        ("retry", "all"): (6, 2, 1 / 6, pytest.approx(1000 / 1500)),
        ("wait", "all"): (6, 2, 4 / 6, pytest.approx(7000 / 1500)),
    }


def test_a_behaviour_of_one_group_has_a_row_in_each(run):
    assert cells(behaviour_rates(run, "outcome", ["demystify"])) == {
        ("retry", "correct"): (3, 2, 0.0, 0.0),
        ("retry", "wrong"): (3, 2, 1 / 3, pytest.approx(1.0)),
        ("wait", "correct"): (3, 2, 2 / 3, pytest.approx(8.0)),
        ("wait", "wrong"): (3, 2, 2 / 3, pytest.approx(3.0)),
    }


@pytest.mark.parametrize(("by", "groups"), [("none", {"all"}), ("teacher", {"a", "b"}), ("source", {"sums.jsonl"})])
def test_samples_are_grouped_by_what_is_asked(run, by, groups):
    assert {rate.group for rate in behaviour_rates(run, by)} == groups


def test_the_curve_sums_over_samples_and_code_has_none(run):
    curves = {rate.behaviour: rate.curve for rate in behaviour_rates(run)}
    assert curves == {"wait": [4, 0, 0, 0, 0, 0, 0, 0, 0, 3], "retry": [1, *[0] * 9], "python": None}


def test_the_table_reads_as_markdown(run):
    lines = markdown(behaviour_rates(run, lexicons=["demystify"])).splitlines()
    assert lines[0] == "| lexicon | behaviour | group | samples | problems | % of samples | per 1,000 tokens |"
    assert re.fullmatch(
        r"\| demystify \| wait \| all \| 6 \| 2 \| 66\.7 \(\d+\.\d–\d+\.\d\) \| 4\.667 \(\d+\.\d{3}–\d+\.\d{3}\) \|", lines[3]
    )
    one = behaviour_rates(run, lexicons=["demystify"])[0]
    assert "| run | " in markdown([one, one._replace(run="other")])


def test_an_interval_needs_two_problems_and_holds_the_rate(run):
    for rate in behaviour_rates(run):
        assert rate.share_low <= rate.share <= rate.share_high
        assert rate.rate_low <= rate.per_1000_tokens <= rate.rate_high
    assert share_interval(0.5, math.nan, 10, 1) == (None, None) == count_interval(0.5, math.nan, 10, 1)


def test_what_is_wrong_with_a_run_is_said(run, make_run):
    with pytest.raises(CotkitError, match="no matches of a lexicon 'reflection'\nhint: counted were code, demystify"):
        behaviour_rates(run, lexicons=["reflection"])
    with pytest.raises(CotkitError, match="no verdicts yet"):
        behaviour_rates(make_run("untold", stages=("samples", "tags")), "outcome")
    path = run.shard_path("tags", 0)
    pl.read_parquet(path).drop("repeated_share").write_parquet(path)
    with pytest.raises(CotkitError, match=r"written by an older cotkit\nhint: run `cotkit tag"):
        behaviour_rates(run)


def test_a_run_without_samples_has_no_rates(make_run):
    assert behaviour_rates(make_run(problems=0)) == []


def test_students_t_is_that_of_the_tables():
    table = {1: 12.7062, 2: 4.30265, 3: 3.18245, 4: 2.77645, 5: 2.57058, 10: 2.22814, 30: 2.04227, 120: 1.97993}
    assert {freedom: student_t(freedom) for freedom in table} == pytest.approx(table, rel=1.3e-3)


def simulated(problems: int, share: float, alike: float, seed: int) -> tuple[bool, bool, bool]:
    """Draw samples of problems that resemble one another; say which intervals hold the truth, and whether a naive one does.

    A problem shows the behaviour with a Beta-distributed rate of mean `share` and intra-class correlation `alike`; problems have 1
    to 16 samples and lengths of their own.
    """
    choose = random.Random(seed)
    a, b = share * (1 / alike - 1), (1 - share) * (1 / alike - 1)
    rows = []
    for _ in range(problems):
        rate, m = choose.betavariate(a, b), choose.randrange(1, 17)
        tokens = [choose.lognormvariate(7, 0.5) for _ in range(m)]
        y = sum(choose.random() < rate for _ in range(m))
        k = sum(choose.random() < rate for one in tokens for _ in range(round(one / 100)))
        rows.append((y, m, k, 100 * sum(round(one / 100) for one in tokens)))
    y, m, k, t = (sum(column) for column in zip(*rows, strict=True))
    p, r = y / m, k / t
    factor = problems / (problems - 1)
    low, high = share_interval(p, factor * sum((a - p * b) ** 2 for a, b, _, _ in rows) / m**2, m, problems)
    first, last = count_interval(r, factor * sum((a - r * b) ** 2 for _, _, a, b in rows) / t**2, t, problems)
    return low <= share <= high, first <= share / 100 <= last, abs(p - share) <= 1.96 * math.sqrt(p * (1 - p) / m)


@pytest.mark.parametrize(
    ("problems", "share", "alike", "least"),
    [(400, 0.3, 0.3, 0.93), (100, 0.5, 0.5, 0.91), (100, 0.05, 0.1, 0.92), (30, 0.3, 0.3, 0.91)],
    ids=["many_problems", "very_alike", "rare", "few_problems"],
)
def test_intervals_hold_the_truth_nineteen_times_in_twenty(problems, share, alike, least):
    held = [simulated(problems, share, alike, seed) for seed in range(500)]
    shares, counts, naive = (sum(column) / len(held) for column in zip(*held, strict=True))
    assert least <= shares <= 0.985
    assert least - 0.02 <= counts <= 0.985
    assert naive < 0.9
