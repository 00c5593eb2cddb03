"""A browser, and the runs whose reports it opens; everything is skipped where `make test-browser` has not set up."""

from __future__ import annotations

import importlib.util
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cotkit.pipelines.report import write_report
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, SampleConfig

sys.path.append(str(Path(__file__).parent))
from chromium import HOSTILE, Browser, find_browser

WORDS = "the sum of two numbers is then carried over so we get and check each side of it again for a while"


def _build_run(*arguments: Any, **options: Any) -> RunFolder:
    spec = importlib.util.spec_from_file_location("tests_conftest", Path(__file__).parents[1] / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.build_run(*arguments, **options)


@pytest.fixture(scope="session")
def axe() -> str:
    """The accessibility checker's source."""
    file = os.environ.get("COTKIT_AXE")
    if not file:
        pytest.skip("no browser tests here: `make test-browser` sets up and runs them")
    return Path(file).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def browser(axe: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    binary = find_browser()
    assert binary, "make test-browser installs a browser"
    with Browser(binary, tmp_path_factory.mktemp("browser") / "profile") as opened:
        yield opened


@pytest.fixture(scope="session")
def run(axe: str, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run of sums with right and wrong samples, one of them looping, and a training."""
    loop = {"reasoning": "We add the ones and then the tens, and then again. " * 40, "outcome": "wrong", "repeated_share": 0.9}
    made = _build_run(tmp_path_factory.mktemp("report") / "run", problems=12, samples={(0, 0): {"outcome": "correct"}, (0, 1): loop})
    lines = [f'{{"step": {step}, "loss": {2 / (step + 1):.4f}, "length/correct": {900 - step}}}' for step in range(60)]
    (made.path / "training/sft").mkdir(parents=True)
    (made.path / "training/sft/curves.jsonl").write_text("\n".join(lines))
    write_report(made)
    return made


@pytest.fixture(scope="session")
def large_run(axe: str, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """500 traces of 40 KB, with formulae and behaviours."""
    dice = random.Random(7)

    def text() -> str:
        said = ""
        while len(said) < 40_000:
            said += (
                f"{' '.join(dice.choices(WORDS.split(), k=12))}, so $x_{{{dice.randrange(99)}}} = \\frac{{{dice.randrange(9**6)}}}{{7}}$. "
            )
            said += dice.choice(["Wait, let me recheck that.\n\n", "Alternatively, take the other side.\n", ""])
        return said

    samples = {(problem, index): {"reasoning": text()} for problem in range(50) for index in range(10)}
    recipe = Recipe(name="large", sample=SampleConfig(n=10, max_tokens=16_384))
    made = _build_run(tmp_path_factory.mktemp("large") / "run", recipe=recipe, problems=50, samples=samples)
    write_report(made)
    return made


@pytest.fixture(scope="session")
def hostile_run(axe: str, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run that says hostile things everywhere, one of them 1 MB long."""
    said = dict.fromkeys(("reasoning", "response", "answer", "found_by", "decided_by", "error", "teacher", "reason"), HOSTILE)
    said |= {"outcome": "wrong", "kept": False, "completion_tokens": 100}
    long = said | {"reasoning": (HOSTILE + " " * 5) * (1_000_000 // (len(HOSTILE) + 5) + 1)}
    recipe = Recipe(name=HOSTILE, description=HOSTILE, sample=SampleConfig(n=2))
    problems = [Problem.make(HOSTILE, HOSTILE, "text", source=HOSTILE, subject=HOSTILE)]
    made = _build_run(tmp_path_factory.mktemp("hostile") / "run", recipe=recipe, problems=problems, samples={(0, 0): said, (0, 1): long})
    write_report(made)
    return made
