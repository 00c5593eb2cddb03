"""The config `rl`: one row per problem that was judged, with its pass rate.

    {"problem_id": "41f0…", "problem": "What is 3 + 4?", "answer": "7", "kind": "number", "source": "gsm8k", "pass_rate": 0.25,
     "judged": 8, "correct": 2, "learnability": 0.1875}

`problem` is bare, without the instructions that the recipe added; `answer` is bare, too. The problems are those of `cotkit export rl`
with the recipe's settings: what its curation says of problems and what `[export.rl]` says hold here as well, but for `check_gold`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...schemas.record import content_hash
from .pieces import Pieces
from .public import public_sources

if TYPE_CHECKING:
    import polars as pl

VERSION = 1
PROBLEMS_PER_PIECE = 65_536
TEXT_COLUMNS = ("problem_id", "problem", "answer", "kind", "source", "subject", "level")


def schema() -> pl.Schema:
    """Give the columns of `rl`."""
    import polars as pl

    number, share = pl.Int64(), pl.Float64()
    return pl.Schema(
        {**dict.fromkeys(TEXT_COLUMNS, pl.String()), "pass_rate": share, "judged": number, "correct": number, "learnability": share}
    )


def rl_rows(rated: pl.DataFrame, problems: pl.DataFrame) -> pl.DataFrame:
    """Give the rows of `rl`; `rated` are the problems of `export.rl.rated_problems`, `problems` has the columns of Problem, and correct."""
    import polars as pl

    of_problem = ("prompt", "answer", "kind", "source", "subject", "level", "correct")
    rows = rated.join(problems.select("problem_id", *of_problem), on="problem_id", how="left", maintain_order="left")
    return rows.select(
        "problem_id", pl.col("prompt").alias("problem"), "answer", "kind", public_sources(),
        *(pl.col(name).fill_null("") for name in ("subject", "level")),
        "pass_rate", "judged", "correct", "learnability",
    )  # fmt: skip


def rl_fingerprints(rows: pl.DataFrame) -> list[str]:
    """Give the fingerprint of each piece."""
    slices = rows.iter_slices(PROBLEMS_PER_PIECE) if rows.height else ()
    return [content_hash("hub rl", VERSION, part.select("problem_id", "source", "pass_rate", "judged").rows()) for part in slices]


def write_rl(pieces: Pieces, rows: pl.DataFrame) -> None:
    """Write the stale pieces."""
    for number in pieces.stale():
        with pieces.open(number) as write:
            write(rows.slice(number * PROBLEMS_PER_PIECE, PROBLEMS_PER_PIECE))
