"""The trainers' own arithmetic, without torch: advantages per token, sizes, settings."""

import numpy as np
import pytest
from cotkit.pipelines.lexicon import load_lexicons
from cotkit.pipelines.training.multi_discount import token_advantages
from cotkit.pipelines.training.rl import rollout_arguments
from cotkit.pipelines.training.scoring import keyword_rates
from cotkit.schemas.reward import RepetitionConfig, RewardConfig
from cotkit.schemas.training import RlTrainConfig, SftTrainConfig
from pydantic import ValidationError


def test_advantages_are_the_discounted_group_reward_plus_the_discounted_penalties() -> None:
    config = RewardConfig(repetition=RepetitionConfig(ngram=2, penalty=-1.0), discount=0.5, repetition_discount=0.9)
    ids = [np.array([1, 2, 1, 2, 3]), np.array([4, 5, 6]), np.array([], int)]
    mask = np.array([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0], [0, 0, 0, 0, 0]], bool)
    advantages = token_advantages(np.array([2.0, -2.0, 1.0]), ids, mask, config)
    penalties = [-1.539, -1.71, -1.9, -1.0, 0.0]  # of tokens 2 and 3, seen from each token: -0.9**2 - 0.9**3, …
    assert advantages[0] == pytest.approx([2 * 0.5 ** (4 - t) + penalties[t] for t in range(5)])
    assert advantages[1] == pytest.approx([-0.5, -1.0, -2.0, 0, 0])
    assert not advantages[2].any()


def test_keyword_rates_are_matches_per_text() -> None:
    (lexicon,) = load_lexicons(["demystify"])
    rates = keyword_rates(["Wait, 7. Alternatively, wait.", "So 8."], lexicon)
    assert (rates["wait"], rates["alternatively"], rates["branching"], rates["recheck"]) == (1.0, 0.5, 0.5, 0.0)


def test_rewards_by_length_know_the_generation_budget() -> None:
    config = RlTrainConfig(max_completion_tokens=2048)
    assert (config.reward.cosine.max_tokens, config.reward.classic.max_tokens, config.reward.overlong.max_tokens) == (2048, 2048, 2048)
    own = RlTrainConfig.model_validate({"max_completion_tokens": 2048, "reward": {"cosine": {"preset": "A", "max_tokens": 1024}}})
    assert (own.reward.cosine.max_tokens, own.reward.cosine.correct_at_max) == (1024, 10.0)
    assert RlTrainConfig().reward.cosine.max_tokens == 14_336
    # what is written down is read back as it was
    assert RlTrainConfig.model_validate(own.model_dump()) == own


def test_checkpoints_fall_between_rollouts() -> None:
    sizes = {"batch_size": 8, "samples_per_prompt": 2, "save_steps": 50}
    assert rollout_arguments(RlTrainConfig.model_validate(sizes))["save_steps"] == 50
    several = RlTrainConfig.model_validate(sizes | {"prompts_per_rollout": 16, "inner_epochs": 2})
    assert (several.rollout_updates(), rollout_arguments(several)["save_steps"]) == (8, 56)
    assert rollout_arguments(several)["generation_batch_size"] == 32


def test_sizes_must_divide() -> None:
    assert SftTrainConfig(batch_size=256, micro_batch_size=2).accumulation(8) == 16
    with pytest.raises(ValueError, match="no multiple"):
        SftTrainConfig(batch_size=10, micro_batch_size=4).accumulation(1)
    with pytest.raises(ValidationError, match="no multiple of the 4 samples"):
        RlTrainConfig(batch_size=6)
    with pytest.raises(ValidationError, match="needs algorithm = 'grpo'"):
        RlTrainConfig(algorithm="rloo")
