"""Search a corpus: each task reads some row groups and writes its hits, so that where it runs makes no difference.

    search_phrases(Path("openwebmath"), Path("hits"), PhrasesConfig(phrases="aha"))

A task's file is whole or absent, and its footer says what it was made from: an interrupted search goes on with the tasks that are left.
"""

from __future__ import annotations

from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.phrases import PhraseHit, PhrasesConfig
from ...schemas.record import content_hash
from ..execute.crew import TaskLostError, compute_all
from ..execute.ray_cluster import ray_cluster
from ..execute.stages import LOST_TASKS, WHOLE, Part, Progress, unwatched
from ..execute.worker_process import usable_cores
from ..run_folder import read_fingerprint, write_parquet
from .corpus import Task, batches, corpus_tasks
from .matching import PhraseMatcher, load_phrases

if TYPE_CHECKING:
    pass

VERSION = "1"


class Searched(NamedTuple):
    """What a search did."""

    tasks: int
    computed: int
    """Of these; the others were fresh."""
    bytes: int
    """Text that was searched now."""
    hits: int
    """In the files of this part's tasks."""
    by_phrase: dict[str, int]
    """Hits, most frequent first."""


class Search(NamedTuple):
    """What a task needs to know besides itself; goes to other processes."""

    out: str
    phrases: list[str]
    config: PhrasesConfig


def search_phrases(
    corpus: Path, out: Path, config: PhrasesConfig, part: Part = WHOLE, workers: int | None = None, progress: Progress = unwatched
) -> Searched:
    """Search the tasks of a part that are not done yet; raises CotkitError on a bad corpus or bad phrases."""
    search = Search(str(out.absolute()), load_phrases(config.phrases), config)
    every = corpus_tasks(corpus.absolute(), config)
    tasks = [every[number] for number in part.of(list(range(len(every))))]
    stale = [task for task in tasks if read_fingerprint(hits_path(out, task)) != _mark(search, task)]
    workers = min(workers or usable_cores(), len(stale))
    if part.executor == "ray" and stale:
        _search_on_ray(search, stale, progress)
    elif workers <= 1:
        for done, task in enumerate(stale, 1):
            search_task(search, task)
            progress(done, len(stale))
    else:
        _search_in_processes(search, stale, workers, progress)
    counted = _count([hits_path(out, task) for task in tasks])
    return Searched(len(tasks), len(stale), sum(task.bytes for task in stale), sum(counted.values()), counted)


def search_task(search: Search, task: Task) -> None:
    """Search one task and write its hits."""
    import polars as pl

    matcher, found = PhraseMatcher(search.phrases, search.config), []
    for first_row, texts, documents in batches(task):
        hits = matcher.hits(texts)
        if hits.height:
            names = documents[hits["row"]] if documents is not None else pl.repeat(None, hits.height, dtype=pl.String, eager=True)
            found.append(hits.with_columns(names.alias("document"), pl.col("row") + first_row, pl.lit(task.name).alias("file")))
    schema = PhraseHit.polars_schema()
    frame = pl.concat(found).select(list(schema)).cast(dict(schema)) if found else pl.DataFrame(schema=schema)
    write_parquet(frame, hits_path(Path(search.out), task), _mark(search, task))


def hits_path(out: Path, task: Task) -> Path:
    """Give the path of a task's hits."""
    return out / "hits" / f"{task.number:06}.parquet"


def _mark(search: Search, task: Task) -> str:
    return content_hash("phrases", VERSION, search.phrases, search.config.fingerprint(), task.name, task.groups, task.stamp)


def _search_in_processes(search: Search, tasks: list[Task], workers: int, progress: Progress) -> None:
    try:
        with closing(compute_all(partial(search_task, search), tasks, workers, 1 + LOST_TASKS)) as computed:
            for done, _ in enumerate(computed, 1):
                progress(done, len(tasks))
    except TaskLostError as error:
        hint = "out of memory? Try fewer with --workers; finished tasks are kept"
        raise CotkitError(f"{error.args[0].path}: its worker was killed {1 + LOST_TASKS} times", hint) from None


def _search_on_ray(search: Search, tasks: list[Task], progress: Progress) -> None:
    with ray_cluster() as ray:
        compute, shared = ray.remote(search_task).options(num_cpus=1, max_retries=LOST_TASKS), ray.put(search)
        pending = [compute.remote(shared, task) for task in tasks]
        for done in range(1, len(pending) + 1):
            (ended,), pending = ray.wait(pending, num_returns=1)
            ray.get(ended)
            progress(done, len(tasks))


def _count(paths: list[Path]) -> dict[str, int]:
    import polars as pl

    if not paths:
        return {}
    counts = pl.scan_parquet(paths).group_by("phrase").len().sort(["len", "phrase"], descending=[True, False]).collect()
    return dict(counts.iter_rows())
