"""The card's plots, as PNG: how long responses are by outcome, and how often problems are solved.

Drawn from counts by Vega-Lite inside `vl-convert` (extra `plots`): no browser, no network. Without it the card has its tables alone.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..report.facts import facts
from ..report.tables import pass_rate_bins
from ..run_folder import RunFolder, disk_errors
from ..run_folder.parquet import replacing

if TYPE_CHECKING:
    import polars as pl

FOLDER = "plots"
LENGTHS, PASS_RATES = f"{FOLDER}/lengths.png", f"{FOLDER}/pass_rates.png"
INSTALL = "pip install 'cotkit[plots]'"
BINS_PER_DOUBLING = 2
GROUPS = ("correct", "wrong", "truncated", "other")
COLORS = ("#17806d", "#c4532d", "#c9992b", "#8a93a0")
WIDTH, HEIGHT, SCALE = 620, 260, 2


def write_plots(run: RunFolder, folder: Path) -> tuple[list[str], list[str]]:
    """Draw what the run has numbers for; gives the plots' paths within the dataset, and notes on what could not be drawn."""
    try:
        import vl_convert
    except ImportError:
        return [], [f"the card has no plots: {INSTALL}"]
    written = []
    for name, spec in ((LENGTHS, lengths_spec(length_counts(run))), (PASS_RATES, pass_rates_spec(run))):
        if spec is not None:
            with disk_errors(folder / name), replacing(folder / name) as temporary:
                temporary.write_bytes(vl_convert.vegalite_to_png(spec, scale=SCALE, show_warnings=False))
            written.append(name)
    return written, []


def length_counts(run: RunFolder) -> pl.DataFrame:
    """Count samples by outcome and length: columns group, low and high (tokens, ends of the bin), count."""
    import polars as pl

    group = pl.when(pl.col("outcome").is_in(GROUPS[:3])).then("outcome").otherwise(pl.lit(GROUPS[3])).alias("group")
    place = (pl.col("tokens").clip(1).log(2) * BINS_PER_DOUBLING + 1e-9).floor().alias("place")
    counts = facts(run).drop_nulls("tokens").group_by(group, place).len("count").sort("group", "place").collect()
    ends = [pl.lit(2.0).pow((pl.col("place") + step) / BINS_PER_DOUBLING) for step in (0, 1)]
    return counts.select("group", ends[0].alias("low"), ends[1].alias("high"), "count")


def lengths_spec(counts: pl.DataFrame) -> dict[str, Any] | None:
    """Give the chart of lengths: stacked bars on a logarithmic axis, in bins that grow by the square root of two."""
    if counts.is_empty():
        return None
    rows, heights = [], dict.fromkeys(sorted(counts["low"].unique()), 0)
    for row in sorted(counts.to_dicts(), key=lambda row: GROUPS.index(row["group"])):
        start = heights[row["low"]]
        heights[row["low"]] += row["count"]
        rows.append(row | {"from": start, "to": heights[row["low"]]})
    first, last = math.floor(math.log2(counts["low"].min())), math.ceil(math.log2(counts["high"].max()))  # type: ignore[arg-type]
    step = max(1, (last - first + 9) // 10)
    axis = {"values": [2**power for power in range(first, last + 1, step)], "format": ",d", "grid": False}
    scale = {"type": "log", "base": 2, "nice": False, "domain": [2**first, 2**last]}
    color = {"field": "group", "type": "nominal", "scale": {"domain": list(GROUPS), "range": list(COLORS)}, "title": None}
    return _chart(
        rows,
        "Generated tokens per sample, by outcome",
        {
            "x": {"field": "low", "type": "quantitative", "scale": scale, "axis": axis, "title": "tokens (log scale)"},
            "x2": {"field": "high"},
            "y": {"field": "from", "type": "quantitative", "title": "samples"},
            "y2": {"field": "to"},
            "color": color,
        },
    )


def pass_rates_spec(run: RunFolder) -> dict[str, Any] | None:
    """Give the chart of pass rates: problems by how many of their samples are right."""
    bins = pass_rate_bins(run)
    if not bins:
        return None
    counted = not bins[0].label.endswith("%")
    rows = [{"label": entry.label, "count": entry.count} for entry in bins]
    title = f"correct samples, of {bins[-1].label}" if counted else "pass rate"
    return _chart(
        rows,
        "Problems by how often they are solved",
        {
            "x": {"field": "label", "type": "ordinal", "sort": None, "axis": {"labelAngle": 0}, "title": title},
            "y": {"field": "count", "type": "quantitative", "title": "problems"},
            "color": {"value": "#33658a"},
        },
    )


def _chart(rows: list[dict[str, Any]], title: str, encoding: dict[str, Any]) -> dict[str, Any]:
    look = {"labelFontSize": 12, "titleFontSize": 13, "titleFontWeight": "normal", "gridColor": "#e5e7eb", "domainColor": "#9aa0a8"}
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "background": "#ffffff",
        "padding": 12,
        "width": WIDTH,
        "height": HEIGHT,
        "title": {"text": title, "anchor": "start", "fontSize": 15, "fontWeight": 600, "offset": 12},
        "data": {"values": rows},
        "mark": {"type": "bar", "binSpacing": 1},
        "encoding": encoding,
        "config": {"axis": look, "legend": {"labelFontSize": 12, "orient": "top", "symbolType": "square"}, "view": {"stroke": None}},
    }
