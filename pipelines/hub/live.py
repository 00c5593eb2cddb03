"""A note in the repo's card on a run that is still going: how many rows there are so far. Only numbers go up, no text of a sample.

<!-- cotkit:live -->
> **Being made.** 41,230 of 60,000 samples drawn, 22,871 of 40,996 judged are correct …
<!-- /cotkit:live -->
"""

from __future__ import annotations

import re
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from ...schemas.errors import CotkitError
from ..report.facts import complete_stages
from ..run_folder import STAGES, RunFolder
from .card import prose
from .errors import retrying
from .provenance import CARD
from .push import MAIN, Where
from .repo import HubRepo

START, END = "<!-- cotkit:live -->", "<!-- /cotkit:live -->"
BLOCK = re.compile(rf"{START}.*?{END}\n*", re.DOTALL)
HEAD = re.compile(r"\A---\n.*?\n---\n+", re.DOTALL)
SHORTEST = 60.0
"""Seconds between notes: the Hub takes 128 commits an hour."""
STALLED = 600.0
"""Seconds without a change after which a run that nobody is writing is taken for stopped."""
LOOK = 5.0
DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(s|m|h)")


class SoFar(NamedTuple):
    """What a run has so far."""

    samples: int
    expected: int | None
    """Samples in the end; None for a run that draws as many as it takes."""
    judged: int
    correct: int
    kept: int | None
    """Samples that curation kept; None before it."""


def parse_every(text: str) -> float:
    """Read a time such as `30m` or `2h`, in seconds; raises CotkitError on another form, or one under a minute.

    >>> parse_every("30m")
    1800.0
    """
    match = DURATION.fullmatch(text.strip())
    if not match:
        raise CotkitError(f"--every {text}: not a time", "write it such as 30m or 2h")
    seconds = float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
    if seconds < SHORTEST:
        raise CotkitError(f"--every {text}: too often", "wait a minute at least: the Hub takes 128 commits an hour, whoever makes them")
    return seconds


def so_far(run: RunFolder) -> SoFar:
    """Count samples and verdicts, sealed and live."""
    import polars as pl

    config = run.recipe.sample
    shards = [run.shard_path("verdicts", number) for number in run.shard_numbers() if run.shard_path("verdicts", number).exists()]
    outcomes = dict(pl.scan_parquet(shards).group_by("outcome").len().collect().iter_rows()) if shards else {}
    live, judged, correct = 0, 0, 0
    if (run.path / "samples" / "live.sqlite").exists():
        ledger = run.ledger()
        try:
            drawn = ledger.drawn()["outcome"]
        finally:
            ledger.close()
        live, judged, correct = len(drawn), drawn.count(), (drawn == "correct").sum()
    kept = None
    if "decisions" in complete_stages(run):
        kept = run.scan("decisions").filter("kept").select(pl.len()).collect().item()
    sealed = run.scan("samples").select(pl.len()).collect().item()
    expected = None if config.is_adaptive() else run.problems().height * config.n
    return SoFar(sealed + live, expected, sum(outcomes.values()) + judged, outcomes.get("correct", 0) + correct, kept)


def note(run: RunFolder, so: SoFar) -> str:
    """Write the note; it has no time of day in it, so that the same numbers are the same note."""
    of = f" of {so.expected:,}" if so.expected else ""
    kept = "" if so.kept is None else f", {so.kept:,} kept"
    text = f"> **Being made.** {so.samples:,}{of} samples drawn, {so.correct:,} of {so.judged:,} judged are correct{kept}."
    return f"{START}\n{text} Run {prose(run.recipe.name)}; the rows come when it is done.\n{END}\n\n"


def with_note(card: str | None, run: RunFolder, block: str) -> str:
    """Put the note under the head of a card, in place of an older note; makes a short card where there is none."""
    name = run.recipe.name.replace("_", " ")
    card = card or f"---\ntags:\n- cotkit\n- synthetic\n- reasoning\n---\n\n# {prose(name)}\n"
    card = BLOCK.sub("", card)
    head = HEAD.match(card)
    place = head.end() if head else 0
    return card[:place] + block + card[place:]


def is_done(run: RunFolder) -> bool:
    """Say whether all stages are complete, and nobody is writing."""
    return len(complete_stages(run)) == len(STAGES) and not run.live_sample_ids() and not is_going(run)


def is_going(run: RunFolder) -> bool:
    """Say whether another process is drawing or sealing samples."""
    try:
        with run.lock():
            return False
    except CotkitError:
        return True


def keep_note(run: RunFolder, repo: HubRepo, where: Where, seconds: float) -> int:
    """Keep the note in the repo until the run is done, and give the number of commits; raises CotkitError when the run was stopped."""
    revision = where.branch or MAIN
    commits = 0
    if is_done(run):
        return commits
    repo.ensure(where.public)
    if revision != MAIN:
        repo.ask(repo.api.create_branch, branch=revision, exist_ok=True)
    while not is_done(run):
        commits += _put(run, repo, revision)
        if not is_going(run) and time.time() - _last_change(run) > STALLED:
            hint = f"go on with it, or finish it with `cotkit verify`, `cotkit tag` and `cotkit curate {run.path}`; then push again"
            raise CotkitError(f"{run.path}: the run is neither going nor curated", hint)
        until = time.monotonic() + seconds
        while time.monotonic() < until and not is_done(run):
            repo.patience.sleep(min(LOOK, seconds))
    return commits


def _put(run: RunFolder, repo: HubRepo, revision: str) -> int:
    """Commit the note where it is not there yet; says how many commits that took."""
    from huggingface_hub import CommitOperationAdd

    block = note(run, so_far(run))

    def once() -> int:
        head = repo.head(revision)
        with tempfile.TemporaryDirectory(prefix="cotkit-") as folder:
            card = repo.read(CARD, head, Path(folder))
        wanted = with_note(card, run, block)
        if wanted == card:
            return 0
        operation = CommitOperationAdd(path_in_repo=CARD, path_or_fileobj=wanted.encode())
        repo.commit([operation], f"{run.recipe.name}: rows so far", revision=revision, parent_commit=head)
        return 1

    return retrying(once, repo.name, *repo.patience)


def _last_change(run: RunFolder) -> float:
    return max((path.stat().st_mtime for path in run.path.rglob("*") if path.is_file() and path.name != ".lock"), default=0.0)
