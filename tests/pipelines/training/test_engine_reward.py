"""The reward that verl's and OpenRLHF's modules give: judged, added up, and paid so that one discount gives each reward its own."""

import importlib.util
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from cotkit.pipelines import reward
from cotkit.pipelines.execute.pool import WALL_PER_CPU
from cotkit.pipelines.training.engine_reward import EngineReward, Finished
from cotkit.pipelines.training.scoring import Scorer
from cotkit.schemas.recipe import VerifyConfig
from cotkit.schemas.training import RlTrainConfig
from cotkit.verifiers.rewards import multi_discount_returns, repetition_penalty
from hypothesis import given, settings
from hypothesis import strategies as st

HOSTILE = Path(__file__).parents[1] / "execute" / "hostile.py"
SLOWEST = {"determinant", "integral", "absolute values", "bars", "trigonometry of a huge number"}


@pytest.fixture(autouse=True, scope="module")
def _no_worker_is_left():
    yield
    reward._pool.close()


def reward_of(folder: Path, **changes) -> EngineReward:
    config = RlTrainConfig.model_validate({"max_completion_tokens": 100, "reward": {"repetition": {"ngram": 2}}} | changes)
    file = folder / "training.toml"
    file.write_text(tomli_w.dumps({"config": config.model_dump(mode="json", exclude_none=True)}))
    return EngineReward(file)


@pytest.mark.parametrize(
    ("text", "length", "gold", "paid"),
    [
        pytest.param(r"\boxed{7}", 50, "7", 1.5, id="right, half the budget"),
        pytest.param(r"\boxed{8}", 50, "7", -5.0, id="wrong"),
        pytest.param("<think>7", 84, "7", -10.0, id="past the budget"),
        pytest.param(r"\boxed{7}", 84, "7", -10.0, id="right, past the budget"),
        pytest.param(r"\boxed{7}", 50, "", 0.0, id="not judged: nothing"),
    ],
)
def test_a_completion_is_paid_by_the_settings_beside_the_module(tmp_path, text, length, gold, paid):
    scored = reward_of(tmp_path).score(Finished(list(range(length)), text, gold, "math"))
    assert scored.sequence == pytest.approx(paid)
    assert scored.judged == (0.0 if gold == "" else 1.0)
    assert scored.logs() == {
        "acc": scored.correct,
        "judged": scored.judged,
        "exceeded": float(length >= 84),
        "reward_cosine": pytest.approx(paid),
        "reward_repetition": 0.0,
    }


def test_any_thread_is_given_the_same(tmp_path):
    engine, found = reward_of(tmp_path), []
    finished = Finished([1, 2, 1, 2], r"\boxed{7}", "7", "number")
    threads = [threading.Thread(target=lambda: found.append(engine.score(finished))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [found[0]] * 4
    assert found[0].repetition == pytest.approx(-0.1)


@settings(max_examples=200, deadline=None)
@given(
    ids=st.lists(st.integers(0, 3), max_size=60),
    sequence=st.floats(-10, 10),
    discounts=st.tuples(*[st.sampled_from([1.0, 0.999, 0.99, 0.5])] * 2),
)
def test_undiscounted_sums_of_what_is_paid_are_the_multi_discount_returns(tmp_path_factory, ids, sequence, discounts):
    parts = {"discount": discounts[0], "repetition_discount": discounts[1], "repetition": {"ngram": 2}}
    engine = reward_of(tmp_path_factory.mktemp("reward"), reward=parts)
    paid = engine.per_token(ids, sequence)
    channels = np.zeros((1, len(ids), 2))
    if ids:
        channels[0, -1, 0] = sequence
        channels[0, :, 1] = repetition_penalty([ids], engine.config.reward.repetition)[0]
    assert np.cumsum(paid[::-1])[::-1] == pytest.approx(multi_discount_returns(channels, discounts)[0], abs=1e-9)


@pytest.mark.slow
def test_five_hostile_completions_hold_a_batch_up_no_longer_than_their_deadlines_and_the_others_are_judged_right():
    spec = importlib.util.spec_from_file_location("hostile", HOSTILE)
    assert spec
    assert spec.loader
    hostile = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hostile)
    attacks = [one for one in hostile.hostile_answers() if one.name in SLOWEST]
    assert len(attacks) == 5
    rows = [(rf"So \boxed{{{number + number % 2}}}.", str(number)) for number in range(507)]
    for place, attack in zip((0, 100, 101, 300, 511), attacks, strict=True):
        rows.insert(place, (attack.response, attack.gold))
    texts, golds = zip(*rows, strict=True)
    scorer = Scorer(RlTrainConfig.model_validate({"reward": {"parts": ["classic"]}}))
    scorer.check()
    started = time.monotonic()
    given = scorer(list(texts), [[1] * 8] * 512, answer=list(golds), kind=["math"] * 512)
    # a deadline is CPU time: on a busy machine it lasts WALL_PER_CPU times as long at most
    assert time.monotonic() - started < len(attacks) * WALL_PER_CPU * VerifyConfig().deadline_seconds
    hostile_places = {place for place, text in enumerate(texts) if text in {attack.response for attack in attacks}}
    judged = [value for place, value in enumerate(given) if place not in hostile_places]
    assert judged == [float(number % 2 == 0) for number in range(507)]
    assert not any(given[place] for place in hostile_places)
