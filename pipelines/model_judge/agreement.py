"""Rule x judge: how often the two ways of judging say the same of a sample.

agreement(run).counts     rule      judge     samples
                          correct   correct   812
                          wrong     correct   31        candidates for the rule's false rejections
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from ..run_folder import RunFolder
from .judging import scan_judgements

if TYPE_CHECKING:
    import polars as pl


class Agreement(NamedTuple):
    """How a rule's verdicts and a judge's judgements go together. Correct or not is what is compared."""

    counts: pl.DataFrame
    """Columns rule, judge, samples: every pair of outcomes that occurs, most frequent first."""
    samples: int
    agreeing: int
    """Samples that both call correct, or neither does."""
    only_rule: int
    """Correct to the rule alone."""
    only_judge: int
    """Correct to the judge alone."""
    kappa: float | None
    """Cohen's kappa of correct or not; null where one of the two says the same of all."""

    def as_dict(self) -> dict[str, Any]:
        """Give it as JSON would have it."""
        return self._asdict() | {"counts": self.counts.to_dicts()}

    def lines(self) -> list[str]:
        """Lay it out: a row per rule outcome, a column per judge outcome."""
        import polars as pl

        order = self.counts.group_by("judge").agg(pl.col("samples").sum()).sort("samples", "judge", descending=[True, False])["judge"]
        rules = self.counts.group_by("rule").agg(pl.col("samples").sum()).sort("samples", "rule", descending=[True, False])["rule"]
        cells = {(rule, judge): count for rule, judge, count in self.counts.iter_rows()}
        table = [["rule \\ judge", *order], *([rule, *(f"{cells.get((rule, judge), 0):,}" for judge in order)] for rule in rules)]
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        shown = ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in table]
        share = f"{100 * self.agreeing / self.samples:.1f} %" if self.samples else "none"
        kappa = "" if self.kappa is None else f", Cohen's kappa {self.kappa:.3f}"
        return [*shown, f"agree on {self.agreeing:,} of {self.samples:,} ({share}){kappa}"]


def agreement(run: RunFolder, name: str = "judge") -> Agreement:
    """Compare a judge with the rule over all samples of a run; raises CotkitError when either has not judged yet."""
    import polars as pl

    rule = run.scan("verdicts").select("sample_id", pl.col("outcome").alias("rule"))
    judged = scan_judgements(run, name).select("sample_id", pl.col("outcome").alias("judge"))
    pairs = rule.join(judged, on="sample_id").collect()
    counts = pairs.group_by("rule", "judge").len("samples").sort(["samples", "rule", "judge"], descending=[True, False, False])
    by_rule, by_judge = pairs["rule"] == "correct", pairs["judge"] == "correct"
    total, only_rule, only_judge = pairs.height, int((by_rule & ~by_judge).sum()), int((by_judge & ~by_rule).sum())
    agreeing = total - only_rule - only_judge
    return Agreement(counts, total, agreeing, only_rule, only_judge, _kappa(total, agreeing, int(by_rule.sum()), int(by_judge.sum())))


def _kappa(total: int, agreeing: int, rule: int, judge: int) -> float | None:
    """Give (observed - expected) / (1 - expected) agreement (Cohen 1960)."""
    if not total:
        return None
    expected = (rule * judge + (total - rule) * (total - judge)) / total**2
    return None if expected == 1 else round((agreeing / total - expected) / (1 - expected), 6)
