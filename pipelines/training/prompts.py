"""The prompts of an RL training, and their proof: each is rendered in the model's chat template and counted before anything is started."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ...schemas.errors import CotkitError
from ...schemas.recipe import RlExportConfig
from ..export.rl_formats import ABOUT, columns_of
from ..rendering import load_student
from ..rendering.template import TemplateFailure
from .start import no_rows

if TYPE_CHECKING:
    import polars as pl

COLUMNS = {"prompt", "answer", *ABOUT}
"""What a `trl` prompt set has, from which the rows of the other trainers are made."""


def prove_prompts(export: Path, prompts: Sequence[list[dict[str, Any]]], model: str, longest: int) -> None:
    """Render every prompt for the model; raises CotkitError when one cannot be or has more than `longest` tokens.

    Lengths are not looked at where the model has no `tokenizer.json`.
    """
    student = load_student(model)
    rendered = []
    for number, prompt in enumerate(prompts):
        try:
            rendered.append(student.template.render(prompt, generation_prompt=True))
        except TemplateFailure as error:
            hint = "a system prompt, perhaps: export again without one, or train another model"
            raise CotkitError(f"{export}: row {number}: {model} cannot render it: {error}", hint) from None
    counts = student.count_tokens(rendered) or []
    if over := [number for number, count in enumerate(counts) if count > longest]:
        most = max(counts)
        raise CotkitError(
            f"{export}: {len(over)} prompts have more than {longest} tokens, the first in row {over[0]}, at most {most}",
            f"raise max_prompt_tokens to {most}",
        )


def engine_rows(export: Path, engine: Literal["verl", "openrlhf"]) -> pl.DataFrame:
    """Read a `trl` prompt set as the rows of another trainer; raises CotkitError when there is none."""
    import polars as pl

    pieces = sorted(export.glob("*.parquet")) if export.is_dir() else [export] if export.is_file() else []
    if not pieces:
        raise no_rows(export)
    try:
        rows = pl.read_parquet(pieces)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise CotkitError(f"{export}: not readable as Parquet: {str(error).splitlines()[0]}", "export it again") from error
    if missing := COLUMNS - set(rows.columns):
        hint = "name a prompt set that `cotkit export rl --format trl` wrote: its rows are rewritten for every trainer"
        raise CotkitError(f"{export}: no column {', '.join(sorted(missing))}", hint)
    return rows.with_row_index("index").with_columns(pl.col("index").cast(pl.Int64)).select(columns_of(engine, RlExportConfig()))
