"""Two evaluations on the same problems: paired, so that what is hard for both does not widen the interval.

compare(Path("evals/sft"), Path("evals/rl"))           every benchmark that both have
compare(Path("runs/a"), Path("runs/b"))                two run folders of the same problems
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.evaluation import RESULT, BenchmarkResult, Pairing
from ..run_folder import RunFolder
from .evaluate import read_result
from .scoring import judged_samples
from .statistics import compare_pairs, mean_estimate, solve_rates

if TYPE_CHECKING:
    import polars as pl

SAME = ("temperature", "top_p", "max_tokens", "system_prompt", "prompt_template", "shots")
"""Settings of the protocol whose difference is said."""


class Measured(NamedTuple):
    """One side of a comparison, on one benchmark."""

    rates: pl.DataFrame
    """problem_id, samples, correct."""
    result: BenchmarkResult | None
    """None for a run folder."""
    verifiers: list[str]


def compare(first: Path, second: Path) -> list[Pairing]:
    """Compare two evaluations, or two run folders, on the problems that both have; raises CotkitError when there are none."""
    before, after = _measured(first), _measured(second)
    if list(before) == list(after) == [""]:
        pairs = {f"{first.name} and {second.name}": (before[""], after[""])}
    else:
        pairs = {name: (before[name], after[name]) for name in before if name in after}
    pairings = [pairing for name, sides in pairs.items() if (pairing := _pairing(name, *sides)) is not None]
    if not pairings:
        raise CotkitError(f"{first} and {second}: no problem in common", "compare evaluations that share a benchmark")
    return pairings


def _measured(path: Path) -> dict[str, Measured]:
    """Give each benchmark's rates; of a run folder, one without a name."""
    if not (path / RESULT).is_file():
        return {"": _of_run(RunFolder.open(path), None)}
    return {name: _of_run(RunFolder.open(path / found.run), found) for name, found in read_result(path).benchmarks.items()}


def _of_run(run: RunFolder, result: BenchmarkResult | None) -> Measured:
    import polars as pl

    samples = judged_samples(run)
    rates = samples.group_by("problem_id").agg(
        pl.len().cast(pl.Int64).alias("samples"), (pl.col("outcome") == "correct").sum().cast(pl.Int64).alias("correct")
    )
    return Measured(rates, result, sorted(samples["verifier"].drop_nulls().unique()))


def _pairing(name: str, first: Measured, second: Measured) -> Pairing | None:
    both = first.rates.join(second.rates, on="problem_id", suffix="_second").sort("problem_id")
    if not both.height:
        return None
    before = solve_rates(both["correct"], both["samples"])
    after = solve_rates(both["correct_second"], both["samples_second"])
    paired = compare_pairs(before, after)
    ids = both["problem_id"].to_numpy()
    return Pairing(
        benchmark=name,
        problems=both.height,
        only_first=first.rates.height - both.height,
        only_second=second.rates.height - both.height,
        first=mean_estimate(before, int(both["samples"].sum())),
        second=mean_estimate(after, int(both["samples_second"].sum())),
        difference=paired.difference,
        p_value=paired.p_value,
        gained=ids[paired.gained].tolist(),
        lost=ids[paired.lost].tolist(),
        warnings=_warnings(first, second),
    )


def _warnings(first: Measured, second: Measured) -> list[str]:
    """Say what differs in how the two were measured, beside the model."""
    found = []
    if first.verifiers != second.verifiers:
        found.append(f"judged by {', '.join(first.verifiers)} and {', '.join(second.verifiers)}: `cotkit eval --rescore` both")
    one, two = first.result, second.result
    if one is None or two is None:
        return found
    for key in SAME:
        if one.protocol.get(key) != two.protocol.get(key):
            found.append(f"{key} differs" + (f": {one.protocol.get(key)} and {two.protocol.get(key)}" if key != "shots" else ""))
    facts = {"engine": (one.engine.name, two.engine.name), "engine version": (one.engine.version, two.engine.version)}
    facts |= {"dtype": (one.engine.dtype, two.engine.dtype), "parallel sizes": (one.engine.parallel, two.engine.parallel)}
    found += [f"{name} differs: {was} and {now}" for name, (was, now) in facts.items() if was != now]
    if one.source.content != two.source.content:
        found.append("the benchmark's texts or answers differ: only problems that are the same are compared")
    return found
