"""Rewards: the published values, the orderings that the values promise, and equality with slow, obvious references."""

import math

import numpy as np
import pytest
from cotkit.schemas.reward import PRESETS, BudgetConfig, CosineConfig, FormatConfig, OverlongConfig, RepetitionConfig, RewardConfig
from cotkit.schemas.verdict import OUTCOMES
from cotkit.verifiers.rewards import (
    Rollouts,
    add_up,
    classic_reward,
    cosine_reward,
    format_reward,
    multi_discount_advantages,
    multi_discount_returns,
    overlong_penalty,
    repetition_penalty,
    sparse_repetition_penalty,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

WITH_WRONG_PUNISHED = ("paper", "B", "C")


# arXiv 2502.03373, section 4.2 with the values of tables 7 and 10 and L_max = 14,336: length, then the reward of a correct completion by
# paper, A, B, C, then of a wrong one by paper and A (B and C punish as the paper's values do)
@pytest.mark.parametrize(
    ("length", "correct", "wrong"),
    [
        (0, (2.0000, 0.0000, 6.0000, 10.0000), (-10.0000, 0.0)),
        (1000, (1.9880, 0.1196, 5.9880, 9.9880), (-9.8804, 0.0)),
        (3584, (1.8536, 1.4645, 5.8536, 9.8536), (-8.5355, 0.0)),
        (7168, (1.5000, 5.0000, 5.5000, 9.5000), (-5.0000, 0.0)),
        (10752, (1.1464, 8.5355, 5.1464, 9.1464), (-1.4645, 0.0)),
        (14319, (1.0000, 10.0000, 5.0000, 9.0000), (0.0000, 0.0)),
        (14320, (-10.0,) * 4, (-10.0, -10.0)),
        (14336, (-10.0,) * 4, (-10.0, -10.0)),
    ],
)
def test_the_cosine_reward_pays_the_published_values(length: int, correct: tuple[float, ...], wrong: tuple[float, ...]) -> None:
    for preset, of_correct, of_wrong in zip(PRESETS, correct, (*wrong, wrong[0], wrong[0]), strict=True):
        paid = cosine_reward(["correct", "wrong"], [length, length], CosineConfig(preset=preset))
        assert paid == pytest.approx([of_correct, of_wrong], abs=6e-5), preset


@given(st.sampled_from(WITH_WRONG_PUNISHED), st.integers(0, 14_318), st.integers(1, 14_319), st.integers(100, 20_000))
def test_the_three_orderings_hold_at_every_length(preset: str, length: int, more: int, budget: int) -> None:
    config = CosineConfig(preset=preset, max_tokens=budget)
    room = budget - config.margin
    short, long = sorted((length % room, more % room))
    right_short, right_long, wrong_short, wrong_long = cosine_reward(
        ["correct", "correct", "wrong", "wrong"], [short, long, short, long], config
    )
    assert min(right_short, right_long) > max(wrong_short, wrong_long)
    assert right_short >= right_long
    assert wrong_short <= wrong_long
    if long - short > budget / 100:
        assert right_short > right_long
        assert wrong_short < wrong_long


def test_presets_say_which_orderings_they_break() -> None:
    assert [CosineConfig(preset=preset).broken_constraints() for preset in WITH_WRONG_PUNISHED] == [[], [], []]
    assert len(CosineConfig(preset="A").broken_constraints()) == 3
    assert CosineConfig(preset="A", correct_at_zero=20.0).broken_constraints() == ["a short wrong completion earns less than a long one"]


def cosine_reference(outcome: str, length: int, config: CosineConfig) -> float:
    if length + config.margin >= config.max_tokens:
        return config.exceeded
    if outcome in ("unreadable_gold", "timeout", "out_of_memory", "crashed"):
        return math.nan
    zero, most = (config.correct_at_zero, config.correct_at_max) if outcome == "correct" else (config.wrong_at_zero, config.wrong_at_max)
    return most + 0.5 * (zero - most) * (1 + math.cos(math.pi * length / config.max_tokens))


def test_10_000_random_cases_equal_the_reference() -> None:
    rng = np.random.default_rng(0)
    for config in (CosineConfig(), CosineConfig(preset="A", max_tokens=2048, margin=0), CosineConfig(wrong_at_zero=-3.5, exceeded=-1.0)):
        outcomes = [OUTCOMES[i] for i in rng.integers(0, len(OUTCOMES), 3400)]
        lengths = rng.integers(0, config.max_tokens + 40, 3400)
        expected = [cosine_reference(outcome, int(length), config) for outcome, length in zip(outcomes, lengths, strict=True)]
        np.testing.assert_allclose(cosine_reward(outcomes, lengths, config), expected, rtol=0, atol=1e-12)


def test_what_could_not_be_judged_is_masked_and_not_punished() -> None:
    outcomes = ("correct", "wrong", "no_answer", "truncated", "timeout", "crashed", "out_of_memory", "unreadable_gold")
    paid = classic_reward(outcomes, [9] * 8, BudgetConfig())
    assert paid[:4].tolist() == [1, 0, 0, 0]
    assert np.isnan(paid[4:]).all()
    assert classic_reward(["correct"], [14_330], BudgetConfig()) == 0
    assert cosine_reward(["timeout"], [14_330], CosineConfig()) == -10


# arXiv 2502.03373, algorithm 1
@pytest.mark.parametrize(
    ("ids", "ngram", "penalty", "expected"),
    [
        ([1, 2, 1, 2, 3], 2, -1.0, [0, 0, -1, -1, 0]),
        ([5, 5, 5, 5], 2, -1.0, [0, -1, -1, -1]),
        ([1, 2, 3] * 3, 3, -0.05, [0] * 3 + [-0.05] * 6),
        (list(range(10)) * 20, 40, -0.05, [0] * 10 + [-0.05] * 190),
        (list(range(10)) * 20, 200, -0.05, [0] * 200),
        ([7, 7], 1, -2.0, [0, -2.0]),
        ([1, 2], 3, -1.0, [0, 0]),
        ([], 3, -1.0, []),
    ],
    ids=["a pair", "overlaps", "a triple", "a cycle", "as long as the text", "single tokens", "too short", "empty"],
)
def test_every_token_of_a_repeated_ngram_is_penalised_once(ids: list[int], ngram: int, penalty: float, expected: list[float]) -> None:
    config = RepetitionConfig(ngram=ngram, penalty=penalty)
    assert repetition_penalty([ids], config)[0].tolist() == expected
    # a neighbour of another length changes nothing
    assert repetition_penalty([[1] * 300, ids], config)[1, : len(ids)].tolist() == expected
    assert not repetition_penalty([[1] * 300, ids], config)[1, len(ids) :].any()


def repetition_reference(ids: list[int], config: RepetitionConfig) -> list[float]:
    seen, paid = set(), [0.0] * len(ids)
    for start in range(len(ids) - config.ngram + 1):
        window = tuple(ids[start : start + config.ngram])
        if window in seen:
            paid[start : start + config.ngram] = [config.penalty] * config.ngram
        seen.add(window)
    return paid


@given(st.lists(st.lists(st.integers(0, 3), max_size=60), min_size=1, max_size=5), st.integers(1, 6))
def test_the_penalty_equals_the_reference(rows: list[list[int]], ngram: int) -> None:
    config = RepetitionConfig(ngram=ngram, penalty=-0.05)
    paid = repetition_penalty(rows, config)
    for ids, row in zip(rows, paid, strict=True):
        assert row[: len(ids)].tolist() == repetition_reference(ids, config)


def test_long_loops_equal_the_reference_too() -> None:
    rng = np.random.default_rng(1)
    rows = []
    for _ in range(40):
        ids = rng.integers(0, 150_000, 900).tolist()
        cycle, at = int(rng.integers(1, 80)), int(rng.integers(0, 500))
        rows.append(ids[:at] + ids[at : at + cycle] * 6 + ids[at:])
    config = RepetitionConfig()
    paid = repetition_penalty([np.array(ids) for ids in rows], config)
    assert [row[: len(ids)].tolist() for ids, row in zip(rows, paid, strict=True)] == [repetition_reference(ids, config) for ids in rows]
    assert (paid < 0).any(axis=1).sum() > 10


def test_the_sparse_form_survives_short_texts() -> None:
    config = RepetitionConfig(ngram=2, penalty=-1.0)
    assert sparse_repetition_penalty(["", "one", "a b A B", "no no no no no"], config) == pytest.approx([0, 0, -1 / 3, -3 / 4])


def test_the_overlong_penalty_grows_within_the_buffer() -> None:
    config = OverlongConfig(max_tokens=1000, buffer_tokens=200, penalty=-1.0)
    assert overlong_penalty([0, 800, 900, 1000, 5000], config) == pytest.approx([0, 0, -0.5, -1, -1])


@pytest.mark.parametrize(
    ("text", "well_formed"),
    [
        (r"<think>3 + 4</think>It is \boxed{7}.", True),
        (r"3 + 4</think>It is \boxed{7}.", True),
        (r"It is \boxed{7}.", False),
        (r"<think>\boxed{7}</think>", False),
        (r"<think>a</think>b</think>\boxed{7}", False),
        (r"<think>a<think>b</think>\boxed{7}", False),
        (r"<think></think>\boxed{7}", False),
        (r"<think>a</think>It is 7.", False),
        (r"<think>a</think>It is \boxed{7", False),
    ],
)
def test_a_well_formed_completion_closes_its_reasoning_once_and_boxes_after_it(text: str, well_formed: bool) -> None:
    assert format_reward([text], FormatConfig()) == [float(well_formed)]


def test_the_parts_are_weighted_and_added_up() -> None:
    config = RewardConfig(parts=["cosine", "repetition", "format"], weights={"format": 0.5}, repetition=RepetitionConfig(ngram=2))
    texts = [r"a</think>\boxed{7}", "b", "c"]
    total = add_up(Rollouts(["correct", "wrong", "timeout"], [[1, 2, 3], [4, 4, 4, 4], [5]], texts), config)
    cosine = cosine_reward(["correct", "wrong"], [3, 4], config.cosine)
    assert total.sequence[:2] == pytest.approx([cosine[0] + 0.5, cosine[1]])
    assert np.isnan(total.sequence[2])
    assert total.tokens.tolist() == [[0, 0, 0, 0], [0, -0.05, -0.05, -0.05], [0, 0, 0, 0]]
    assert list(total.parts) == config.parts
    assert total.sparse()[:2] == pytest.approx([total.sequence[0], total.sequence[1] - 0.15])
    assert total.parts["repetition"] == pytest.approx([0, -0.15, 0])


def test_an_empty_batch_has_an_empty_reward() -> None:
    assert add_up(Rollouts([], []), RewardConfig()).sequence.shape == (0,)


def test_columns_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\[2, 1, 0\]"):
        add_up(Rollouts(["correct", "wrong"], [[1]]), RewardConfig())
    with pytest.raises(ValueError, match="format"):
        add_up(Rollouts(["correct"], [[1]]), RewardConfig(parts=["format"]))


@pytest.mark.parametrize(
    "given",
    [
        {"parts": []},
        {"parts": ["cosin"]},
        {"weights": {"format": 2.0}},
        {"repetition": {"penalty": 0.05}},
        {"cosine": {"preset": "D"}},
        {"discount": 0.0},
    ],
    ids=["no parts", "an unknown part", "a weight of no part", "a penalty that rewards", "an unknown preset", "no discount"],
)
def test_wrong_settings_are_refused(given: dict) -> None:
    with pytest.raises(ValidationError):
        RewardConfig.model_validate(given)


def test_the_worked_example_of_two_discounts() -> None:
    rewards = np.stack([[[0, 0, 0, 2]], [[0, -0.05, -0.05, 0]]], axis=2)
    assert multi_discount_returns(rewards, [1.0, 0.99])[0] == pytest.approx([1.901495, 1.9005, 1.95, 2.0])
    assert multi_discount_advantages(rewards, [1.0, 0.99], [[0.5] * 4])[0] == pytest.approx([1.401495, 1.4005, 1.45, 1.5])


def test_returns_equal_the_double_sum_within_the_mask() -> None:
    rng = np.random.default_rng(2)
    rewards, lengths, gammas = rng.normal(size=(6, 30, 3)), [30, 17, 1, 5, 30, 0], [1.0, 0.99, 0.5]
    mask = np.arange(30) < np.array(lengths)[:, None]
    returns = multi_discount_returns(rewards, gammas, mask)
    for row, length in enumerate(lengths):
        for t in range(30):
            direct = sum(gamma ** (k - t) * rewards[row, k, m] for m, gamma in enumerate(gammas) for k in range(t, length))
            assert returns[row, t] == pytest.approx(direct if t < length else 0.0)
    assert (multi_discount_advantages(rewards, gammas, np.ones((6, 30)), mask)[~mask] == 0).all()


@pytest.mark.parametrize(("shape", "gammas"), [((2, 3, 2), [1.0]), ((2, 3), [1.0]), ((2, 3, 1), [1.5]), ((2, 3, 1), [0.0])])
def test_discounts_that_do_not_fit_are_refused(shape: tuple[int, ...], gammas: list[float]) -> None:
    with pytest.raises(ValueError, match="discounts"):
        multi_discount_returns(np.zeros(shape), gammas)
