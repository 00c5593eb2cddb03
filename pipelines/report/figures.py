"""The charts of a report, made from its numbers; the page shows some of them, `--plots` writes all."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from ..behaviors import BehaviourRate
from .charts import Chart, Line, LineChart, Row, RowChart, tones
from .numbers import RunNumbers, benchmarks_of
from .text import number, percent, short_number

LEAST_MATCHES = 5
"""A position curve of fewer matches shows chance."""

POSITIONS = [5.0 + 10 * tenth for tenth in range(10)]


def pass_at_k_chart(numbers: Sequence[RunNumbers]) -> LineChart | None:
    """Draw pass@k over k, a line per run."""
    lines, ks = [], set()
    with_rows = [each for each in numbers if each.pass_at_k]
    for each, tone in zip(with_rows, tones(f"{place}" for place in range(len(with_rows))).values(), strict=True):
        band = [(row.k, row.low, row.high) for row in each.pass_at_k if row.low is not None and row.high is not None]
        lines.append(Line(each.recipe.name, [(row.k, row.value) for row in each.pass_at_k], tone, band))
        ks |= {row.k for row in each.pass_at_k}
    if not lines:
        return None
    return LineChart("pass_at_k", "pass@k", "k, samples per problem", "", lines, log_x=True, x_ticks=sorted(ks), shares=True)


def accuracy_charts(numbers: Sequence[RunNumbers]) -> list[LineChart]:
    """Draw accuracy against SFT tokens, a chart per benchmark and a line per recipe and kind of training."""
    charts = []
    for benchmark in benchmarks_of(numbers):
        points = [point for each in numbers for point in each.accuracy if point.benchmark == benchmark]
        names = sorted({(point.run, point.kind) for point in points})
        lines = []
        for (run, kind), tone in zip(names, tones(f"{run} {kind}" for run, kind in names).values(), strict=True):
            own = sorted((point for point in points if (point.run, point.kind) == (run, kind)), key=lambda point: point.tokens)
            name = run if kind == "run" else f"{run}, {kind.upper()}"
            band = [(max(point.tokens, 1), point.low, point.high) for point in own if point.low is not None and point.high is not None]
            lines.append(Line(name, [(max(point.tokens, 1), point.value) for point in own], tone, band, dashed=kind == "rl"))
        charts.append(LineChart(f"accuracy_{benchmark}", benchmark, "SFT tokens", "", lines, log_x=True, shares=True))
    return charts


def position_charts(rates: Sequence[BehaviourRate]) -> dict[str, list[LineChart]]:
    """Draw where in the text behaviours happen, by lexicon: a chart per behaviour, a line per outcome."""
    found: dict[str, list[LineChart]] = {}
    for (lexicon, behaviour), own in groupby(sorted(rates, key=_name), key=_name):
        curves = [(rate, rate.curve) for rate in own if rate.curve and sum(rate.curve) >= LEAST_MATCHES]
        lines = [
            Line(rate.group, [(x, 100 * count / rate.samples) for x, count in zip(POSITIONS, curve, strict=True)], tone, dots=False)
            for (rate, curve), tone in zip(curves, tones(rate.group for rate, _ in curves).values(), strict=True)
        ]
        if lines:
            title = behaviour.replace("_", " ")
            key = f"positions_{lexicon}_{behaviour}"
            chart = LineChart(key, title, "", "", lines, x_ticks=(5, 50, 95), legend=False, width=230, height=130)
            found.setdefault(lexicon, []).append(chart)
    return found


def training_charts(numbers: RunNumbers) -> dict[str, list[LineChart]]:
    """Draw the curves of each training."""
    found = {}
    for training in numbers.trainings:
        charts = []
        for title, series in training.charts:
            lines = [
                Line(name, points, tone, dots=False) for (name, points), tone in zip(series.items(), tones(series).values(), strict=True)
            ]
            key = f"training_{training.name}_{title.lower().split(' ')[0].strip(',')}"
            charts.append(LineChart(key, title, "step", "", lines, zero=title != "Reward"))
        found[training.name] = charts
    return found


def behaviour_charts(rates: Sequence[BehaviourRate]) -> list[RowChart]:
    """Draw the share of samples that show each behaviour, with intervals, a chart per lexicon."""
    charts = []
    for lexicon, own in groupby(sorted(rates, key=_name), key=lambda rate: rate.lexicon):
        groups: dict[str, list[BehaviourRate]] = {}
        for rate in own:
            groups.setdefault(rate.behaviour, []).append(rate)
        names = sorted({rate.group for entries in groups.values() for rate in entries})
        colors = tones(names)
        rows = [
            Row(name.replace("_", " "), [(colors[rate.group], rate.share, rate.share_low, rate.share_high) for rate in entries])
            for name, entries in groups.items()
        ]
        title = f"Samples that show a behaviour ({lexicon})"
        charts.append(
            RowChart(f"behaviours_{lexicon}", title, "dots", "share of samples, 95 % intervals", rows, True, list(colors.items()))
        )
    return charts


def all_charts(numbers: RunNumbers) -> list[Chart]:
    """Give every chart of a run for which there are numbers."""
    charts: list[Chart] = [*_count_charts(numbers)]
    measured = [row for row in numbers.outcomes if row.quantiles]
    if measured:
        rows = [Row(_words(row.outcome), [(_tone(row.outcome), value, None, None) for value in row.quantiles]) for row in measured]
        title = "Generated tokens by outcome (5, 25, 50, 75, 95 %)"
        charts.append(RowChart("lengths", title, "boxes", "tokens, logarithmic", rows))
    passing = pass_at_k_chart([numbers])
    charts += [passing] if passing else []
    charts += behaviour_charts(numbers.behaviours)
    for lexicon, own in position_charts(numbers.behaviours).items():
        place = "tenth of the text; matches per 100 samples"
        charts += [chart._replace(title=f"{chart.title} ({lexicon})", x=place, legend=True, width=360, height=220) for chart in own]
    for name, own in training_charts(numbers).items():
        charts += [chart._replace(title=f"{chart.title} ({name})") for chart in own]
    return charts


def _count_charts(numbers: RunNumbers) -> list[RowChart]:
    charts = []
    funnel = [row for row in numbers.funnel if row.unit == "samples"]
    tables = (
        ("funnel", "Samples left after each step", [(row.name, row.count, number(row.count), "s0") for row in funnel if row.count]),
        ("outcomes", "Outcomes", [(_words(row.outcome), row.count, number(row.count), _tone(row.outcome)) for row in numbers.outcomes]),
        ("drop_reasons", "Why samples were dropped", [(row.reason, row.count, number(row.count), "other") for row in numbers.reasons]),
        (
            "tokens",
            "Tokens by what became of them",
            [(_words(r.fate), r.tokens, short_number(r.tokens), _tone(r.fate)) for r in numbers.tokens],
        ),
    )
    for key, title, rows in tables:
        if rows:
            charts.append(
                RowChart(key, title, "bars", "", [Row(label, [(tone, count, None, None)], text) for label, count, text, tone in rows])
            )
    if numbers.pass_rates:
        bins = numbers.pass_rates
        label = "share of correct samples" if bins[0].label.endswith("%") else f"correct samples of {len(bins) - 1}"
        rows = [Row(entry.label.replace(" %", ""), [("s0", entry.count, None, None)], short_number(entry.count)) for entry in bins]
        charts.append(RowChart("pass_rates", "Problems by pass rate", "columns", label, rows))
    return charts


def described(chart: LineChart) -> str:
    """Put a chart of lines into words, for those who do not see it: first and last value of each line."""
    parts = []
    for line in chart.lines:
        (first_x, first), (last_x, last) = line.points[0], line.points[-1]
        values = [percent(value) if chart.shares else f"{value:.4g}" for value in (first, last)]
        parts.append(f"{line.name}: {values[0]} at {first_x:g}" + (f", {values[1]} at {last_x:g}" if len(line.points) > 1 else ""))
    return "; ".join(parts) + "."


def _name(rate: BehaviourRate) -> tuple[str, str]:
    return rate.lexicon, rate.behaviour


def _words(name: str) -> str:
    return name.replace("_", " ")


def _tone(name: str) -> str:
    return {"correct": "correct", "kept": "correct", "correct, not kept": "s2", "wrong": "wrong"}.get(name, "other")
