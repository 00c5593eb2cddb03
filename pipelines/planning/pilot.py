"""The pilot: a few samples of a few problems, drawn like those of the whole run, into a run folder of their own.

Problems are chosen by a hash of the seed and their id: any problem is as likely as any other, and a larger pilot contains a
smaller one's. The pilot's samples have the ids that the whole run's will have: `cotkit run RECIPE -o PILOT --resume always`
goes on from them.
"""

from __future__ import annotations

import heapq
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.recipe import Recipe, SplitConfig
from ...schemas.record import content_hash
from ..curation import curate_run
from ..run_folder import Resume, RunFolder
from ..run_folder.pass_rates import JUDGED
from ..sampling.progress import SamplingProgress, Watch
from ..sampling.scheduler import sample_run
from ..tagging import tag_run
from ..verification import verify_run
from .forecast import Engine
from .population import Observed

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

BUSY = 0.8
"""Share of the most requests at once from which the pilot counts as steady."""
BLOCKS = 8
"""Pieces of the steady time whose rates give its standard error."""


class PilotSize(NamedTuple):
    """How large a pilot is."""

    problems: int = 50
    samples: int = 4


def pilot_recipe(recipe: Recipe, size: PilotSize) -> Recipe:
    """Give the recipe of a pilot: the same samples, a fixed number of them."""
    fixed = {"n": size.samples, "until_correct": None, "max_samples": None, "give_up": None, "token_budget": None}
    return recipe.model_copy(update={"sample": recipe.sample.model_copy(update=fixed)})


def choose_problems(problems: pl.DataFrame, seed: int, count: int) -> pl.DataFrame:
    """Choose a pilot's problems, in their order; all when there are no more than `count`."""
    keys = [content_hash("pilot", seed, problem_id) for problem_id in problems["problem_id"]]
    chosen = heapq.nsmallest(count, range(len(keys)), key=keys.__getitem__)
    return problems[sorted(chosen)]


def draw_pilot(
    recipe: Recipe, problems: pl.DataFrame, path: Path, watch: Watch, resume: Resume = "if-possible"
) -> tuple[RunFolder, SamplingProgress]:
    """Draw, judge, tag and filter a pilot into the run folder `path`, or what is missing there."""
    run = RunFolder.create(path, recipe, problems, resume)
    progress = sample_run(run, watch)
    verify_run(run, recipe.verify)
    tag_run(run, recipe.tag, workers=1)
    filters = {"min_pass_rate": 0.0, "max_pass_rate": 1.0, "splits": [SplitConfig(name="filtered")]}
    curate_run(run, recipe.curate.model_copy(update=filters))
    return run, progress


def read_pilot(run: RunFolder) -> pl.DataFrame:
    """Give the pilot's samples in the order in which they were asked for, as its recipe asks for them.

    Columns place, index, correct, judged, passed (all of curation's filters, without splits and bounds on pass rates), tokens,
    prompt_tokens, seconds.
    """
    import polars as pl

    parameters = json.dumps(run.recipe.sample.parameters(), sort_keys=True, ensure_ascii=False)
    places = run.problems().lazy().select("problem_id").with_row_index("place")
    outcome = pl.col("outcome")
    drawn = (
        run.scan("samples")
        .filter(pl.col("parameters") == parameters, pl.col("error").is_null())
        .join(places, on="problem_id")
        .join(run.scan("verdicts").select("sample_id", "outcome"), on="sample_id")
        .join(run.scan("tags").select("sample_id", "tokens"), on="sample_id")
        .join(run.scan("decisions").select("sample_id", pl.col("kept").alias("passed")), on="sample_id")
        .with_columns((outcome == "correct").alias("correct"), outcome.is_in(JUDGED).alias("judged"))
        .sort("place", "index")
        .select("place", "index", "correct", "judged", "passed", "tokens", "prompt_tokens", "seconds")
        .collect()
    )
    if drawn.is_empty():
        raise CotkitError(f"{run.path}: the pilot has no samples", "the teacher refused them all: `cotkit report` on the folder shows why")
    return drawn


def observed(drawn: pl.DataFrame) -> Observed:
    """Give a pilot's responses as arrays; problems without a response are left out."""
    import polars as pl

    problem = drawn["place"].rank("dense").cast(pl.Int64) - 1
    return Observed(problem.to_numpy(), *(drawn[name].to_numpy() for name in ("correct", "judged", "passed", "tokens")))


def measured_engine(drawn: pl.DataFrame, at_once: int) -> Engine:
    """Tell the teacher's speed from the pilot's steady part.

    Requests were sent in order, each as soon as one of `at_once` slots was free, so their durations tell when each ran; a
    response's tokens are spread over its time. Steady is the time in which at least four fifths of the slots were busy: neither
    the engine's start, which precedes the first request, nor the end, when a few long responses are left. When the pilot had fewer
    requests than the run has slots, it shows less than the engine can do: `slots` says how many were busy.
    """
    import numpy as np

    timed = drawn.filter(drawn["seconds"].is_not_null() & (drawn["seconds"] > 0))
    if timed.is_empty():
        return Engine(slots=at_once)
    seconds = timed["seconds"].to_numpy()
    starts = _starts(seconds.tolist(), at_once)
    ends, rates = starts + seconds, timed["tokens"].to_numpy() / seconds
    slots = min(at_once, len(seconds))
    edges = np.unique(np.concatenate([starts, ends]))
    running = np.array([((starts <= edge) & (ends > edge)).sum() for edge in edges[:-1]])
    steady = np.flatnonzero(running >= BUSY * running.max())
    window = (edges[steady[0]], edges[steady[-1] + 1])
    cuts = np.linspace(*window, BLOCKS + 1)
    overlap = np.minimum(ends[:, None], cuts[None, 1:]) - np.maximum(starts[:, None], cuts[None, :-1])
    speed = (np.maximum(overlap, 0) * rates[:, None]).sum(axis=0) / np.diff(cuts)
    return Engine(float(speed.mean()), float(speed.std(ddof=1) / np.sqrt(BLOCKS)), slots)


def _starts(seconds: list[float], slots: int) -> np.ndarray:
    import numpy as np

    free = [0.0] * min(slots, len(seconds))
    starts = []
    for duration in seconds:
        start = heapq.heappop(free)
        starts.append(start)
        heapq.heappush(free, start + duration)
    return np.array(starts)


def bytes_per_token(run: RunFolder, tokens: int) -> float:
    """Give what a token of a sealed sample takes on disk."""
    size = sum(run.shard_path("samples", number).stat().st_size for number in run.shard_numbers())
    return size / max(tokens, 1)
