"""A corpus: Parquet files with a column of texts, cut into tasks of bounded size and read in batches of bounded size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.phrases import PhrasesConfig

if TYPE_CHECKING:
    import polars as pl

TEXTS = ("text", "content", "passage", "raw_content", "body", "document", "response")
DOCUMENTS = ("url", "id", "doc_id", "document_id", "warc_record_id", "source")
TASK_BYTES = 256 << 20
"""Text of one task: so much is done again when it is interrupted."""
BATCH_BYTES = 4 << 20
"""Text in memory at once; several times as much while it is searched."""


class Task(NamedTuple):
    """Some row groups of one file."""

    number: int
    """Among all tasks of the corpus."""
    path: str
    name: str
    """The file's name from the corpus folder."""
    groups: tuple[int, ...]
    first_row: int
    """Of the first group, in the file."""
    bytes: int
    """Text, uncompressed."""
    stamp: tuple[int, int]
    """The file's size and time of change, which a fresh result must have been made from."""
    column: str
    document: str | None


def corpus_tasks(corpus: Path, config: PhrasesConfig, task_bytes: int = TASK_BYTES) -> list[Task]:
    """Cut a corpus, a Parquet file or a folder of them, into tasks; raises CotkitError on a file that is none or has no texts."""
    root = corpus if corpus.is_dir() else corpus.parent
    files = sorted(corpus.rglob("*.parquet")) if corpus.is_dir() else [corpus]
    if not corpus.exists() or not files:
        raise CotkitError(f"{corpus}: no Parquet file", "name a Parquet file, or a folder that holds some")
    tasks: list[Task] = []
    for path in files:
        tasks += _tasks_of(path, str(path.relative_to(root)), config, len(tasks), task_bytes)
    return tasks


def _tasks_of(path: Path, name: str, config: PhrasesConfig, number: int, task_bytes: int) -> list[Task]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            names, metadata = file.schema_arrow.names, file.metadata
    except (pa.ArrowException, OSError) as error:
        raise CotkitError(f"{path}: not a Parquet file: {error}", "fetch it again, or move it away") from None
    column, document = _chosen(names, config.column, TEXTS), _chosen(names, config.document, DOCUMENTS)
    for asked, found in ((config.column or "a text column", column), (config.document, document)):
        if asked is not None and found is None:
            raise CotkitError(f"{path}: no {asked}", f"its columns: {', '.join(names)}; name one with --column or --document")
    assert column is not None
    status, tasks, groups, held, row = path.stat(), [], [], 0, 0
    first = 0
    for group in range(metadata.num_row_groups):
        here = metadata.row_group(group)
        size = next(here.column(at).total_uncompressed_size for at in range(here.num_columns) if here.column(at).path_in_schema == column)
        if groups and held + size > task_bytes:
            tasks.append((tuple(groups), first, held))
            groups, held, first = [], 0, row
        groups.append(group)
        held, row = held + size, row + here.num_rows
    tasks.append((tuple(groups), first, held))
    stamp = (status.st_size, status.st_mtime_ns)
    return [
        Task(number + at, str(path), name, groups, first, size, stamp, column, document) for at, (groups, first, size) in enumerate(tasks)
    ]


def batches(task: Task) -> Iterator[tuple[int, pl.Series, pl.Series | None]]:
    """Give the texts of a task in batches: number of the first row, texts, names of documents."""
    import polars as pl
    import pyarrow.parquet as pq

    if not task.groups:
        return
    columns = [task.column] + ([task.document] if task.document else [])
    with pq.ParquetFile(task.path, pre_buffer=False, buffer_size=1 << 20) as file:
        rows = sum(file.metadata.row_group(group).num_rows for group in task.groups)
        size = max(1, min(8192, BATCH_BYTES * rows // max(1, task.bytes)))
        row = task.first_row
        for batch in file.iter_batches(batch_size=size, row_groups=list(task.groups), columns=columns):
            frame = pl.DataFrame(batch)
            names = frame[task.document].cast(pl.String) if task.document else None
            yield row, frame[task.column].cast(pl.String), names
            row += frame.height


def _chosen(names: list[str], asked: str | None, guesses: tuple[str, ...]) -> str | None:
    return next((name for name in ([asked] if asked else guesses) if name in names), None)
