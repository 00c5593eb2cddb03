"""Progress of long work, on stderr: a live line on a terminal, a line now and then with `--progress lines`, nothing on a pipe."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..pipelines.sampling.scheduler import SamplingProgress

SECONDS_BETWEEN_LINES = 5.0


class ProgressStyle(StrEnum):
    """How progress is shown."""

    auto = "auto"
    lines = "lines"
    none = "none"


Progress = Annotated[ProgressStyle, typer.Option("--progress", help="Live line on a terminal (auto), plain lines, or nothing")]


@contextmanager
def watch_sampling(style: ProgressStyle) -> Iterator[Callable[[SamplingProgress], None]]:
    """Give the callback that shows sampling: done, rate, time left, correct so far."""
    if style is ProgressStyle.lines:
        yield _line_printer()
    elif style is ProgressStyle.auto and sys.stderr.isatty():
        with _live_line() as show:
            yield show
    else:
        yield lambda _progress: None


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


def describe(progress: SamplingProgress, seconds: float) -> str:
    """Say in one line what stands on disk."""
    drawn = progress.done - progress.resumed
    judged, correct = sum(progress.outcomes.values()), progress.outcomes.get("correct", 0)
    parts = [f"{progress.done}/{progress.total} samples", f"{drawn / max(seconds, 1e-9):.1f}/s"]
    if progress.tokens:
        parts.append(f"{progress.tokens / max(seconds, 1e-9):,.0f} tokens/s")
    parts.append(f"{correct} of {judged} correct")
    if progress.failed:
        parts.append(f"{progress.failed} failed for now")
    return " · ".join(parts)


def _line_printer() -> Callable[[SamplingProgress], None]:
    started = shown = time.monotonic()

    def show(progress: SamplingProgress) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown >= SECONDS_BETWEEN_LINES or progress.done == progress.total:
            shown = now
            typer.echo(describe(progress, now - started), err=True)

    return show


@contextmanager
def _live_line() -> Iterator[Callable[[SamplingProgress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    started = time.monotonic()
    columns = (BarColumn(bar_width=16), TimeRemainingColumn(compact=True), TextColumn("{task.fields[line]}"))
    with Bar(*columns, console=Console(stderr=True), transient=True, refresh_per_second=4) as bar:
        task = bar.add_task("sampling", total=None, line="starting the teacher")

        def show(progress: SamplingProgress) -> None:
            line = describe(progress, time.monotonic() - started)
            bar.update(task, completed=progress.done, total=progress.total, line=line)

        yield show
