"""Charts as SVG: lines with bands, columns, bars, boxes and dots with intervals. One drawing for the page and for papers.

In the page, classes take their colours from the page's style, light or dark; `standalone` brings its own. Widths of text are estimated:
there is no browser here. Every text goes through `escape`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from markupsafe import Markup, escape

from .text import tick_label

LETTER = 6.1
"""Width of a letter at 11 px, on average."""
TONES = ("s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7")

Point = tuple[float, float]


class Line(NamedTuple):
    """One line of a chart."""

    name: str
    points: Sequence[Point]
    tone: str = "s0"
    band: Sequence[tuple[float, float, float]] = ()
    """Intervals, as (x, low, high)."""
    dots: bool = True
    dashed: bool = False


class LineChart(NamedTuple):
    """Lines over an axis."""

    key: str
    """Name of its file."""
    title: str
    x: str
    y: str
    lines: Sequence[Line]
    log_x: bool = False
    x_ticks: Sequence[float] = ()
    shares: bool = False
    """True when the values are shares, written in per cent."""
    zero: bool = True
    """True when the axis begins at 0."""
    legend: bool = True
    """False where the page explains the colours once for several charts."""
    width: int = 360
    height: int = 220


class Row(NamedTuple):
    """A labelled bar, column, box or set of dots."""

    label: str
    values: Sequence[tuple[str, float, float | None, float | None]]
    """(tone, value, low, high): of a bar the value, of a box five entries (5, 25, 50, 75, 95 %), of dots one per group."""
    text: str = ""
    """Written beside it."""


class RowChart(NamedTuple):
    """Labelled rows: `bars`, `columns`, `boxes` (logarithmic) or `dots` (with intervals)."""

    key: str
    title: str
    kind: str
    x: str
    rows: Sequence[Row]
    shares: bool = False
    groups: Sequence[tuple[str, str]] = ()
    """Legend, as (name, tone)."""
    width: int = 480


Chart = LineChart | RowChart


def draw(chart: Chart, described: str = "") -> Markup:
    """Draw a chart for the page; `described` is read aloud after its title."""
    body, height = _line_chart(chart) if isinstance(chart, LineChart) else _row_chart(chart)
    label = f"{chart.title}. {described}".strip()
    return Markup(f'<svg class="chart" viewBox="0 0 {chart.width} {height:g}" role="img" aria-label="{escape(label)}">{body}</svg>')


def standalone(chart: Chart, style: str) -> str:
    """Draw a chart as a file of its own, with its title and style."""
    body, height = _line_chart(chart) if isinstance(chart, LineChart) else _row_chart(chart)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-8 -8 {chart.width + 16} {height + 44:g}" width="{chart.width + 16}"'
    title = f'<text class="ct" x="0" y="12">{escape(chart.title)}</text>'
    back = f'<rect x="-8" y="-8" width="{chart.width + 16}" height="{height + 44:g}" fill="#fff"/>'
    return f'{head} height="{height + 44:g}"><style>{style}</style>{back}{title}<g transform="translate(0 26)">{body}</g></svg>\n'


class Scale:
    """A linear or logarithmic axis from data to pixels."""

    def __init__(self, low: float, high: float, start: float, end: float, log: bool = False) -> None:
        self.log = log
        self.low, self.high = (max(low, 1e-9), max(high, 1e-9)) if log else (low, high)
        if self.high <= self.low:
            self.low, self.high = (self.low / 1.5, self.low * 1.5) if log else (self.low - 0.5, self.high + 0.5)
        self.start, self.end = start, end

    def at(self, value: float) -> float:
        """Give the pixel of a value."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        share = ((math.log(max(value, self.low)) if self.log else value) - low) / (high - low)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self, most: int = 5) -> list[float]:
        """Give round values on the axis: at most `most`."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in ((1, 2, 5), (1, 3), (1,)):
                found = [step * 10.0**power for power in powers for step in steps if self.low <= step * 10.0**power <= self.high]
                if len(found) <= most + 1:
                    return found
            return found[:: -(-len(found) // most)]
        step = nice_step((self.high - self.low) / most)
        first = math.ceil(self.low / step - 1e-9)
        return [round(place * step, 12) for place in range(first, math.floor(self.high / step + 1e-9) + 1)]


def nice_step(least: float) -> float:
    """Give the smallest of 1, 2, 2.5 and 5 times a power of ten that is not below `least`.

    >>> [nice_step(least) for least in (0.13, 3, 70)]
    [0.2, 5.0, 100.0]
    """
    power = 10.0 ** math.floor(math.log10(least)) if least > 0 else 1.0
    return next(round(step * power, 12) for step in (1, 2, 2.5, 5, 10) if step * power >= least * (1 - 1e-9))


def _line_chart(chart: LineChart) -> tuple[str, float]:
    legend, top = _legend([(line.name, line.tone) for line in chart.lines] if chart.legend and len(chart.lines) > 1 else [], chart.width)
    places = [point for line in chart.lines for point in line.points]
    ends = [end for line in chart.lines for _, *ends in line.band for end in ends]
    values = [y for _, y in places] + ends
    low, high = min(values), max(values)
    pad = (high - low) * 0.06 or abs(high) * 0.1 or 0.5
    low = 0.0 if chart.zero and low >= 0 else low - pad
    high = high + pad if not chart.shares else 1.0 if high > 0.75 else high + pad
    bottom = chart.height - (36 if chart.x else 20)
    y_ticks = Scale(low, high, bottom, top + 8).ticks(4)
    left = 12 + LETTER * max(len(_label(tick, chart.shares)) for tick in y_ticks or [0.0])
    xs = [x for x, _ in places]
    x, y = Scale(min(xs), max(xs), left + 6, chart.width - 12, chart.log_x), Scale(low, high, bottom, top + 8)
    parts = [legend, *(_grid_line(left, chart.width - 4, y.at(tick), _label(tick, chart.shares)) for tick in y_ticks)]
    parts += [_tick(x.at(tick), bottom + 14, tick_label(tick)) for tick in _apart(chart.x_ticks or x.ticks(), x)]
    if chart.x:
        parts.append(f'<text class="al" x="{(left + chart.width) / 2:.0f}" y="{chart.height - 4}">{escape(chart.x)}</text>')
    parts += [f'<text class="ay" x="0" y="{top + 2}">{escape(chart.y)}</text>'] if chart.y and len(chart.lines) == 1 else []
    for line in chart.lines:
        parts.append(_band(line, x, y))
    parts += [_path(line, x, y) for line in chart.lines]
    return "".join(parts), chart.height


def _apart(ticks: Iterable[float], x: Scale) -> list[float]:
    """Leave out the ticks whose labels would touch the one before."""
    kept: list[float] = []
    for tick in ticks:
        if not kept or x.at(tick) - x.at(kept[-1]) >= LETTER * (len(tick_label(tick)) + 1.5):
            kept.append(tick)
    return kept


def _band(line: Line, x: Scale, y: Scale) -> str:
    if len(line.band) < 2:
        return ""
    upper = [f"{x.at(place)} {y.at(high)}" for place, _, high in line.band]
    lower = [f"{x.at(place)} {y.at(low)}" for place, low, _ in reversed(line.band)]
    return f'<path class="bd {line.tone}" d="M{"L".join(upper + lower)}Z"/>'


def _path(line: Line, x: Scale, y: Scale) -> str:
    places = [(x.at(px), y.at(py)) for px, py in line.points]
    dash = ' stroke-dasharray="5 3"' if line.dashed else ""
    path = f'<path class="ln {line.tone}"{dash} d="M{"L".join(f"{px} {py}" for px, py in places)}"/>' if len(places) > 1 else ""
    whiskers = "".join(f"M{x.at(px)} {y.at(low)}V{y.at(high)}" for px, low, high in line.band) if len(line.band) == 1 else ""
    path += f'<path class="ln {line.tone}" d="{whiskers}"/>' if whiskers else ""
    if line.dots or len(places) == 1:
        path += "".join(f'<circle class="dt {line.tone}" cx="{px}" cy="{py}" r="3"/>' for px, py in places)
    return path


def _row_chart(chart: RowChart) -> tuple[str, float]:
    legend, top = _legend(chart.groups, chart.width)
    if chart.kind == "columns":
        return _columns(chart, top, legend)
    left = min(chart.width * 0.45, 10 + LETTER * max(len(row.label) for row in chart.rows))
    right = max(0 if chart.kind == "bars" else 24, 8 + LETTER * max(len(row.text) for row in chart.rows))
    line, bottom = 20, top + 20 * len(chart.rows) + 4
    values = [number for row in chart.rows for _, *numbers in row.values for number in numbers if number is not None]
    boxes = chart.kind == "boxes"
    low, high = (max(1.0, min(values)) / 1.15, max(values) * 1.15) if boxes else (0.0, max([*values, 1e-9]))
    high = min(1.0, high * 1.05) if chart.shares else high
    x = Scale(low, high, left, chart.width - right, boxes)
    ticks = _apart(x.ticks(), x)
    parts = [legend, *(f'<path class="gr" d="M{x.at(tick)} {top}V{bottom}"/>' for tick in ticks if chart.kind != "bars")]
    painter: dict[str, Callable[[Row, float, Scale], str]] = {"bars": _bar, "boxes": _box, "dots": _dots}
    for place, row in enumerate(chart.rows):
        middle = top + line * place + line / 2
        parts.append(f'<text class="rl" x="{left - 8:.1f}" y="{middle + 4:.1f}">{escape(_cut(row.label, left - 8))}</text>')
        parts.append(painter[chart.kind](row, middle, x))
        parts.append(f'<text class="rt" x="{chart.width - right + 8:.1f}" y="{middle + 4:.1f}">{escape(row.text)}</text>')
    if chart.kind == "bars":
        return "".join(parts), bottom
    parts += [_tick(x.at(tick), bottom + 14, _label(tick, chart.shares)) for tick in ticks]
    parts.append(f'<text class="al" x="{(left + chart.width - right) / 2:.0f}" y="{bottom + 30}">{escape(chart.x)}</text>')
    return "".join(parts), bottom + 36


def _bar(row: Row, middle: float, x: Scale) -> str:
    tone, value, *_ = row.values[0]
    width = max(x.at(value) - x.start, 1.0 if value else 0.0)
    return f'<rect class="fl {tone}" x="{x.start:g}" y="{middle - 6:g}" width="{width:.1f}" height="12" rx="1.5"/>'


def _box(row: Row, middle: float, x: Scale) -> str:
    low, left, median, right, high = (x.at(value) for _, value, _, _ in row.values)
    tone = row.values[0][0]
    ends = f"M{low} {middle}H{high}M{low} {middle - 4}V{middle + 4}M{high} {middle - 4}V{middle + 4}"
    box = f'<rect class="fl {tone}" x="{left}" y="{middle - 6:g}" width="{max(right - left, 2):.1f}" height="12"/>'
    return f'<path class="wk" d="{ends}"/>{box}<path class="md" d="M{median} {middle - 6:g}V{middle + 6:g}"/>'


def _dots(row: Row, middle: float, x: Scale) -> str:
    parts = []
    for place, (tone, value, low, high) in enumerate(row.values):
        y = middle + (place - (len(row.values) - 1) / 2) * 7
        if low is not None and high is not None:
            parts.append(f'<path class="ln {tone}" d="M{x.at(low)} {y:g}H{x.at(high)}"/>')
        parts.append(f'<circle class="dt {tone}" cx="{x.at(value)}" cy="{y:g}" r="3"/>')
    return "".join(parts)


def _columns(chart: RowChart, top: float, legend: str) -> tuple[str, float]:
    bottom, left, space = top + 170, 6.0, (chart.width - 12) / max(len(chart.rows), 1)
    y = Scale(0, max(row.values[0][1] for row in chart.rows) or 1, bottom, top + 16)
    parts = [legend, f'<path class="gr" d="M{left} {bottom}H{chart.width - 6}"/>']
    for place, row in enumerate(chart.rows):
        tone, value, *_ = row.values[0]
        start, height = left + place * space + 1.5, max(bottom - y.at(value), 1.0 if value else 0.0)
        parts.append(f'<rect class="fl {tone}" x="{start:.1f}" y="{bottom - height:.1f}" width="{space - 3:.1f}" height="{height:.1f}"/>')
        middle = left + (place + 0.5) * space
        parts.append(_tick(middle, bottom - height - 4, row.text))
        parts.append(_tick(middle, bottom + 14, row.label))
    parts.append(f'<text class="al" x="{chart.width / 2:.0f}" y="{bottom + 32}">{escape(chart.x)}</text>')
    return "".join(parts), bottom + 38


def _legend(groups: Sequence[tuple[str, str]], width: float) -> tuple[str, float]:
    """Give the legend and the pixel at which it ends."""
    parts, x, y = [], 0.0, 10.0
    for name, tone in groups:
        wide = 18 + LETTER * len(name)
        if x and x + wide > width:
            x, y = 0.0, y + 16
        parts.append(f'<rect class="fl {tone}" x="{x:.1f}" y="{y - 8:g}" width="9" height="9" rx="2"/>')
        parts.append(f'<text class="lg" x="{x + 13:.1f}" y="{y:g}">{escape(name)}</text>')
        x += wide + 6
    return "".join(parts), y + 8 if groups else 4


def _grid_line(left: float, right: float, y: float, label: str) -> str:
    return f'<path class="gr" d="M{left:.1f} {y}H{right}"/><text class="yl" x="{left - 5:.1f}" y="{y + 4:.1f}">{escape(label)}</text>'


def _tick(x: float, y: float, label: str) -> str:
    return f'<text class="xl" x="{x:.1f}" y="{y:.1f}">{escape(label)}</text>'


def _label(value: float, share: bool) -> str:
    return f"{100 * value:g} %" if share else tick_label(value)


def _cut(text: str, width: float) -> str:
    most = int(width / LETTER)
    return text if len(text) <= most else text[: max(1, most - 1)] + "…"


def tones(names: Iterable[str]) -> dict[str, str]:
    """Give each name a colour, in turn; outcomes have their own."""
    own = {"correct": "correct", "wrong": "wrong", "sft": "s0", "rl": "s1"}
    turn = itertools.cycle(TONES)
    return {name: own.get(name) or next(turn) for name in names}
