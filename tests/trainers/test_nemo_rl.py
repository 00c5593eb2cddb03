"""The environment for NeMo-RL, which does not install here: its interfaces are stood in for, ray and torch are real."""

import sys
from types import ModuleType
from typing import Any, NamedTuple

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("ray")


class EnvironmentReturn(NamedTuple):
    observations: Any
    metadata: Any
    next_stop_strings: Any
    rewards: Any
    terminateds: Any
    answers: Any = None


def test_the_environment_is_registered_and_judges_a_batch(
    rl: Any, monkeypatch: pytest.MonkeyPatch, reward_module: Any, answered: Any
) -> None:
    import json

    registered: dict[str, str] = {}
    members = {
        "nemo_rl.distributed.ray_actor_environment_registry": {"ACTOR_ENVIRONMENT_REGISTRY": {}},
        "nemo_rl.distributed.virtual_cluster": {"PY_EXECUTABLES": type("Executables", (), {"SYSTEM": "python"})},
        "nemo_rl.environments.interfaces": {"EnvironmentInterface": object, "EnvironmentReturn": EnvironmentReturn},
        "nemo_rl.environments.utils": {"register_env": registered.__setitem__},
    }
    for name, parts in members.items():
        module = ModuleType(name)
        vars(module).update(parts)
        monkeypatch.setitem(sys.modules, name, module)
    for name in ("nemo_rl", "nemo_rl.distributed", "nemo_rl.environments"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    exported = rl("nemo-rl")
    actor = reward_module(exported).CotkitEnvironment
    environment = actor.__ray_metadata__.modified_class({})
    assert registered == {"cotkit": "cotkit_reward.CotkitEnvironment"}
    rows = [json.loads(line) for line in (exported.path / "train.jsonl").read_text().splitlines()]
    for texts, value in answered:
        logs = [
            [{"role": "user", "content": row["input"]}, {"role": "assistant", "content": text}]
            for row, text in zip(rows, texts, strict=True)
        ]
        done = environment.step(logs, [{"ground_truth": row["output"]} for row in rows])
        assert done.rewards.tolist() == [value] * 4
        assert done.terminateds.tolist() == [1.0] * 4
    batch = {"rewards": torch.tensor([1.0, 1.0]), "is_end": torch.tensor([1.0, 0.0])}
    assert environment.global_post_process_and_metrics(batch)[1] == {"accuracy": 0.5}
