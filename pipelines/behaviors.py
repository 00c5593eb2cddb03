"""Behaviour rates of runs, with confidence intervals: the keyword rates of arXiv 2502.03373v1, section 6, for any run.

A row: `{"run": "runs/qwq", "group": "correct", "lexicon": "demystify", "behaviour": "wait", "share": 0.81, "share_low": 0.78, …}`

The samples of one problem resemble one another, so a problem is one draw, not its samples. Both rates are ratios of two sums over
problems c: the share is Σ y_c / Σ m_c (samples that show the behaviour / samples), the count per token is Σ k_c / Σ t_c. With
r = Σ y / Σ x, the variance is that of the ratio-to-size estimate for clusters of unequal size (Cochran, Sampling Techniques,
3rd ed., chapter 9A):

    v = C / (C - 1) * Σ (y_c - r x_c)² / (Σ x_c)²            over the C problems of the group

Intervals are 95 %, with Student's t for C - 1 degrees of freedom. Of a share: Wilson's, at the effective sample size r (1 - r) / v,
at most the number of samples (Korn and Graubard, Survey Methodology 24:193, 1998; Franco et al., J. Surv. Stat. Methodol. 7:334,
2019); where all or none of the samples show it, v is 0 and the number of problems is taken. Of a count per token: r * exp(± t √v / r),
for such counts are skewed; where there is none, up to the Poisson bound -ln 0.025 / Σ t. No interval for fewer than two problems.
Few problems (below about 20) or very unequal ones make the intervals too narrow; tests/pipelines/test_behaviors.py holds the coverage.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal, NamedTuple

from ..schemas.errors import CotkitError
from ..schemas.tags import Tags
from .run_folder import RunFolder

if TYPE_CHECKING:
    import polars as pl

By = Literal["none", "outcome", "teacher", "source"]

CONFIDENCE = 0.95
CODE = "code"
"""Stands as the lexicon of `python`: the share of samples with a Python code block, the paper's coding rate."""


class BehaviourRate(NamedTuple):
    """How often the samples of one group show one behaviour."""

    run: str
    group: str
    """Outcome, teacher or problem source; `all` without a grouping."""
    lexicon: str
    behaviour: str
    samples: int
    problems: int
    share: float
    """Samples with at least one match / samples."""
    share_low: float | None
    share_high: float | None
    per_1000_tokens: float | None
    """1000 * matches / generated tokens, over all samples together; null without tokens."""
    rate_low: float | None
    rate_high: float | None
    curve: list[int] | None
    """Matches per tenth of the text, over all samples together."""


def behaviour_rates(run: RunFolder, by: By = "none", lexicons: Sequence[str] = ()) -> list[BehaviourRate]:
    """Give the rates of every behaviour in every group, sorted by lexicon, behaviour and group.

    A behaviour that occurs in one group has a row in each. Two passes over small columns: sums per problem, then over problems.
    Raises CotkitError when tags (or verdicts, for `outcome`) are missing or old, or a lexicon was not counted.
    """
    import polars as pl

    rows = _rows(run, by)
    sizes = rows.group_by("group", "problem_id").agg(
        pl.len().cast(pl.Float64).alias("m"), pl.col("tokens").sum().cast(pl.Float64).alias("t")
    )
    entries = (
        rows.select("group", "problem_id", "behaviours").explode("behaviours", empty_as_null=False, keep_nulls=False).unnest("behaviours")
    )
    keys = ["group", "lexicon", "behaviour"]
    tenths = [pl.col("curve").list.get(tenth, null_on_oob=True).sum().alias(f"tenth{tenth}") for tenth in range(10)]
    found = entries.group_by(*keys, "problem_id").agg(pl.len().alias("y"), pl.col("count").sum().alias("k"), *tenths)
    coding = (
        rows.filter(pl.col("python_blocks") > 0)
        .group_by("group", "problem_id")
        .agg(pl.len().alias("y"), pl.col("python_blocks").sum().alias("k"))
    )
    coding = coding.with_columns(pl.lit(CODE).alias("lexicon"), pl.lit("python").alias("behaviour"))
    sized, counted, coded = pl.collect_all([sizes, found, coding], engine="streaming")
    counted = pl.concat([counted, coded], how="diagonal_relaxed")
    if lexicons:
        there = sorted(counted["lexicon"].unique())
        unknown = [name for name in lexicons if name not in there]
        if unknown:
            raise CotkitError(
                f"{run.path}: no matches of a lexicon {unknown[0]!r}", f"counted were {', '.join(there) or 'none'}; see `cotkit tag`"
            )
        counted = counted.filter(pl.col("lexicon").is_in(list(lexicons)))
    return _rates(str(run.path), sized, counted)


def markdown(rates: Sequence[BehaviourRate]) -> str:
    """Write rates as a Markdown table; shares in per cent, intervals in brackets."""
    several = len({rate.run for rate in rates}) > 1
    heads = [*(["run"] if several else []), "lexicon", "behaviour", "group", "samples", "problems", "% of samples", "per 1,000 tokens"]
    lines = [heads, ["---"] * (len(heads) - 4) + ["---:"] * 4]
    for rate in rates:
        share = _written(100 * rate.share, rate.share_low and 100 * rate.share_low, rate.share_high and 100 * rate.share_high, 1)
        count = _written(rate.per_1000_tokens, rate.rate_low, rate.rate_high, 3)
        name = [rate.run] if several else []
        lines.append([*name, rate.lexicon, rate.behaviour, rate.group, f"{rate.samples:,}", f"{rate.problems:,}", share, count])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _written(value: float | None, low: float | None, high: float | None, digits: int) -> str:
    if value is None:
        return "–"
    return f"{value:.{digits}f}" + ("" if low is None or high is None else f" ({low:.{digits}f}–{high:.{digits}f})")


def _rows(run: RunFolder, by: By) -> pl.LazyFrame:
    """Scan problem_id, group, tokens, behaviours and python_blocks of every sample."""
    import polars as pl

    tags = run.scan("tags")
    missing = set(Tags.polars_schema()) - set(tags.collect_schema())
    behaviour = dict(tags.collect_schema()).get("behaviours")
    if missing or behaviour != Tags.polars_schema()["behaviours"]:
        raise CotkitError(f"{run.path}: its tags were written by an older cotkit", f"run `cotkit tag {run.path}` again")
    samples = run.scan("samples").select("sample_id", "problem_id", "teacher")
    rows = samples.join(tags.select("sample_id", "tokens", "behaviours", "python_blocks"), on="sample_id")
    if by == "outcome":
        outcomes = run.scan("verdicts").select("sample_id", pl.col("outcome").alias("group"))
        rows = rows.join(outcomes, on="sample_id", how="left")
    elif by == "source":
        sources = run.problems().lazy().select("problem_id", pl.col("source").alias("group"))
        rows = rows.join(sources, on="problem_id", how="left")
    else:
        rows = rows.with_columns((pl.col("teacher") if by == "teacher" else pl.lit("all")).alias("group"))
    return rows.with_columns(pl.col("group").fill_null("unknown"))


def _rates(run: str, sizes: pl.DataFrame, counted: pl.DataFrame) -> list[BehaviourRate]:
    import polars as pl

    totals = sizes.group_by("group").agg(
        pl.len().alias("C"), pl.col("m", "t").sum(), *[(pl.col(name) ** 2).sum().alias(f"{name}{name}") for name in "mt"]
    )
    names = counted.select("lexicon", "behaviour").unique()
    sized = counted.join(sizes, on=["group", "problem_id"])
    products = [(pl.col(a) * pl.col(b)).sum().alias(a + b) for a, b in ("yy", "ym", "kk", "kt")]
    tenths = [pl.col(f"tenth{tenth}").sum() for tenth in range(10) if f"tenth{tenth}" in counted.columns]
    sums = (
        sized.with_columns(pl.col("y", "k").cast(pl.Float64))
        .group_by("group", "lexicon", "behaviour")
        .agg(pl.col("y", "k").sum(), *products, *tenths)
    )
    full = (
        totals.join(names, how="cross")
        .join(sums, on=["group", "lexicon", "behaviour"], how="left")
        .with_columns(pl.selectors.numeric().fill_null(0))
    )
    rates = []
    for row in full.sort("lexicon", "behaviour", "group").iter_rows(named=True):
        share, spread = _ratio(row["y"], row["m"], row["yy"], row["ym"], row["mm"], row["C"])
        low, high = share_interval(share, spread, int(row["m"]), row["C"])
        per_token, rate_low, rate_high = None, None, None
        if row["t"]:
            per_token, spread = _ratio(row["k"], row["t"], row["kk"], row["kt"], row["tt"], row["C"])
            rate_low, rate_high = (None if end is None else 1000 * end for end in count_interval(per_token, spread, row["t"], row["C"]))
        curve = None if row["lexicon"] == CODE else [int(row[f"tenth{tenth}"]) for tenth in range(10)]
        values = (share, low, high, None if per_token is None else 1000 * per_token, rate_low, rate_high, curve)
        rates.append(BehaviourRate(run, row["group"], row["lexicon"], row["behaviour"], int(row["m"]), row["C"], *values))
    return rates


def _ratio(y: float, x: float, yy: float, yx: float, xx: float, clusters: int) -> tuple[float, float]:
    """Give Σy/Σx and its variance from the sums of y, x, y², xy and x² over the clusters."""
    ratio = y / x
    squares = max(0.0, yy - 2 * ratio * yx + ratio**2 * xx)
    return ratio, squares * clusters / (clusters - 1) / x**2 if clusters > 1 else math.nan


def share_interval(share: float, variance: float, samples: int, clusters: int) -> tuple[float | None, float | None]:
    """Give the ends of the interval of a share; see the head of this module."""
    if clusters < 2:
        return None, None
    t = student_t(clusters - 1)
    sure = min(share, 1 - share) * samples < 1e-9
    size = clusters if sure or not variance else min(samples, share * (1 - share) / variance)
    middle = (share + t * t / (2 * size)) / (1 + t * t / size)
    half = t / (1 + t * t / size) * math.sqrt(max(0.0, share * (1 - share)) / size + t * t / (4 * size * size))
    return max(0.0, middle - half), min(1.0, middle + half)


def count_interval(rate: float, variance: float, tokens: float, clusters: int) -> tuple[float | None, float | None]:
    """Give the ends of the interval of a count per token; see the head of this module."""
    if clusters < 2:
        return None, None
    if rate == 0:
        return 0.0, -math.log((1 - CONFIDENCE) / 2) / tokens
    factor = math.exp(min(50.0, student_t(clusters - 1) * math.sqrt(variance) / rate))
    return rate / factor, rate * factor


def student_t(freedom: int) -> float:
    """Give the two-sided 95 % point of Student's t: exact for 1 and 2 degrees of freedom, else within 0.13 %.

    Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5.

    >>> [round(student_t(freedom), 2) for freedom in (1, 2, 5, 30)]
    [12.71, 4.3, 2.57, 2.04]
    """
    upper = (1 + CONFIDENCE) / 2
    if freedom == 1:
        return math.tan(math.pi * (upper - 0.5))
    if freedom == 2:
        return (2 * upper - 1) * math.sqrt(2 / (4 * upper * (1 - upper)))
    z = NormalDist().inv_cdf(upper)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))
