"""Training curves: what the trainings in a run's folder logged, thinned out to what a chart can show.

Read from `RUN/training/*/curves.jsonl`, a JSON object per step: `{"step": 12, "loss": 0.41, "reward": 1.2, "length/correct": 812.5, …}`
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import NamedTuple

from ..run_folder import RunFolder

MOST_POINTS = 240
"""Points of one line; of a longer training, means of steps in a row."""

GROUPS: tuple[tuple[str, str], ...] = (
    ("loss", "Loss"),
    ("reward", "Reward"),
    ("kl", "KL to the reference"),
    ("entropy", "Entropy"),
    ("exceeded", "Past the token budget"),
    ("length", "Length of completions, tokens"),
    ("outcome", "Outcomes"),
    ("behaviour", "Behaviours per completion"),
)
"""Metrics that are shown, in this order: a name, or the part of it before a slash."""

Points = list[tuple[float, float]]


class Training(NamedTuple):
    """The curves of one training."""

    name: str
    """Its folder in `RUN/training`."""
    steps: int
    charts: list[tuple[str, dict[str, Points]]]
    """Title, and points (step, value) by metric."""


def trainings(run: RunFolder) -> list[Training]:
    """Read the trainings of a run, by name; a line that was torn by a kill is left out."""
    found = []
    for file in sorted((run.path / "training").glob("*/curves.jsonl")):
        lines = _lines(file)
        if lines:
            found.append(Training(file.parent.name, int(max(line["step"] for line in lines)), _charts(lines)))
    return found


def _lines(file: Path) -> list[dict[str, float]]:
    lines = []
    for text in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict) and isinstance(line.get("step"), int):
            lines.append(line)
    return lines


def _charts(lines: list[dict[str, float]]) -> list[tuple[str, dict[str, Points]]]:
    names = sorted({name for line in lines for name in line} - {"step"})
    charts = []
    for group, title in GROUPS:
        own = [name for name in names if name == group or name.startswith(f"{group}/")]
        series = {(name.removeprefix(f"{group}/") if name != group else group): _points(lines, name) for name in own}
        series = {name: points for name, points in series.items() if len(points) > 1}
        if series:
            charts.append((title, series))
    return charts


def _points(lines: list[dict[str, float]], name: str) -> Points:
    points = [(float(line["step"]), float(line[name])) for line in lines if _is_number(line.get(name))]
    size = -(-len(points) // MOST_POINTS) if points else 1
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(step for step, _ in part) / len(part), sum(value for _, value in part) / len(part)) for part in parts]


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
