"""The tables behind the report's sections; each works on small columns alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ...schemas.decision import reason_kind
from ...schemas.verdict import OUTCOMES
from ..evaluation.statistics import mean_estimate, pass_at_k
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


class TokenRow(NamedTuple):
    """The tokens that went into samples of one fate."""

    fate: str
    """`kept`, `correct, not kept`, `wrong`, another outcome, or `not judged`."""
    samples: int
    tokens: int


class PassRow(NamedTuple):
    """pass@k: the chance that at least one of k samples of a problem is correct."""

    k: int
    problems: int
    value: float
    low: float | None
    high: float | None


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


def token_rows(run: RunFolder) -> list[TokenRow]:
    """Count the tokens that samples of each fate took: what was kept, and what was paid for and not kept."""
    import polars as pl

    if "verdicts" not in complete_stages(run):
        return []
    dropped = pl.lit("correct, not kept" if "decisions" in complete_stages(run) else "correct")
    judged = pl.when(pl.col("outcome") == "correct").then(dropped).otherwise(pl.col("outcome").fill_null("not judged"))
    fate = pl.when(pl.col("kept").fill_null(False)).then(pl.lit("kept")).otherwise(judged)
    counts = facts(run).group_by(fate.alias("fate")).agg(pl.len(), pl.col("tokens").sum()).collect()
    order = ["kept", "correct", "correct, not kept", *OUTCOMES[1:], "not judged"]
    return [TokenRow(*row) for row in sorted(counts.iter_rows(), key=lambda row: order.index(row[0]))]


def pass_at_k_rows(run: RunFolder) -> list[PassRow]:
    """Estimate pass@k for k = 1, 2, 4, …, over the same problems: those with at least as many judged samples as nine in ten have.

    None for an adaptive run: it stops at the first correct samples, so that how many there are depends on how they came out.
    """
    import polars as pl

    if "verdicts" not in complete_stages(run) or run.recipe.sample.is_adaptive():
        return []
    rates = pass_rates(run).filter(pl.col("judged") > 0)
    most = rates.select(pl.col("judged").quantile(0.1, "lower")).item() if rates.height else 0
    if not most or most < 2:
        return []
    rates = rates.filter(pl.col("judged") >= most)
    ks = sorted({2**power for power in range(int(most).bit_length()) if 2**power <= most} | {int(most)})
    rows = []
    for k in ks:
        estimate = mean_estimate(pass_at_k(rates["correct"].to_numpy(), rates["judged"].to_numpy(), k))
        rows.append(PassRow(k, rates.height, estimate.value or 0.0, estimate.low, estimate.high))
    return rows
