"""The report's page: one HTML file that works from disk and loads nothing.

The overview is plain HTML and SVG and needs no script; every text in it goes through the template's autoescape. The traces are an
archive (`archive.py`) that the page's own script unpacks and shows as text nodes. The Content-Security-Policy allows that script and
KaTeX by their hashes, no other script and no request.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import __version__
from ...data import data_file
from ...schemas.recipe import Recipe, dump_recipe
from ..run_folder import RunFolder, Stage, write_text
from .archive import Archive, archive
from .charts import draw
from .contamination import MATCHERS
from .facts import complete_stages
from .figures import accuracy_charts, described, pass_at_k_chart, position_charts, training_charts
from .funnel import FunnelRow
from .numbers import RunNumbers, run_numbers
from .tables import OutcomeRow
from .text import number, percent, short_number, shown_text, tick_label
from .traces import Wanted

if TYPE_CHECKING:
    import jinja2

TRACES = 500
SCRIPTS = ("inflate.js", "text.js", "traces.js", "viewer.js")
VERBS: dict[Stage, str] = {"verdicts": "verify", "tags": "tag", "decisions": "curate"}
FONT = re.compile(r"@font-face\{[^}]*?src:url\(fonts/([\w-]+\.woff2)\)[^}]*\}")


class Script(NamedTuple):
    """A script of the page and the source that its policy allows."""

    text: str  # not of a model: a file that ships
    source: str


def write_report(
    runs: RunFolder | Sequence[RunFolder],
    path: Path | None = None,
    traces: int = TRACES,
    wanted: Wanted | None = None,
    numbers: Sequence[RunNumbers] | None = None,
) -> Path:
    """Write the report of a run, or of several side by side, and give its path: `RUN/report.html` unless told otherwise.

    Up to `traces` traces are put in. A stage that is missing is named instead of shown.
    """
    runs = [runs] if isinstance(runs, RunFolder) else runs
    path = path or runs[0].path / "report.html"
    write_text(rendered(runs, numbers or [run_numbers(run) for run in runs], archive(runs, traces, wanted)), path)
    return path


def rendered(runs: Sequence[RunFolder], numbers: Sequence[RunNumbers], packed: Archive) -> str:
    """Write the page."""
    scripts = [own_script(), *([katex_script()] if packed.has_math else [])]
    context = {
        "version": __version__,
        "title": " · ".join(each.recipe.name for each in numbers),
        "runs": [run_context(run, each) for run, each in zip(runs, numbers, strict=True)],
        "comparison": [draw_with_words(chart) for chart in accuracy_charts(numbers)],
        "passing": draw_with_words(pass_at_k_chart(numbers)) if len(runs) > 1 else None,
        "archive": packed,
        "katex_style": katex_style() if packed.has_math else "",
        "scripts": [script.text for script in reversed(scripts)],
        "script_sources": " ".join(script.source for script in scripts),
        "matchers": MATCHERS,
        "tile_names": list(dict.fromkeys(name for each in numbers for name, _, _ in tiles(each.funnel, each.tokens_saved))),
    }
    return environment().get_template("report.html.jinja").render(context)


def run_context(run: RunFolder, numbers: RunNumbers) -> dict[str, Any]:
    """Gather what the template shows of one run."""
    there = complete_stages(run)
    positions = position_charts(numbers.behaviours)
    return {
        "numbers": numbers,
        "missing": [(stage, f"cotkit {verb} {run.path}") for stage, verb in VERBS.items() if stage not in there],
        "stale_exports": stale_exports(run),
        "tiles": tiles(numbers.funnel, numbers.tokens_saved),
        "axis": LengthAxis(numbers.outcomes),
        "passing": draw_with_words(pass_at_k_chart([numbers])),
        "positions": {lexicon: [draw_with_words(chart) for chart in charts] for lexicon, charts in positions.items()},
        "trainings": {name: [draw_with_words(chart) for chart in charts] for name, charts in training_charts(numbers).items()},
        "changed": changed_settings(run.recipe),
        "recipe_text": dump_recipe(run.recipe),
    }


def draw_with_words(chart: Any) -> dict[str, Any] | None:
    """Draw a chart of lines; its numbers are read aloud with it."""
    return None if chart is None else {"title": chart.title, "chart": chart, "svg": draw(chart, described(chart))}


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
        "tile": lambda tiles, name: next((value for own, value, _ in tiles if own == name), "–"),
        "axis_place": lambda tokens, axis: axis.at(tokens),
    }
    return made


def own_script() -> Script:
    """Give the viewer's script."""
    parts = (data_file("templates", "report", name).read_text(encoding="utf-8") for name in SCRIPTS)
    return _script('(() => {\n"use strict";\n' + "\n".join(parts) + "})();\n")


def katex_script() -> Script:
    """Give KaTeX, with its licence."""
    licence = data_file("templates", "katex", "LICENSE").read_text(encoding="utf-8").replace("*/", "* /")
    code = data_file("templates", "katex", "katex.min.js").read_text(encoding="utf-8")
    return _script(f"/*! KaTeX (katex.org)\n{licence}*/\n{code}")


def _script(text: str) -> Script:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return Script(text, f"'sha256-{digest}'")


def katex_style() -> str:
    """Give KaTeX's style with the fonts that ship, as data; families that do not ship are left out."""
    folder = data_file("templates", "katex")

    def inlined(face: re.Match[str]) -> str:
        font = folder / face[1]
        if not font.is_file():
            return ""
        data = base64.b64encode(font.read_bytes()).decode()
        return re.sub(r"src:[^}]*", f'src:url(data:font/woff2;base64,{data}) format("woff2")', face[0])

    return FONT.sub(inlined, (folder / "katex.min.css").read_text(encoding="utf-8"))


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
