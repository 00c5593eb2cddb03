"""Imports point one way: schemas <- verifiers <- pipelines <- cli, and one step never imports another."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAYERS = ["schemas", "verifiers", "pipelines", "cli"]
SHARED = {
    "run_folder",
    "execute",
    "prompts",
    "lexicon",
    "delimiters",
    "similarity",
    "decontamination",
    "rendering",
    "problem_keys",
    "asking",
}
ORCHESTRATORS = {
    "whole_run",
    "grading",
    "reward",
    "reward_server",
    "training",
    "planning",
    "hub",
    "evaluation",
    "audit",
    "report",
    "silver",
}  # made of steps


def modules(layer: str) -> list[Path]:
    return sorted((ROOT / layer).rglob("*.py"))


def imported(path: Path) -> list[tuple[str, ...]]:
    """Give the package paths a module imports, from the root of cotkit: ('schemas', 'errors'), ('pipelines', 'tagging'), …"""
    here = path.relative_to(ROOT).parent.parts
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            base = here[: len(here) - node.level + 1]
            target = (*base, *(node.module.split(".") if node.module else ()))
            found += [(*target, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "cotkit":
            found.append(tuple(node.module.split(".")[1:]))
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_no_layer_imports_one_above_it(layer: str) -> None:
    above = set(LAYERS[LAYERS.index(layer) + 1 :])
    wrong = [(str(path.relative_to(ROOT)), target) for path in modules(layer) for target in imported(path) if target and target[0] in above]
    assert modules(layer)
    assert wrong == []


def test_no_step_imports_another_step() -> None:
    wrong = []
    for path in modules("pipelines"):
        step = path.relative_to(ROOT / "pipelines").parts[0].removesuffix(".py")
        if step in ORCHESTRATORS | SHARED:
            continue
        for target in imported(path):
            other = target[1] if len(target) > 1 and target[0] == "pipelines" else step
            if (
                other not in SHARED | {step, "__init__"}
                and (ROOT / "pipelines" / other).exists() | (ROOT / "pipelines" / f"{other}.py").exists()
            ):
                wrong.append((str(path.relative_to(ROOT)), target))
    assert wrong == []


def test_relative_imports_only() -> None:
    absolute = [
        str(path.relative_to(ROOT))
        for layer in LAYERS
        for path in modules(layer)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if (isinstance(node, ast.ImportFrom) and not node.level and (node.module or "").startswith("cotkit"))
        or (isinstance(node, ast.Import) and any(alias.name.startswith("cotkit") for alias in node.names))
    ]
    assert absolute == []
