"""Filters: one table per rule, doubles, and the bounds of the pass rate."""

import pytest
from cotkit.pipelines.curation.filters import FILTERS, wanted_by_filters
from cotkit.schemas.recipe import CurateConfig, SplitConfig
from cotkit.schemas.verdict import OUTCOMES

CASES = [(f"{rule.fields[0]}-{number}", case) for rule in FILTERS for number, case in enumerate(rule.cases)]


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_every_filter_drops_and_keeps_the_rows_that_it_says(case, reasons):
    assert reasons([case.row], **case.settings) == [case.reason]


def test_every_filter_says_what_it_drops_and_what_it_keeps():
    for rule in FILTERS:
        assert {case.reason is None for case in rule.cases} == {True, False}, rule.fields


def test_a_filter_that_is_off_reads_no_keys_of_its_own():
    assert wanted_by_filters(CurateConfig()) == {"compression_ratio"}
    assert wanted_by_filters(CurateConfig(min_compression_ratio=0.0)) == set()
    everything = {"max_repeated_share": 0.1, "max_foreign_share": 0.1, "max_boxes": 1, "reasoning": "required", "keep_leaked": False}
    everything |= {"max_problem_similarity": 0.9, "decontaminate": ["math500"]}
    everything |= {"keep_doubled_reasoning": False, "keep_answered_in_reasoning": False, "required_behaviours": ["a.b"]}
    assert wanted_by_filters(CurateConfig(**everything)) == {key for rule in FILTERS for key in rule.keys}


@pytest.mark.parametrize(
    ("row", "config", "reason"),
    [
        ({"tokens": 9}, {"splits": [SplitConfig(name="long", min_tokens=10)]}, "outside every split's length band"),
        ({"tokens": 10}, {"splits": [SplitConfig(name="long", min_tokens=10)]}, None),
        ({"tokens": 10}, {"splits": [SplitConfig(name="short", max_tokens=10)]}, None),
        ({"tokens": 11}, {"splits": [SplitConfig(name="short", max_tokens=10)]}, "outside every split's length band"),
        ({"tokens": 11}, {"splits": [SplitConfig(name="a", max_tokens=10), SplitConfig(name="b", min_tokens=11)]}, None),
        ({"outcome": None}, {"outcomes": list(OUTCOMES)}, "no verdict"),
    ],
)
def test_the_first_rule_that_fails_is_the_reason(row, config, reason, reasons):
    assert reasons([row], **config) == [reason]


SAME = {"text_hash": 7}


@pytest.mark.parametrize(
    ("rows", "config", "expected"),
    [
        ([SAME, SAME, SAME], {}, [None, "double of an earlier sample", "double of an earlier sample"]),
        ([SAME, SAME], {"keep_duplicates": True}, [None, None]),
        ([SAME, SAME | {"problem_id": "q"}], {}, [None, None]),
        ([SAME | {"finish_reason": "length"}, SAME, SAME], {}, ["finish reason is length", None, "double of an earlier sample"]),
        ([SAME, SAME | {"outcome": "wrong"}], {}, [None, "outcome is wrong"]),
    ],
    ids=["the_first_stays", "kept_when_asked", "other_problem", "a_dropped_sample_has_no_doubles", "the_earlier_rule_is_the_reason"],
)
def test_doubles_are_of_earlier_samples_that_got_as_far(rows, config, expected, reasons):
    assert reasons(rows, **config) == expected


RIGHT, WRONG, CRASHED = {}, {"outcome": "wrong"}, {"outcome": "crashed"}


@pytest.mark.parametrize(
    ("rows", "config", "expected"),
    [
        ([RIGHT] * 3 + [WRONG] * 7, {"max_pass_rate": 0.3}, None),
        ([RIGHT] * 3 + [WRONG] * 7, {"min_pass_rate": 0.3}, None),
        ([RIGHT] * 3 + [WRONG] * 6, {"max_pass_rate": 0.3}, "pass rate above 0.3"),
        ([RIGHT] * 3 + [WRONG] * 8, {"min_pass_rate": 0.3}, "pass rate below 0.3"),
        ([RIGHT] + [CRASHED] * 9, {"min_pass_rate": 1.0}, None),
        ([RIGHT, WRONG | {"problem_id": "q"}], {"min_pass_rate": 1.0}, None),
        ([CRASHED], {"min_pass_rate": 0.1, "outcomes": ["crashed"]}, "pass rate unknown"),
        ([CRASHED], {"outcomes": ["crashed"]}, None),
    ],
    ids=["at_the_top", "at_the_bottom", "above", "below", "crashes_do_not_count", "per_problem", "no_judged_sample", "no_bounds"],
)
def test_bounds_of_the_pass_rate_are_inclusive(rows, config, expected, reasons):
    assert reasons(rows, **config)[0] == expected
