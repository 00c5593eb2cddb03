"""The allocation gives every problem what it is due: n samples, or as many as its verdicts call for."""

import math
from fractions import Fraction

import pytest
from cotkit.pipelines.sampling.allocation import Allocation, Draw, chance_of_rate
from cotkit.schemas.recipe import SampleConfig
from hypothesis import given
from hypothesis import strategies as st


def begun(problems: int, had: list[tuple[int, int, bool]] = [], **settings) -> Allocation:  # noqa: B006 - never changed
    allocation = Allocation(SampleConfig(teacher="scripted:mixed", **settings), problems)
    for place, index, correct in had:
        allocation.had(place, index, correct)
    allocation.begin()
    return allocation


def drain(allocation: Allocation, correct) -> list[Draw]:
    """Draw one after the other, judging each at once."""
    drawn = []
    while (draw := allocation.take()) is not None:
        drawn.append(draw)
        allocation.judged(draw.place, correct(draw))
    return drawn


def test_fixed_sampling_goes_problem_by_problem() -> None:
    assert drain(begun(2, n=2), lambda draw: True) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_fixed_sampling_fills_the_gaps_and_counts_what_is_there() -> None:
    allocation = begun(2, [(0, 1, True), (1, 0, False), (1, 7, True)], n=3)
    assert allocation.within_reach() == 2
    assert drain(allocation, lambda draw: True) == [(0, 0), (0, 2), (1, 1), (1, 2)]


def test_a_problem_is_settled_by_its_kth_correct_sample() -> None:
    allocation = begun(1, until_correct=2, n=50)
    drawn = drain(allocation, lambda draw: draw.index in (3, 5))
    assert [draw.index for draw in drawn] == [0, 1, 2, 3, 4, 5]
    assert allocation.settled == {"enough_correct": 1}


def test_a_problem_that_is_never_solved_ends_at_max_samples() -> None:
    allocation = begun(1, until_correct=1, max_samples=7)
    assert len(drain(allocation, lambda draw: False)) == 7
    assert allocation.settled == {"all_drawn": 1}


def test_a_hopeless_problem_is_given_up_and_a_hopeful_one_is_not() -> None:
    allocation = begun(2, until_correct=4, max_samples=1000, give_up=0.1, useful_pass_rate=0.1)
    drawn = drain(allocation, lambda draw: draw.place == 1 and draw.index % 5 == 0)
    counts = [sum(draw.place == place for draw in drawn) for place in (0, 1)]
    assert allocation.settled == {"given_up": 1, "enough_correct": 1}
    assert counts[1] == 16
    assert chance_of_rate(0.1, 0, counts[0]) < 0.1 <= chance_of_rate(0.1, 0, counts[0] - 1)


def test_no_more_run_at_once_than_are_expected_to_suffice() -> None:
    allocation = begun(1, until_correct=1, max_samples=64)
    running = [allocation.take() for _ in range(2)]
    assert None not in running
    assert allocation.take() is None  # 1 correct wanted / rate 1/2 = 2 at once
    for _ in range(2):
        allocation.judged(0, False)
    assert sum(allocation.take() is not None for _ in range(10)) == 4  # rate 1/4


def test_the_most_promising_problem_comes_next() -> None:
    allocation = begun(3, [(0, 0, False), (1, 0, True), (2, 0, False), (2, 1, False)], until_correct=2, max_samples=10)
    # what is missing first, by promise; then, as slots are idle, what is likely to be wanted beyond that
    assert [allocation.take() for _ in range(5)] == [(1, 1), (0, 1), (0, 2), (2, 2), (2, 3)]
    assert allocation.take() == (1, 2)


def test_while_other_problems_can_fill_the_slots_no_sample_is_drawn_that_may_be_of_no_use() -> None:
    allocation = begun(8, until_correct=4, max_samples=64)
    drawn = [allocation.take() for _ in range(32)]
    assert [draw.place for draw in drawn if draw] == [place for place in range(8) for _ in range(4)]
    assert sum(allocation.take() is not None for _ in range(100)) == 32  # idle slots: 4 wanted / rate 1/2 = 8 each


def test_an_aborted_draw_is_free_again_and_a_failed_one_is_not() -> None:
    allocation = begun(1, until_correct=1, max_samples=8)
    first, second = allocation.take(), allocation.take()
    assert first is not None
    assert second is not None
    allocation.dropped(first, again=True)
    assert allocation.take() == first
    allocation.dropped(second, again=False)
    assert allocation.take() == (0, 2)


def test_a_sample_that_cannot_be_judged_speaks_neither_for_nor_against_its_problem() -> None:
    allocation = begun(1, until_correct=1, max_samples=3)
    allocation.take()
    allocation.judged(0, False, judged=False)
    assert (allocation.problems[0].judged, allocation.problems[0].started) == (0, 1)


def test_only_the_verdict_that_settles_a_problem_asks_for_its_requests_to_be_aborted() -> None:
    allocation = begun(1, until_correct=1, max_samples=8)
    allocation.take(), allocation.take()
    assert allocation.judged(0, True) is True
    assert allocation.judged(0, True) is False


def test_what_is_settled_already_draws_nothing() -> None:
    assert begun(2, [(0, 0, True), (1, 0, True)], until_correct=1, max_samples=9).take() is None


@given(st.integers(0, 60), st.integers(0, 60), st.sampled_from([0.01, 0.05, 0.25, 0.5, 0.9]))
def test_the_chance_equals_the_exact_binomial_sum(correct: int, wrong: int, rate: float) -> None:
    trials, r = correct + wrong + 1, Fraction(rate)
    exact = sum(math.comb(trials, k) * r**k * (1 - r) ** (trials - k) for k in range(correct + 1))
    assert chance_of_rate(rate, correct, correct + wrong) == pytest.approx(float(exact), rel=1e-9, abs=1e-300)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 40)), min_size=1, max_size=6), st.integers(1, 4), st.integers(4, 20))
def test_every_problem_gets_enough_correct_samples_or_all_of_its_samples(places, until_correct: int, most: int) -> None:
    allocation = begun(len(places), until_correct=until_correct, max_samples=most)
    drawn = drain(allocation, lambda draw: draw.index >= places[draw.place][1] and draw.index % places[draw.place][0] == 0)
    assert len(set(drawn)) == len(drawn)
    for place, draws in enumerate(allocation.problems):
        assert draws.correct == until_correct or draws.started == most, place
        assert draws.settled is not None
