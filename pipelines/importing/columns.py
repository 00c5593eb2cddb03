"""Which column of a source is what: as mapped by the user, else guessed by its name.

A name may lead into nested columns: `reward_model.ground_truth`.
"""

from __future__ import annotations

from typing import Any

from ...schemas.errors import CotkitError
from ...schemas.problem import KINDS, Kind

# ours -> names in the order in which they are taken; compared without regard to case
GUESSES: dict[str, tuple[str, ...]] = {
    "prompt": ("problem", "question", "prompt", "query", "instruction", "input"),
    "answer": (
        "answer",
        "final_answer",
        "expected_answer",
        "gold",
        "gold_answer",
        "ground_truth",
        "correct_answer",
        "answerkey",
        "reward_model.ground_truth",
        "reward_spec.ground_truth",
        "target",
        "label",
        "solution",
    ),
    "options": ("options", "choices"),
    "subject": ("subject", "type", "category", "subfield", "domain", "data_topic", "field", "topic"),
    "level": ("level", "difficulty"),
}
OWN = {"prompt", "answer", "kind"}
"""The columns of a problem set of ours; such a source also has our `kind`, `source` and `meta`."""
MAPPABLE = ("prompt", "answer", "options", "subject", "level", "source", "kind")
NAMED_KINDS: dict[str, Kind] = {**{kind: kind for kind in KINDS}, "mcq": "choice", "multiple_choice": "choice"}
ANSWER_TYPES = ("answer_type", "answertype")
WORKED = ("solution", "solutions", "response", "rationale", "explanation")
"""Columns whose `\\boxed{}` stands in for an empty answer."""


def choose_columns(names: list[str], mapping: dict[str, str], origin: str) -> dict[str, str]:
    """Give ours -> theirs; raises CotkitError when a mapped column is not there or there is none for prompt or answer."""
    listed = ", ".join(name for name in names if "." not in name)
    for ours, theirs in mapping.items():
        if ours not in MAPPABLE:
            raise CotkitError(f"--map {ours}={theirs}: {ours!r} is no column of a problem", f"map one of: {', '.join(MAPPABLE)}")
        if theirs not in names:
            raise CotkitError(f"{origin}: no column {theirs!r}", f"its columns: {listed}")
    columns = dict(mapping)
    folded = {name.lower(): name for name in reversed(names)}
    taken = set(mapping.values())
    for ours, guesses in GUESSES.items():
        found = next((folded[guess] for guess in guesses if guess in folded and folded[guess] not in taken), None)
        if ours not in columns and found is not None:
            columns[ours] = found
    if set(names) >= OWN:
        columns |= {ours: ours for ours in ("kind", "source") if ours in names and ours not in columns}
    missing = [ours for ours in ("prompt", "answer") if ours not in columns]
    if missing:
        message = f"{origin}: cannot tell which column is the {' and the '.join(missing)}; columns: {listed}"
        raise CotkitError(message, "name it with " + " ".join(f"--map {ours}=COLUMN" for ours in missing))
    return columns


def column_names(rows: list[dict[str, Any]]) -> list[str]:
    """Name the columns of rows in order of appearance, nested ones as `outer.inner`."""
    names: dict[str, None] = {}
    for row in rows:
        for name, value in row.items():
            names[name] = None
            if isinstance(value, dict):
                names.update(dict.fromkeys(f"{name}.{inner}" for inner in value))
    return list(names)


def cell(row: dict[str, Any], name: str | None) -> Any:
    """Give a cell by its column's name, nested or not; None when it is not there."""
    if name is None:
        return None
    if name in row:
        return row[name]
    outer, _, inner = name.partition(".")
    nested = row.get(outer)
    return nested.get(inner) if isinstance(nested, dict) else None


def kind_of_cell(value: Any) -> Kind | None:
    """Give the kind that a `kind` cell names; None when it names none of ours."""
    return NAMED_KINDS.get(str(value).lower())
