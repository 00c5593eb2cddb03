"""Progress of long work, on stderr: a live line on a terminal, a line per minute elsewhere, more often with `--progress lines`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..pipelines.sampling.progress import SamplingProgress

SECONDS_BETWEEN_LINES = 5.0
SECONDS_BETWEEN_LOG_LINES = 60.0
SECONDS_BETWEEN_REDRAWS = 0.2
SETTLED = {"enough_correct": "with enough correct samples", "given_up": "given up", "all_drawn": "with all samples drawn"}


class ProgressStyle(StrEnum):
    """How progress is shown."""

    auto = "auto"
    lines = "lines"
    none = "none"


Progress = Annotated[ProgressStyle, typer.Option("--progress", help="Live line on a terminal (auto), plain lines, or nothing")]


@contextmanager
def watch_sampling(style: ProgressStyle) -> Iterator[Callable[[SamplingProgress], None]]:
    """Give the callback that shows sampling: done, rate, time left, correct so far; off a terminal a line per minute."""
    if style is ProgressStyle.lines:
        yield _line_printer(SECONDS_BETWEEN_LINES)
    elif style is ProgressStyle.none:
        yield lambda _progress: None
    elif sys.stderr.isatty():
        with _live_line() as show:
            yield show
    else:
        yield _line_printer(SECONDS_BETWEEN_LOG_LINES, last=False)


@contextmanager
def watch_shards(name: str, style: ProgressStyle = ProgressStyle.auto) -> Iterator[Callable[[int, int], None]]:
    """Give the callback that shows shards done of a stage."""
    if style is not ProgressStyle.auto or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def watch_text(name: str) -> Iterator[Callable[[str], object]]:
    """Give the callback that shows a line of text on a terminal."""
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich.console import Console

    with Console(stderr=True).status(name) as status:
        yield status.update


def describe(progress: SamplingProgress, seconds: float) -> str:
    """Say in one line what stands on disk, and how fast it grows."""
    drawn = progress.done - progress.resumed
    judged, correct = sum(progress.outcomes.values()), progress.outcomes.get("correct", 0)
    parts = [_done(progress), f"{drawn / max(seconds, 1e-9):.1f}/s"]
    if progress.tokens:
        parts.append(f"{progress.tokens / max(seconds, 1e-9):,.0f} tokens/s")
    parts.append(f"{correct} of {judged} correct")
    if progress.in_flight:
        parts.append(f"{progress.in_flight} in flight")
    if progress.failed:
        parts.append(f"{progress.failed} failed for now")
    parts += [f"{name} {value}" for name, value in progress.engine.items()]
    return " · ".join(parts)


def describe_settled(progress: SamplingProgress) -> str:
    """Say how many problems want no further samples, and why."""
    counts = ", ".join(f"{count} {SETTLED[why]}" for why, count in progress.settled.items())
    return f"{sum(progress.settled.values())} of {progress.problems} problems settled: {counts or 'none'}"


def _done(progress: SamplingProgress) -> str:
    if progress.adaptive:
        return f"{progress.done} samples · {sum(progress.settled.values())}/{progress.problems} problems settled"
    return f"{progress.done}/{progress.total} samples"


def _time_left(progress: SamplingProgress, seconds: float) -> str:
    drawn, left = progress.done - progress.resumed, progress.total - progress.done
    if progress.adaptive or not drawn or left <= 0:
        return ""
    minutes = seconds / drawn * left / 60
    return f" · {minutes:.0f} min left" if minutes < 120 else f" · {minutes / 60:.1f} h left"


def _line_printer(seconds_between: float, last: bool = True) -> Callable[[SamplingProgress], None]:
    started = shown = time.monotonic()

    def show(progress: SamplingProgress) -> None:
        nonlocal shown
        now = time.monotonic()
        all_judged = progress.done == progress.total and sum(progress.outcomes.values()) == progress.done - progress.resumed
        if now - shown >= seconds_between or (last and all_judged):
            shown = now
            typer.echo(describe(progress, now - started) + _time_left(progress, now - started), err=True)

    return show


@contextmanager
def _live_line() -> Iterator[Callable[[SamplingProgress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    started, shown = time.monotonic(), 0.0
    columns = (BarColumn(bar_width=16), TimeRemainingColumn(compact=True), TextColumn("{task.fields[line]}"))
    with Bar(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4) as bar:
        task = bar.add_task("sampling", total=None, line="starting the teacher")

        def show(progress: SamplingProgress) -> None:
            nonlocal shown
            now = time.monotonic()
            if now - shown < SECONDS_BETWEEN_REDRAWS and progress.done != progress.total:
                return
            shown = now
            done, total = (progress.done, progress.total)
            if progress.adaptive:
                done, total = sum(progress.settled.values()), progress.problems
            bar.update(task, completed=done, total=total, line=describe(progress, now - started))

        yield show
