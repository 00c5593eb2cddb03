"""Questions with free-form solutions, from any file or dataset: columns guessed or mapped, near duplicates out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...schemas.errors import CotkitError
from ...schemas.recipe import ProblemsConfig
from ...schemas.silver import Dropped
from ..importing.columns import cell, column_names
from ..importing.problems import clean, last_user_turn
from ..importing.reading import Source, read_source
from ..similarity import near_duplicate_problems

if TYPE_CHECKING:
    import polars as pl

# ours -> names in the order in which they are taken; compared without regard to case
GUESSES: dict[str, tuple[str, ...]] = {
    "question": ("question", "problem", "prompt", "query", "instruction", "input"),
    "solution": ("solution", "answer", "response", "output", "rationale", "explanation", "reference_solution", "completion"),
}


def read_pairs(
    source: str, mapping: dict[str, str], split: str = "train", limit: int | None = None
) -> tuple[str, pl.DataFrame, list[Dropped]]:
    """Read a source: its name, a frame of row (from 1), question and solution, and the rows that have no pair."""
    import polars as pl

    read = read_source(ProblemsConfig(source=source, split=split, limit=limit))
    columns = choose_columns(read, mapping)
    pairs: list[tuple[int, str, str]] = []
    dropped: list[Dropped] = []
    for number, row in enumerate(read.rows[:limit], 1):
        question = clean(last_user_turn(cell(row, columns["question"]))).strip()
        solution = clean(_text(cell(row, columns["solution"]))).strip()
        if question and solution:
            pairs.append((number, question, solution))
        else:
            dropped.append(Dropped(row=number, reason="no_solution" if question else "no_question", detail=None))
    if not pairs:
        raise CotkitError(f"{read.place}: no row has a question and a solution", f"columns taken: {columns}; name others with --map")
    schema = {"row": pl.Int64, "question": pl.String, "solution": pl.String}
    return read.name, pl.DataFrame(pairs, schema=schema, orient="row"), dropped


def choose_columns(source: Source, mapping: dict[str, str]) -> dict[str, str]:
    """Give the columns of question and solution, ours to theirs; raises CotkitError when one is not there."""
    names = column_names(source.rows)
    listed = ", ".join(name for name in names if "." not in name)
    for ours, theirs in mapping.items():
        if ours not in GUESSES:
            raise CotkitError(f"--map {ours}={theirs}: no column of a pair", "map question, solution")
        if theirs not in names:
            raise CotkitError(f"{source.place}: no column {theirs!r}", f"its columns: {listed}")
    folded, columns = {name.lower(): name for name in reversed(names)}, dict(mapping)
    for ours, guesses in GUESSES.items():
        taken = set(columns.values())
        found = next((folded[guess] for guess in guesses if guess in folded and folded[guess] not in taken), None)
        if ours not in columns:
            if found is None:
                raise CotkitError(f"{source.place}: cannot tell which column is the {ours}; columns: {listed}", f"--map {ours}=COLUMN")
            columns[ours] = found
    return columns


def without_near_duplicates(pairs: pl.DataFrame, max_similarity: float | None) -> tuple[pl.DataFrame, list[Dropped]]:
    """Drop the questions that are near duplicates of an earlier one; the detail names its row."""
    import polars as pl

    if max_similarity is None:
        return pairs, []
    keyed = pairs.select(pl.col("row").cast(pl.String).alias("problem_id"), pl.col("question").alias("prompt"))
    found = near_duplicate_problems(keyed, max_similarity)
    copies = found.filter(pl.col("duplicate_of").is_not_null()).select(pl.col("problem_id").cast(pl.Int64), "duplicate_of").rows()
    dropped = [Dropped(row=row, reason="near_duplicate", detail=f"row {of}") for row, of in copies]
    return pairs.filter(found["duplicate_of"].is_null()), dropped


def _text(value: object) -> str:
    if isinstance(value, list):
        turns = [turn for turn in value if isinstance(turn, dict) and turn.get("role", turn.get("from")) in ("assistant", "gpt")]
        value = turns[-1].get("content", turns[-1].get("value")) if turns else "\n".join(map(str, value))
    return "" if value is None else str(value)
