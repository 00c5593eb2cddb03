"""Keys of problems, which all of their samples share: the answer in the prompt, a double of another problem, a benchmark's problem.

Curation drops samples by them, and the exports for RL prompts: curation gives a sample only the first reason for which it is dropped.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ..schemas.errors import CotkitError
from ..schemas.recipe import CurateConfig
from .decontamination import contamination, read_benchmark
from .similarity import near_duplicate_problems

if TYPE_CHECKING:
    import polars as pl

LEAK = r"(?:\\boxed\s*\{|####|[Aa]nswer(?: is)?:?)\s*\$?\s*"
"""What stands before an answer that a prompt states."""


def problem_keys(problems: pl.DataFrame, wanted: Iterable[str], config: CurateConfig, hits: pl.DataFrame) -> pl.DataFrame:
    """Give the wanted keys of problems: problem_id, and `leaked`, `double_problem` and `contaminated` as far as they are wanted."""
    import polars as pl

    keys = problems.select("problem_id")
    for name in wanted:
        if name == "leaked":
            keys = keys.with_columns(pl.col("problem_id").is_in(leaked_problems(problems).implode()).alias(name))
        elif name == "double_problem":
            keys = keys.join(double_problems(problems, config), "problem_id", "left", maintain_order="left")
        elif name == "contaminated":
            keys = keys.join(contaminated_problems(hits), "problem_id", "left", maintain_order="left")
    return keys


def dropped_problems(problems: pl.DataFrame, config: CurateConfig) -> dict[str, pl.Series]:
    """Give the ids of the problems that the settings drop whatever their samples are, by reason, in the order of the settings."""
    dropped = {}
    if not config.keep_leaked:
        dropped["their prompt states the answer"] = leaked_problems(problems)
    if config.max_problem_similarity is not None:
        dropped["they are much like an earlier problem"] = double_problems(problems, config)["problem_id"]
    if config.decontaminate:
        names = ", ".join(Path(name).stem for name in config.decontaminate)
        dropped[f"they stand in a benchmark ({names})"] = benchmark_hits(problems, config)["problem_id"].unique()
    return dropped


def leaked_problems(problems: pl.DataFrame) -> pl.Series:
    """Give the ids of the problems whose prompt states the gold answer."""
    import polars as pl

    rows = problems.select("problem_id", "prompt", "answer").iter_rows()
    stated = [key for key, prompt, answer in rows if re.search(rf"{LEAK}{re.escape(answer)}(?!\w|[.,]\d)", prompt)]
    return pl.Series(stated, dtype=pl.String)


def double_problems(problems: pl.DataFrame, config: CurateConfig) -> pl.DataFrame:
    """Give problem_id and double_problem, the reason, of the problems that are too much like an earlier one."""
    import polars as pl

    most = config.max_problem_similarity or 0.0
    found = near_duplicate_problems(problems.select("problem_id", "prompt"), most, config.shingle_words).drop_nulls("duplicate_of")
    like = pl.format("much like problem {} ({})", "duplicate_of", pl.col("similarity").round(2))
    return found.select("problem_id", like.alias("double_problem"))


def benchmark_hits(problems: pl.DataFrame, config: CurateConfig) -> pl.DataFrame:
    """Find the problems that stand in a benchmark: columns of `contamination`; raises CotkitError when a benchmark cannot be read."""
    return contamination(problems, [_benchmark(name) for name in config.decontaminate], config.decontaminate_by)


def _benchmark(name: str) -> pl.DataFrame:
    try:
        return read_benchmark(name)
    except CotkitError as error:
        hint = error.hint if error.hint and "--column" not in error.hint else "call the column of the questions `question`"
        raise CotkitError(error.message, hint) from None


def contaminated_problems(hits: pl.DataFrame) -> pl.DataFrame:
    """Give problem_id and contaminated, the reason, of the problems with a hit: the first."""
    import polars as pl

    first = hits.unique("problem_id", keep="first", maintain_order=True)
    return first.select("problem_id", pl.format("stands in {} ({})", "benchmark", "matcher").alias("contaminated"))


def benchmarks_fingerprint(config: CurateConfig) -> list[str]:
    """Hash the benchmark files, so that a changed one changes the decisions; shipped ones change with cotkit."""
    paths = [Path(name) for name in config.decontaminate]
    return [hashlib.blake2b(path.read_bytes(), digest_size=10).hexdigest() if path.is_file() else path.name for path in paths]
