"""The report's page: RUN/report.html, one file without scripts that loads nothing.

Every text of a model or a problem set goes through the template's autoescape. Charts are SVG without any text in it: what they
say stands beside them as HTML, so that it reflows on a phone and is read aloud.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...data import data_file
from ...schemas.recipe import Recipe, dump_recipe
from ..run_folder import RunFolder, Stage, write_text
from .contamination import MATCHERS, contamination_found
from .facts import complete_stages
from .funnel import FunnelRow, funnel
from .tables import OutcomeRow, behaviour_rows, outcome_rows, pass_rate_bins, reason_rows, saved_tokens
from .traces import example_traces

if TYPE_CHECKING:
    import jinja2

TRACES = 9
SHOWN_CHARACTERS = 24_000
"""Longer texts lose their middle."""
VERBS: dict[Stage, str] = {"verdicts": "verify", "tags": "tag", "decisions": "curate"}
# NUL and its like end or garble a page: shown as their pictures, as editors do
CONTROL_PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n\r"} | {127: 0x2421}


def write_report(run: RunFolder) -> Path:
    """Write the run's report and give its path; a stage that is missing is named instead of shown."""
    path = run.path / "report.html"
    write_text(environment().get_template("report.html.jinja").render(report_context(run)), path)
    return path


def report_context(run: RunFolder) -> dict[str, Any]:
    """Gather all that the template shows."""
    there = complete_stages(run)
    stages = funnel(run)
    outcomes = outcome_rows(run)
    return {
        "version": __version__,
        "recipe": run.recipe,
        "teachers": run.count("samples", "teacher"),
        "finish_reasons": run.count("samples", "finish_reason"),
        "missing": [(stage, f"cotkit {verb} {run.path}") for stage, verb in VERBS.items() if stage not in there],
        "stale_exports": stale_exports(run),
        "tiles": tiles(stages, saved_tokens(run)),
        "funnel": stages,
        "outcomes": outcomes,
        "reasons": reason_rows(run),
        "matchers": MATCHERS,
        "contamination": contamination_found(run),
        "bins": pass_rate_bins(run),
        "axis": LengthAxis(outcomes),
        "behaviours": behaviour_rows(run),
        "traces": example_traces(run, TRACES).to_dicts(),
        "changed": changed_settings(run.recipe),
        "recipe_text": dump_recipe(run.recipe),
    }


def environment() -> jinja2.Environment:
    """Make the template environment: autoescape on, unknown names are errors."""
    import jinja2

    loader = jinja2.FileSystemLoader(data_file("templates"))
    made = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= {
        "number": number,
        "short": short_number,
        "percent": percent,
        "tick": tick_label,
        "text": shown_text,
        "axis_place": lambda tokens, axis: axis.at(tokens),
    }
    return made


def number(value: float) -> str:
    """Write a count in full.

    >>> number(1234567)
    '1,234,567'
    """
    return f"{value:,.0f}"


def short_number(value: float) -> str:
    """Write a large count in three digits.

    >>> [short_number(value) for value in (950, 1234, 45_600, 999_999, 7_890_000_000)]
    ['950', '1.23K', '45.6K', '1.00M', '7.89B']
    """
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if value >= unit * 0.9995:
            scaled = value / unit
            return f"{scaled:.{2 if scaled < 9.995 else 1 if scaled < 99.95 else 0}f}{name}"
    return f"{value:.0f}"


def tick_label(value: int) -> str:
    """Write a round count as short as it goes.

    >>> [tick_label(value) for value in (500, 2000, 10_000, 5_000_000)]
    ['500', '2K', '10K', '5M']
    """
    for unit, name in ((10**9, "B"), (10**6, "M"), (10**3, "K")):
        if value >= unit:
            return f"{value // unit}{name}"
    return str(value)


def percent(share: float) -> str:
    """Write a share; what is neither none nor all is never rounded to it.

    >>> [percent(share) for share in (0, 0.0001, 0.123, 0.9999, 1)]
    ['0 %', '<0.1 %', '12.3 %', '>99.9 %', '100 %']
    """
    if 0 < share < 0.001:
        return "<0.1 %"
    if 0.999 < share < 1:
        return ">99.9 %"
    return f"{100 * share:.0f} %" if share in (0, 1) else f"{100 * share:.1f} %"


def shown_text(text: str) -> str:
    """Give a text as it can be shown: control characters as pictures, and the middle of a very long one left out."""
    if len(text) > SHOWN_CHARACTERS:
        half = SHOWN_CHARACTERS // 2
        text = f"{text[:half]}\n\n[… {len(text) - 2 * half:,} characters left out …]\n\n{text[-half:]}"
    return text.translate(CONTROL_PICTURES)


def tiles(stages: list[FunnelRow], saved: int = 0) -> list[tuple[str, str, str]]:
    """Give the key numbers: what, value, remark."""
    rows = {row.name: row for row in stages}
    problems, solved, samples = rows["problems"], rows.get("problems with a correct sample"), rows["samples"]
    correct, kept = rows.get("correct"), rows.get("kept")
    found = [("problems", number(problems.count), f"{percent(solved.count / problems.count)} solved at least once" if solved else "")]
    found.append(("samples", number(samples.count), f"{short_number(samples.tokens or 0)} tokens"))
    if correct and samples.count:
        found.append(("correct", percent(correct.count / samples.count), f"{number(correct.count)} samples"))
    if kept and samples.count:
        found.append(("kept", number(kept.count), f"{percent(kept.count / samples.count)} of all samples"))
    if saved and samples.tokens:
        share = saved / (saved + samples.tokens)
        found.append(("tokens saved", short_number(saved), f"{percent(share)} less than all the samples there might have been"))
    if kept and kept.count and samples.tokens:
        found.append(
            (
                "tokens drawn per kept sample",
                short_number(samples.tokens / kept.count),
                f"{short_number((kept.tokens or 0) / kept.count)} tokens long",
            )
        )
    return found


class LengthAxis:
    """A logarithmic axis of token counts, from 0 to 1000 across; lengths of responses span orders of magnitude."""

    def __init__(self, rows: list[OutcomeRow]) -> None:
        measured = [row.quantiles for row in rows if row.quantiles]
        self.low = max(1.0, min((quantiles[0] for quantiles in measured), default=1) / 1.15)
        self.high = max((quantiles[-1] for quantiles in measured), default=1) * 1.15 + 1

    def at(self, tokens: float) -> float:
        """Give the place of a token count."""
        share = math.log(max(tokens, self.low) / self.low) / math.log(self.high / self.low)
        return round(1000 * share, 2)

    def ticks(self) -> list[int]:
        """Give the round counts on the axis: 1, 2 and 5 times the powers of ten, or these alone when they are many."""
        found = [step * 10**power for power in range(12) for step in (1, 2, 5) if self.low <= step * 10**power <= self.high]
        return found if len(found) <= 6 else [tick for tick in found if str(tick).strip("0") == "1"]


def stale_exports(run: RunFolder) -> list[str]:
    """Name the exports that are older than a decision or verdict of the run."""
    times = [path.stat().st_mtime_ns for stage in ("verdicts", "decisions") for path in (run.path / stage).glob("*.parquet")]
    newest = max(times, default=0)
    folders = sorted((run.path / "exports").glob("*"))
    return [folder.name for folder in folders if any(piece.stat().st_mtime_ns < newest for piece in folder.glob("train[-.]*"))]


def changed_settings(recipe: Recipe) -> list[tuple[str, str]]:
    """Give the settings that are not at their default, as (name, value)."""

    def walk(value: dict[str, Any], default: dict[str, Any], name: str) -> list[tuple[str, str]]:
        found = []
        for key, entry in value.items():
            before = default.get(key)
            if isinstance(entry, dict) and isinstance(before, dict) and before:
                found += walk(entry, before, f"{name}{key}.")
            elif entry != before:
                found.append((name + key, entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False)))
        return found

    default = Recipe(name=recipe.name, description=recipe.description)
    return walk(recipe.model_dump(mode="json"), default.model_dump(mode="json"), "")
