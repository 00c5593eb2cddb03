"""Evidence of decontamination: the run's problems looked for in every benchmark that ships with cotkit or that the recipe names.

The same search as curation's, made again on what is published: the card says what it found, dropped or not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..decontamination import SHIPPED, contamination, read_benchmark
from ..run_folder import RunFolder

if TYPE_CHECKING:
    import polars as pl

EXAMPLES = 2


class BenchmarkRow(NamedTuple):
    """What was found of one benchmark."""

    benchmark: str
    questions: int
    dropped: bool
    """True when the recipe drops its problems."""
    problems: int
    """Problems of the run that stand in it."""
    trainable: int
    """Of these, the problems with a row in `default`."""


class Evidence(NamedTuple):
    """What the search found."""

    matchers: list[str]
    rows: list[BenchmarkRow]
    hits: pl.DataFrame
    """A row per pair: problem_id, benchmark, row (of the benchmark, from 1), matcher, score."""

    def of_problems(self) -> pl.DataFrame:
        """Give problem_id and benchmarks: the benchmarks that each found problem stands in."""
        import polars as pl

        return self.hits.group_by("problem_id", maintain_order=True).agg(
            pl.col("benchmark").unique(maintain_order=True).alias("benchmarks")
        )

    def examples(self) -> list[dict[str, object]]:
        """Give the first pairs of each benchmark, without texts."""
        return self.hits.group_by("benchmark", maintain_order=True).head(EXAMPLES).to_dicts()

    def note(self) -> list[str]:
        """Tell of problems that go out in `default` though they stand in a benchmark; empty when there are none."""
        found = [row for row in self.rows if row.trainable]
        if not found:
            return []
        counts = ", ".join(f"{row.trainable:,} of {row.benchmark}" for row in found)
        return [f"default holds benchmarks' problems ({counts}): `decontaminate` in the recipe drops them"]


def search_benchmarks(run: RunFolder, trainable: pl.Series) -> Evidence:
    """Look for the run's problems; `trainable` are the ids of those with a row in `default`."""
    import polars as pl

    config = run.recipe.curate
    entries = {name: read_benchmark(name) for name in dict.fromkeys([*config.decontaminate, *SHIPPED])}
    hits = contamination(run.problems(), list(entries.values()), config.decontaminate_by)
    hits = hits.select("problem_id", "benchmark", "row", "matcher", "score")
    published = trainable.unique().implode()
    rows: dict[str, BenchmarkRow] = {}
    for name, questions in entries.items():
        # a file of hashes may hold several
        for (benchmark,), part in questions.group_by("benchmark", maintain_order=True):
            ids = hits.filter(pl.col("benchmark") == benchmark)["problem_id"].unique()
            counts = (part.height, name in config.decontaminate, len(ids), ids.filter(ids.is_in(published)).len())
            rows.setdefault(str(benchmark), BenchmarkRow(str(benchmark), *counts))
    return Evidence(list(config.decontaminate_by), list(rows.values()), hits)
