"""SkyRL's gym makes the environment that the rows name, and it is right about each row."""

import sys
from typing import Any

import polars as pl
import pytest

skyrl_gym = pytest.importorskip("skyrl_gym")


def test_the_environment_is_registered_and_judges_each_row(rl: Any, monkeypatch: pytest.MonkeyPatch, answered: Any) -> None:
    exported = rl("skyrl")
    monkeypatch.syspath_prepend(exported.path)
    sys.modules.pop("cotkit_reward", None)
    __import__("cotkit_reward").register_cotkit()
    rows = pl.read_parquet(exported.path / "*.parquet").rows(named=True)
    for texts, reward in answered:
        for text, row in zip(texts, rows, strict=True):
            environment = skyrl_gym.make(row["env_class"], env_config={}, extras=row)
            done = environment.step(text)
            assert (done["reward"], done["done"]) == (reward, True)
