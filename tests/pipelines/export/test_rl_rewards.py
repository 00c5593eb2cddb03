"""Each reward module, loaded by its path, judges by the contract its trainer documents; trainers that are no dependency are stood in for.

TRL, verl, OpenRLHF and SkyRL's gym load their modules themselves in tests/trainers.
"""

import asyncio
import importlib.util
import json
import logging
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Generic, TypeVar

import pytest
from cotkit.pipelines import reward
from cotkit.pipelines.export import Exported, export_rl
from cotkit.pipelines.reward import Rollout, score, score_async
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, RlExportConfig, SampleConfig

PROBLEMS = [
    Problem.make("What is 3 + 4?", "7", "number"),
    Problem.make("Which?\n\nA. six\nB. seven", "B", "choice", options=["six", "seven"]),
]
RIGHT = [r"So \boxed{7.0}.", "The answer is seven, that is (B)."]
WRONG = [r"So \boxed{8}.", "The answer is (A)."]


@pytest.fixture(autouse=True, scope="module")
def _no_worker_is_left() -> Any:
    yield
    reward._pool.close()


@pytest.fixture
def exported(make_run: Any) -> Any:
    samples = {(place, 0): {"outcome": "correct"} for place in range(2)}
    run = make_run(recipe=Recipe(sample=SampleConfig(n=1)), problems=PROBLEMS, samples=samples)
    return lambda format: export_rl(run, RlExportConfig(formats=[format]))[0]


def module_of(exported: Exported) -> Any:
    spec = importlib.util.spec_from_file_location("cotkit_reward", exported.path / "cotkit_reward.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def rows_of(exported: Exported) -> list[dict[str, Any]]:
    import polars as pl

    if (exported.path / "train.jsonl").exists():
        return [json.loads(line) for line in (exported.path / "train.jsonl").read_text().splitlines()]
    return pl.read_parquet(exported.path / "*.parquet").rows(named=True)


def stand_in(monkeypatch: pytest.MonkeyPatch, name: str, **members: Any) -> None:
    """Put a module with these members where an import finds it, and its packages."""
    parts = name.split(".")
    for end in range(1, len(parts)):
        monkeypatch.setitem(sys.modules, ".".join(parts[:end]), ModuleType(".".join(parts[:end])))
    module = ModuleType(name)
    vars(module).update(members)
    monkeypatch.setitem(sys.modules, name, module)


def test_slime_gets_a_reward_and_a_sample_that_nothing_could_judge_is_taken_out(exported: Any) -> None:
    module, rows = module_of(exported("slime")), rows_of(exported("slime"))

    def sample(text: str, row: dict[str, Any], status: str = "completed", **changes: Any) -> Any:
        prompt = "<|im_start|>assistant\n<think>\n"
        fields = {"response": text, "prompt": prompt, "label": row["label"], "metadata": row["metadata"], "remove_sample": False}
        return SimpleNamespace(**fields | {"status": SimpleNamespace(value=status)} | changes)

    right = [sample(f"Hm.</think>{text}", row) for text, row in zip(RIGHT, rows, strict=True)]
    wrong = [sample(f"Hm.</think>{text}", row) for text, row in zip(WRONG, rows, strict=True)]
    assert asyncio.run(module.reward(None, right + wrong)) == [1.0, 1.0, 0.0, 0.0]
    assert asyncio.run(module.reward(None, right[0])) == 1.0
    never_closed, cut_off = sample(r"\boxed{7}", rows[0]), sample("Hm.</think>so we have 7", rows[0], "truncated")
    assert asyncio.run(module.reward(None, [never_closed, cut_off])) == [0.0, 0.0]
    unreadable = sample("</think>7", rows[0], label="", metadata={})
    assert asyncio.run(module.reward(None, unreadable)) == 0.0
    assert [each.remove_sample for each in (right[0], wrong[0], unreadable)] == [False, False, True]


def test_areal_hands_over_its_columns(exported: Any) -> None:
    module, rows = module_of(exported("areal")), rows_of(exported("areal"))
    for texts, value in ((RIGHT, 1.0), (WRONG, 0.0)):
        for text, row in zip(texts, rows, strict=True):
            assert module.reward_fn("?", text + "<|im_end|><|endoftext|>", [1], [2], **row) == value


def test_open_instruct_finds_a_verifier_under_the_name_in_the_rows(exported: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class VerifierFunction:
        def __init__(self, name: str, weight: float = 1.0, verifier_config: Any = None) -> None:
            self.name = name

    result = SimpleNamespace
    stand_in(monkeypatch, "open_instruct.ground_truth_utils", VerifierFunction=VerifierFunction, VerificationResult=result)
    module, rows = module_of(exported("open-instruct")), rows_of(exported("open-instruct"))
    # open-instruct keeps the last subclass of a name
    verifiers = {verifier().name: verifier() for verifier in VerifierFunction.__subclasses__()}
    for texts, value in ((RIGHT, 1.0), (WRONG, 0.0)):
        for text, row in zip(texts, rows, strict=True):
            verifier, query = verifiers[row["dataset"]], row["messages"][0]["content"]
            assert verifier([1], text, row["ground_truth"], query).score == value
            assert asyncio.run(verifier.async_call([1], text, row["ground_truth"], query)).score == value
    assert module.CotkitVerifier.__base__ is VerifierFunction


def test_verifiers_loads_the_tasks_and_each_gold_answer_is_valid(exported: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    data = TypeVar("data")
    config = TypeVar("config")

    class TaskData:
        def __init__(self, **fields: Any) -> None:
            vars(self).update(fields)

    class Task(Generic[data]):
        def __init__(self, data: Any, config: Any) -> None:
            self.data = data

    class Taskset(Generic[data, config]):
        def __init__(self) -> None:
            self.config = SimpleNamespace(task=None)

    members = {"TaskData": TaskData, "Task": Task, "Taskset": Taskset, "TasksetConfig": object, "Trace": object, "Runtime": object}
    stand_in(monkeypatch, "verifiers.v1", **members, reward=lambda **_: lambda function: function)
    module = module_of(exported("prime-rl"))
    assert module.__all__ == ["CotkitTaskset"]
    tasks = list(module.CotkitTaskset().load())
    assert [task.data.prompt for task in tasks] == [row["prompt"] for row in rows_of(exported("prime-rl"))]
    for task, right, wrong in zip(tasks, RIGHT, WRONG, strict=True):
        assert asyncio.run(task.validate(None)) is True
        assert asyncio.run(task.correct(SimpleNamespace(last_reply=right))) == 1.0
        assert asyncio.run(task.correct(SimpleNamespace(last_reply=wrong))) == 0.0
    assert 'py-modules = ["cotkit_reward"]' in (exported("prime-rl").path / "pyproject.toml").read_text()


TEXTS = [
    pytest.param(Rollout(r"\boxed{7}<|im_end|>", "7"), 1.0, id="an end of turn is no part of the answer"),
    pytest.param(Rollout("B</s></s>\n</s>", "B", "choice"), 1.0, id="nor is padding"),
    pytest.param(Rollout("x", "7", prompt="…<think>\n"), 0.0, id="reasoning that the prompt opened and nothing closed"),
    pytest.param(Rollout(r"so 7</think>\boxed{8}", "8", prompt="<｜Assistant｜><think>\n"), 1.0, id="reasoning that the prompt opened"),
    pytest.param(Rollout("seven", "B", "choice", ("six", "seven")), 1.0, id="an option in its own words"),
    pytest.param(Rollout("3.14", "3.1416", "number"), 1.0, id="a number is compared with a tolerance"),
    pytest.param(Rollout("", "7"), 0.0, id="nothing said"),
    pytest.param(Rollout(" " * 200_000 + "<|im_end|>", "7"), 0.0, id="blanks without end"),
]


@pytest.mark.parametrize(("rollout", "value"), TEXTS)
def test_a_rollout_gets_its_score(rollout: Rollout, value: float) -> None:
    assert score(rollout) == asyncio.run(score_async(rollout)) == value


def test_what_could_not_be_judged_is_nothing_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "cotkit.reward"):
        assert score(Rollout(r"\boxed{7}", "", "math")) == 0.0
    assert "not judged, rewarded 0: unreadable_gold" in caplog.text


def test_many_events_loops_and_threads_are_judged_at_once() -> None:
    async def every() -> list[float]:
        return await asyncio.gather(*(score_async(Rollout(rf"\boxed{{{n % 3}}}", "1")) for n in range(60)))

    assert asyncio.run(every()) == [float(n % 3 == 1) for n in range(60)]


def test_the_number_of_workers_is_limited_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COTKIT_REWARD_WORKERS", "1")
    reward._pool.close()
    assert reward._pool.get().size == 1
    reward._pool.close()


def test_every_shipped_module_says_how_it_is_loaded() -> None:
    folder = Path(reward.__file__).parents[1] / "data" / "rewards"
    modules = list(folder.glob("*.py.template"))
    assert len(modules) == 9
    assert all(path.read_text(encoding="utf-8").startswith('"""') for path in modules)
