"""All numbers of a run's report, in one place: what the page shows, `--json` prints and `--markdown` writes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.recipe import Recipe
from ..behaviors import BehaviourRate, behaviour_rates
from ..run_folder import RunFolder
from .accuracy import Point, accuracy_points
from .contamination import Contamination, contamination_found
from .facts import complete_stages
from .funnel import FunnelRow, funnel
from .tables import (
    Bin,
    OutcomeRow,
    PassRow,
    ReasonRow,
    TokenRow,
    outcome_rows,
    pass_at_k_rows,
    pass_rate_bins,
    reason_rows,
    saved_tokens,
    token_rows,
)
from .training import Training, trainings


class RunNumbers(NamedTuple):
    """What a report says of one run."""

    run: str
    recipe: Recipe
    teachers: dict[str, int]
    finish_reasons: dict[str, int]
    funnel: list[FunnelRow]
    outcomes: list[OutcomeRow]
    reasons: list[ReasonRow]
    pass_rates: list[Bin]
    pass_at_k: list[PassRow]
    tokens: list[TokenRow]
    tokens_saved: int
    behaviours: list[BehaviourRate]
    """Among the correct and among the wrong samples; without verdicts, among all."""
    contamination: Contamination | None
    accuracy: list[Point]
    trainings: list[Training]
    notes: list[str]
    """What could not be counted, and why."""


def run_numbers(run: RunFolder) -> RunNumbers:
    """Count all that a report says of a run; a stage that is missing leaves its numbers empty."""
    stages = funnel(run)
    behaviours, notes = _behaviours(run)
    return RunNumbers(
        run=str(run.path),
        recipe=run.recipe,
        teachers=run.count("samples", "teacher"),
        finish_reasons=run.count("samples", "finish_reason"),
        funnel=stages,
        outcomes=outcome_rows(run),
        reasons=reason_rows(run),
        pass_rates=pass_rate_bins(run),
        pass_at_k=pass_at_k_rows(run),
        tokens=token_rows(run),
        tokens_saved=saved_tokens(run),
        behaviours=behaviours,
        contamination=contamination_found(run),
        accuracy=accuracy_points(run, stages),
        trainings=trainings(run),
        notes=notes,
    )


def as_json(numbers: RunNumbers) -> dict[str, Any]:
    """Give the numbers as JSON can hold them; the recipe by its name."""
    found = {name: _plain(value) for name, value in numbers._asdict().items() if name != "recipe"}
    return {"name": numbers.recipe.name} | found


def _plain(value: Any) -> Any:
    if hasattr(value, "_asdict"):
        return {name: _plain(entry) for name, entry in value._asdict().items()}
    if hasattr(value, "__dataclass_fields__"):
        return {name: _plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, dict):
        return {str(name): _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value


def _behaviours(run: RunFolder) -> tuple[list[BehaviourRate], list[str]]:
    there = complete_stages(run)
    if "tags" not in there:
        return [], []
    try:
        rates = behaviour_rates(run, "outcome" if "verdicts" in there else "none")
    except CotkitError as error:
        return [], [f"{error.message}; {error.hint}" if error.hint else error.message]
    return [rate for rate in rates if rate.group in ("correct", "wrong", "all")], []


def benchmarks_of(numbers: Sequence[RunNumbers]) -> list[str]:
    """Name the benchmarks that models of the runs were evaluated on."""
    return sorted({point.benchmark for each in numbers for point in each.accuracy})
