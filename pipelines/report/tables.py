"""The tables behind the report's sections; each works on small columns alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...schemas.decision import reason_kind
from ...schemas.verdict import OUTCOMES
from ..run_folder import RunFolder
from ..run_folder.pass_rates import pass_rates
from .facts import complete_stages, facts

MOST_BINS_BY_COUNT = 16
"""Up to so many judged samples per problem the pass rates are shown as k of n; above, in tenths."""


@dataclass(frozen=True)
class OutcomeRow:
    """The samples of one outcome and how long they are."""

    outcome: str
    count: int
    tokens: int
    quantiles: tuple[float, ...]
    """Generated tokens at 5, 25, 50, 75 and 95 %; empty when nothing was counted."""


@dataclass(frozen=True)
class ReasonRow:
    """The samples dropped for one kind of reason."""

    reason: str
    count: int


@dataclass(frozen=True)
class Bin:
    """Problems within one range of pass rates."""

    label: str
    count: int


class BehaviourRow(NamedTuple):
    """One behaviour of a lexicon among the correct and among the wrong samples; None where there are no such samples."""

    lexicon: str
    behaviour: str
    correct_share: float | None
    """Share of the correct samples that show it."""
    wrong_share: float | None
    correct_rate: float | None
    """Count per 1,000 tokens over all correct samples together."""
    wrong_rate: float | None


def outcome_rows(run: RunFolder) -> list[OutcomeRow]:
    """Count samples and lengths per outcome, in the outcomes' own order."""
    import polars as pl

    quantiles = [pl.col("tokens").quantile(share, "linear").alias(f"q{share}") for share in (0.05, 0.25, 0.5, 0.75, 0.95)]
    grouped = facts(run).group_by("outcome").agg(pl.len(), pl.col("tokens").sum(), *quantiles).drop_nulls("outcome").collect()
    rows = {row[0]: OutcomeRow(row[0], row[1], row[2], tuple(row[3:]) if row[3] is not None else ()) for row in grouped.iter_rows()}
    return [rows[outcome] for outcome in OUTCOMES if outcome in rows]


def saved_tokens(run: RunFolder) -> int:
    """Estimate the tokens that an adaptive run saved against the most samples it might have drawn of every problem.

    Of each problem with samples: those not drawn, times the mean length of those that were.
    """
    import polars as pl

    config = run.recipe.sample
    if not config.is_adaptive():
        return 0
    problems = facts(run).group_by("problem_id").agg(pl.len(), pl.col("tokens").mean())
    undrawn = (config.most_samples() - pl.col("len").cast(pl.Int64)).clip(0)
    return round(problems.select((undrawn * pl.col("tokens")).sum()).collect().item())


def reason_rows(run: RunFolder) -> list[ReasonRow]:
    """Count dropped samples per kind of reason, most frequent first."""
    import polars as pl

    dropped = facts(run).filter(~pl.col("kept")).group_by(reason_kind()).len().sort(["len", "reason"], descending=[True, False])
    return [ReasonRow(reason or "no reason given", count) for reason, count in dropped.collect().iter_rows()]


def pass_rate_bins(run: RunFolder) -> list[Bin]:
    """Count problems per pass rate: by k of the largest number of judged samples if that is small, else in tenths.

    The first bin holds the problems that were never solved and the last one those always solved, exactly: neither teaches RL
    anything. Tenths of a small n would be uneven by themselves. A problem with fewer judged samples goes to the nearest k.
    """
    import polars as pl

    if "verdicts" not in complete_stages(run):
        return []
    rates = pass_rates(run).filter(pl.col("judged") > 0)
    if rates.is_empty():
        return []
    rate, most = pl.col("pass_rate"), rates.select(pl.col("judged").max()).item()
    if 2 <= most <= MOST_BINS_BY_COUNT:
        inner = (rate * most).round().clip(1, most - 1)
        labels = [str(k) for k in range(most + 1)]
    else:
        # an epsilon, for 0.7 * 10 is below 7
        inner = (rate * 10 + 1e-9).floor() + 1
        labels = ["0 %", *(f"{10 * tenth}–{10 * tenth + 10} %" for tenth in range(10)), "100 %"]
    place = pl.when(rate == 0).then(0).when(rate == 1).then(len(labels) - 1).otherwise(inner.cast(pl.Int64))
    counts = dict(rates.group_by(place.alias("place")).len().iter_rows())
    return [Bin(label, counts.get(number, 0)) for number, label in enumerate(labels)]


def behaviour_rows(run: RunFolder) -> list[BehaviourRow]:
    """Compare how often correct and wrong samples show each behaviour, sorted by lexicon and by share among the correct."""
    import polars as pl

    if not {"verdicts", "tags"} <= complete_stages(run):
        return []
    groups = run.scan("verdicts").filter(pl.col("outcome").is_in(["correct", "wrong"])).select("sample_id", "outcome")
    tags = run.scan("tags").select("sample_id", "tokens", "behaviours").join(groups, on="sample_id")
    sizes, counts = pl.collect_all(
        [
            tags.group_by("outcome").agg(pl.len().alias("samples"), pl.col("tokens").sum()),
            tags.select("outcome", "behaviours")
            .explode("behaviours", empty_as_null=False)
            .unnest("behaviours")
            .group_by("lexicon", "behaviour", "outcome")
            .agg(pl.len().alias("showing"), pl.col("count").sum()),
        ]
    )
    size = {outcome: (samples, tokens) for outcome, samples, tokens in sizes.iter_rows()}
    found = {tuple(row[:3]): row[3:] for row in counts.iter_rows()}
    rows = [_behaviour_row(names, size, found) for names in {key[:2] for key in found}]
    return sorted(rows, key=lambda row: (row.lexicon, -(row.correct_share or 0), -(row.wrong_share or 0), row.behaviour))


def _behaviour_row(names: Sequence[str], size: dict[str, tuple[int, int]], found: dict[tuple, tuple]) -> BehaviourRow:
    shares: list[float | None] = []
    rates: list[float | None] = []
    for outcome in ("correct", "wrong"):
        samples, tokens = size.get(outcome, (0, 0))
        showing, count = found.get((*names, outcome), (0, 0))
        shares.append(showing / samples if samples else None)
        rates.append(1000 * count / tokens if tokens else None)
    return BehaviourRow(names[0], names[1], *shares, *rates)
