"""The formulas of an evaluation against known truths: simulated models, and every subset counted."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from cotkit.pipelines.evaluation.majority import majority_at_k
from cotkit.pipelines.evaluation.statistics import (
    amount_estimate,
    avg_at_k,
    compare_pairs,
    difference_estimate,
    mean_estimate,
    pass_at_k,
    share_estimate,
    sign_flip_test,
)
from hypothesis import given, settings
from hypothesis import strategies as st

EVALUATIONS = 3_000
# problems, samples, and the Beta distribution that problems' pass rates are drawn from
MODELS = [
    pytest.param(30, 16, 0.15, 2.85, id="AIME-5%"),
    pytest.param(30, 16, 0.5, 0.5, id="AIME-50%"),
    pytest.param(30, 16, 2.85, 0.3, id="AIME-90%"),
    pytest.param(30, 1, 0.5, 0.5, id="AIME-greedy"),
    pytest.param(100, 4, 0.1, 1.9, id="hundred-5%"),
    pytest.param(500, 4, 1.5, 0.4, id="MATH-79%"),
    pytest.param(500, 1, 1.5, 0.4, id="MATH-greedy"),
    pytest.param(1000, 4, 0.5, 0.8, id="MMLU-38%"),
]


def evaluations(problems, samples, a, b, seed=8):
    dice = np.random.default_rng(seed)
    return dice.binomial(samples, dice.beta(a, b, size=(EVALUATIONS, problems)))


@pytest.mark.parametrize(("problems", "samples", "a", "b"), MODELS)
def test_the_interval_of_avg_covers_the_truth_93_to_97_times_in_100(problems, samples, a, b):
    truth = a / (a + b)
    found = [avg_at_k(correct, np.full(problems, samples)) for correct in evaluations(problems, samples, a, b)]
    assert np.mean([estimate.value for estimate in found]) == pytest.approx(truth, abs=0.01)
    assert 0.93 <= np.mean([estimate.low <= truth <= estimate.high for estimate in found]) <= 0.97


def test_thirty_problems_are_too_few_for_the_plain_interval_and_the_bootstrap():
    truth, samples = 0.05, np.full(30, 16)
    some = evaluations(30, 16, 0.15, 2.85)[:300]
    for method in ("t", "bootstrap"):
        found = [avg_at_k(correct, samples, method) for correct in some]
        assert np.mean([estimate.low <= truth <= estimate.high for estimate in found]) < 0.91


def test_samples_of_one_problem_do_not_make_the_interval_smaller():
    few, many = (avg_at_k(np.array([0, 1] * 20) * n, np.full(40, n)) for n in (1, 64))
    assert many.high - many.low == pytest.approx(few.high - few.low, rel=0.01)


def test_the_interval_of_a_paired_difference_covers_the_truth_and_is_smaller_than_one_of_two_samples():
    dice = np.random.default_rng(5)
    rates = dice.beta(0.8, 0.8, size=(1500, 60))
    better = 0.9 * rates + 0.1 * dice.beta(2, 1, size=rates.shape)
    truth = 0.1 * (2 / 3 - 0.5)
    pairs = zip(dice.binomial(8, rates) / 8, dice.binomial(8, better) / 8, strict=True)
    found = [(difference_estimate(two - one), one) for one, two in pairs]
    assert 0.93 <= np.mean([estimate.low <= truth <= estimate.high for estimate, _ in found]) <= 0.97
    alone = [mean_estimate(one) for _, one in found]
    assert np.mean([e.high - e.low for e, _ in found]) < 0.7 * np.mean([e.high - e.low for e in alone])


def test_the_test_of_a_difference_finds_nothing_19_times_in_20_where_there_is_none():
    dice = np.random.default_rng(6)
    rates = dice.beta(1, 1, size=(600, 10))
    p = [sign_flip_test(change) for change in (dice.binomial(4, rates) - dice.binomial(4, rates)) / 4]
    assert 0.01 <= np.mean(np.array(p) < 0.05) <= 0.06


@pytest.mark.parametrize(
    ("changes", "p"),
    [([], None), ([0.0, 0.0], 1.0), ([1.0], 1.0), ([1.0] * 5, 2 / 32), ([1.0, -1.0], 1.0), ([1.0] * 6 + [0.0] * 30, 2 / 64)],
)
def test_all_signs_are_tried_where_few_problems_differ(changes, p):
    assert sign_flip_test(changes) == p


@given(st.integers(1, 9), st.data())
@settings(max_examples=60, deadline=None)
def test_pass_at_k_equals_the_count_of_all_subsets(drawn, data):
    right, k = data.draw(st.integers(0, drawn)), data.draw(st.integers(1, drawn))
    subsets = list(itertools.combinations([True] * right + [False] * (drawn - right), k))
    assert pass_at_k([right], [drawn], k)[0] == pytest.approx(sum(map(any, subsets)) / len(subsets), abs=1e-12)


def test_pass_at_k_is_unbiased_needs_k_samples_and_bears_large_numbers():
    assert np.isnan(pass_at_k([1], [3], 4)).all()
    assert pass_at_k([50_000], [100_000], 3)[0] == pytest.approx(7 / 8, abs=1e-4)
    assert pass_at_k([3, 0, 16], [16, 16, 16], 1).tolist() == pytest.approx([3 / 16, 0, 1])
    with pytest.raises(ValueError, match="at least 1"):
        pass_at_k([1], [1], 0)
    dice = np.random.default_rng(2)
    drawn = dice.binomial(8, 0.3, size=20_000)
    assert pass_at_k(drawn, np.full(drawn.size, 8), 4).mean() == pytest.approx(1 - 0.7**4, abs=0.006)


def vote(subset):
    """Give the chance that the correct class, 0, wins a vote; -1 does not vote."""
    counts = Counter(place for place in subset if place >= 0)
    winners = [place for place, count in counts.items() if count == max(counts.values())]
    return (0 in winners) / len(winners) if winners else 0.0


@given(st.integers(0, 4), st.lists(st.integers(1, 3), max_size=3), st.integers(0, 2), st.data())
@settings(max_examples=120, deadline=None)
def test_maj_at_k_equals_the_count_of_all_subsets(correct, others, silent, data):
    samples = [0] * correct + [place for place, size in enumerate(others, 1) for _ in range(size)] + [-1] * silent
    k = data.draw(st.integers(1, max(1, len(samples))))
    if len(samples) < k:
        assert math.isnan(majority_at_k(correct, others, silent, k))
        return
    votes = [vote(subset) for subset in itertools.combinations(samples, k)]
    assert majority_at_k(correct, others, silent, k) == pytest.approx(sum(votes) / len(votes), abs=1e-9)


def test_maj_at_k_bears_thousands_of_samples():
    assert majority_at_k(1200, [500, 300], 48, 2048) == pytest.approx(1.0)
    assert majority_at_k(1000, [1000], 0, 2000) == pytest.approx(0.5)
    assert 0.4 < majority_at_k(600, [500, 400], 0, 9) < 0.6


def test_shares_and_amounts_take_problems_as_clusters():
    share = share_estimate([4, 0, 4, 0], [4, 4, 4, 4])
    assert (share.value, share.low < 0.2, share.high > 0.8) == (0.5, True, True)  # four draws, not sixteen
    tokens = amount_estimate([100, 300], [1, 3])
    assert (tokens.value, tokens.low, tokens.high) == (100.0, 100.0, 100.0)
    assert share_estimate([0, 0], [0, 0]).value is None
    assert amount_estimate([5], [1]).low is None


def test_equal_models_still_have_an_interval_and_other_problems_are_refused():
    same = compare_pairs([1.0] * 30, [1.0] * 30)
    assert (same.difference.value, same.p_value) == (0.0, 1.0)
    assert same.difference.low < 0 < same.difference.high
    with pytest.raises(ValueError, match="not the same problems"):
        compare_pairs([1.0], [1.0, 0.0])


def test_gained_and_lost_problems_are_those_that_cross_half():
    paired = compare_pairs([0.0, 1.0, 0.75, 0.5, 0.25], [0.75, 0.25, 1.0, 1.0, 0.5])
    assert (paired.gained.tolist(), paired.lost.tolist()) == ([True] + [False] * 4, [False, True] + [False] * 3)
