"""Accuracy against SFT tokens, the layout of Figure 1 of arXiv 2502.03373: one point per evaluated model of a run.

Read from the `result.json` files in a run's folder. A model in `RUN/training/NAME` was trained on the export that its `training.toml`
names; an RL training counts the tokens of the SFT model it began with. Any other evaluation counts the tokens that the run kept.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ...schemas.evaluation import RESULT, EvaluationResult
from ..run_folder import RunFolder
from .funnel import FunnelRow, exported_rows

DEPTHS = ("*", "*/*", "*/*/*", "*/*/*/*")


class Point(NamedTuple):
    """One model on one benchmark."""

    run: str
    """The recipe's name: runs of one recipe lie on one line."""
    kind: str
    """`sft`, `rl`, or `run` for an evaluation that no training of the run led to."""
    evaluation: str
    """Folder of the evaluation, from the run's."""
    benchmark: str
    tokens: int
    """Tokens of the responses that the model was fine-tuned on."""
    value: float
    low: float | None
    high: float | None
    samples: int
    """Samples per problem."""


def accuracy_points(run: RunFolder, stages: Sequence[FunnelRow]) -> list[Point]:
    """Give the points of a run, by benchmark and tokens; a file that is no result of `cotkit eval` is left out."""
    exported = {row.name: row.tokens or 0 for row in exported_rows(run)}
    kept = next((row.tokens or 0 for row in stages if row.name == "kept"), 0)
    points = []
    for file in sorted(path for depth in DEPTHS for path in run.path.glob(f"{depth}/{RESULT}")):
        try:
            result = EvaluationResult.model_validate_json(file.read_text(encoding="utf-8"))
        except ValueError:
            continue
        kind, tokens = _trained_on(run, Path(result.teacher.partition(":")[2]), file, exported) or ("run", kept)
        folder = str(file.parent.relative_to(run.path))
        for name, scores in result.benchmarks.items():
            avg = scores.avg
            if avg.value is not None:
                points.append(Point(run.recipe.name, kind, folder, name, tokens, avg.value, avg.low, avg.high, avg.k))
    return sorted(points, key=lambda point: (point.benchmark, point.kind, point.tokens))


def _trained_on(run: RunFolder, model: Path, file: Path, exported: dict[str, int]) -> tuple[str, int] | None:
    """Give kind of training and SFT tokens of the model that was evaluated; None when it was not trained in this run."""
    folders = {folder.name: folder for folder in (run.path / "training").glob("*") if (folder / "training.toml").is_file()}
    named = [part for part in (*file.parts, *model.parts) if part in folders]
    if not named:
        return None
    settings = _settings(folders[named[-1]])
    kind, first = settings.get("kind", "sft"), settings
    for _ in folders:
        before = [part for part in Path(first.get("model", "")).parts if part in folders]
        if first.get("kind") != "rl" or not before:
            break
        first = _settings(folders[before[-1]])
    return kind, exported.get(Path(first.get("export", "")).name, 0)


def _settings(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "training.toml").read_text(encoding="utf-8"))
