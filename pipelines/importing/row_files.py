"""Stream the rows of a file in blocks, however large it is, and write them again beside new columns.

JSON lines are kept as lines and Parquet as Arrow batches, so that what is written again is what was read.
"""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ...schemas.errors import CotkitError
from ..run_folder.parquet import replacing

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]
WriteBlock = Callable[["Block", list[Row]], None]
"""Called with a block and the added cells of each of its rows."""
BLOCK_ROWS = 1024
ENDINGS = ".jsonl, .ndjson, .csv, .tsv, .parquet; .jsonl also as .gz or .zst"
JSON_ENDINGS = (".jsonl", ".ndjson")


@dataclass
class Block:
    """Some rows in their order."""

    rows: list[Row]
    """Cells by column."""
    lines: list[str] | None = None
    """The rows as they stand in a file of JSON lines."""
    batch: pa.RecordBatch | None = None
    """The rows as they stand in a Parquet file."""

    def as_lines(self) -> list[str]:
        """Give each row as one line of JSON."""
        return self.lines or [json.dumps(row, ensure_ascii=False, default=str) for row in self.rows]

    def as_batch(self) -> pa.RecordBatch:
        """Give the rows as an Arrow batch; for rows of text and of Parquet files, whose columns have one type each."""
        import pyarrow as pa

        if self.batch is not None:
            return self.batch
        return pa.RecordBatch.from_pylist(self.rows, schema=pa.schema([(name, pa.string()) for name in self.rows[0]]))


def stream_blocks(path: Path) -> Iterator[Block]:
    """Read a file block by block; raises CotkitError naming the file, and the line where there are lines."""
    if not path.exists():
        raise CotkitError(f"{path}: no such file", "check the path")
    if path.is_dir():
        raise CotkitError(f"{path}: a folder", f"name one file in it ({ENDINGS})")
    ending = format_of(path)
    reader = {**dict.fromkeys(JSON_ENDINGS, _json_blocks), ".csv": _csv_blocks, ".tsv": _csv_blocks, ".parquet": _parquet_blocks}.get(
        ending
    )
    if reader is None:
        raise CotkitError(f"{path}: cannot tell the format from its name", f"name it by its format: {ENDINGS}")
    try:
        yield from reader(path)
    except UnicodeDecodeError as error:
        raise CotkitError(f"{path}: not UTF-8 at byte {error.start}", "save it as UTF-8") from None
    except (gzip.BadGzipFile, EOFError, OSError) as error:
        raise CotkitError(f"{path}: cannot be read: {error}", "check its permissions, or fetch it again: it may be torn") from None


def format_of(path: Path) -> str:
    """Give a file's ending in lower case, without that of its compression."""
    suffixes = [suffix.lower() for suffix in path.suffixes[-2:]]
    if len(suffixes) == 2 and suffixes[1] in (".gz", ".zst") and suffixes[0] in JSON_ENDINGS:
        return suffixes[0]
    return suffixes[-1] if suffixes else ""


def _json_blocks(path: Path) -> Iterator[Block]:
    with _opened(path) as file:
        numbered = ((number, line.strip()) for number, line in enumerate(file, 1))
        filled = ((number, line) for number, line in numbered if line)
        while some := list(islice(filled, BLOCK_ROWS)):
            yield Block([_json_row(path, number, line) for number, line in some], lines=[line for _, line in some])


def _json_row(path: Path, number: int, line: str) -> Row:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:  # ValueError: also a number of too many digits
        hint = "mend or remove the line; a torn last line means that the file was not fully written or fetched"
        raise CotkitError(f"{path}:{number}: not valid JSON: {error}", hint) from None
    if not isinstance(row, dict):
        raise CotkitError(f"{path}:{number}: not a JSON object", 'write one object per line, such as {"gold": "…", "response": "…"}')
    return row


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[str]]:
    # split at \n alone: other line ends, such as U+2028, may stand inside a row
    if path.suffix.lower() == ".gz":
        with gzip.open(path, "rt", encoding="utf-8-sig", newline="\n") as file:
            yield file
    elif path.suffix.lower() == ".zst":
        import pyarrow

        with pyarrow.input_stream(str(path), compression="zstd") as stream:
            yield io.TextIOWrapper(io.BufferedReader(stream), encoding="utf-8-sig", newline="\n")  # pyright: ignore[reportArgumentType]
    else:
        with path.open(encoding="utf-8-sig", newline="\n") as file:
            yield file


def _csv_blocks(path: Path) -> Iterator[Block]:
    """Read every cell as text: 025 is not 25, and an id is not a float."""
    csv.field_size_limit(min(sys.maxsize, 2**31 - 1))
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter="\t" if path.suffix.lower() == ".tsv" else ",", strict=True)
        try:
            while rows := list(islice(reader, BLOCK_ROWS)):
                if any(None in row for row in rows):
                    raise csv.Error("a row has more cells than there are columns")
                yield Block(rows)  # pyright: ignore[reportArgumentType]
        except csv.Error as error:
            raise CotkitError(f"{path}:{reader.line_num}: not valid CSV: {error}", "mend the row, or save the file again") from None


def _parquet_blocks(path: Path) -> Iterator[Block]:
    import pyarrow as pa
    import pyarrow.parquet

    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(BLOCK_ROWS):
                yield Block(batch.to_pylist(), batch=batch)
    except pa.ArrowInvalid as error:
        raise CotkitError(f"{path}: not a valid Parquet file: {str(error).splitlines()[0]}", "fetch or write it again") from None


@contextmanager
def open_output(out: Path | IO[str] | None, source: Path) -> Iterator[WriteBlock]:
    """Give the function that writes blocks; a file appears under its name when the `with` block ends well."""
    if out is None:
        yield lambda _block, _added: None
    elif not isinstance(out, Path):
        yield lambda block, added: out.writelines(_joined_lines(block, added))
    elif format_of(out) in JSON_ENDINGS and out.suffix.lower() in JSON_ENDINGS:
        with replacing(out) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
            yield lambda block, added: file.writelines(_joined_lines(block, added))
            file.flush()
    elif out.suffix.lower() != ".parquet":
        raise CotkitError(f"{out}: cannot tell the format from its name", "name it .jsonl or .parquet")
    elif format_of(source) in JSON_ENDINGS:
        yield from _parquet_by_way_of_lines(out)
    else:
        yield from _parquet(out)


def _joined_lines(block: Block, added: list[Row]) -> Iterator[str]:
    for line, cells in zip(block.as_lines(), added, strict=True):
        inside = line.rstrip()[1:-1].rstrip()
        text = f"{{{inside}{', ' if inside else ''}{json.dumps(cells, ensure_ascii=False)[1:]}\n"
        yield text.encode("utf-8", "replace").decode()  # lone surrogates fit in no file


def _parquet(out: Path) -> Iterator[WriteBlock]:
    import pyarrow as pa
    import pyarrow.parquet

    with replacing(out) as temporary, contextlib.ExitStack() as stack:
        writers: list[pyarrow.parquet.ParquetWriter] = []

        def write(block: Block, added: list[Row]) -> None:
            table = pa.Table.from_batches([block.as_batch()])
            for name in added[0]:
                table = table.append_column(name, pa.array([row[name] for row in added], None if name.endswith("seconds") else pa.string()))
            if not writers:
                writers.append(stack.enter_context(pyarrow.parquet.ParquetWriter(temporary, table.schema, compression="zstd")))
            writers[0].write_table(table)

        yield write
        stack.close()


def _parquet_by_way_of_lines(out: Path) -> Iterator[WriteBlock]:
    """JSON lines have no schema before the last of them is read: they are gathered in a file beside `out` first."""
    import polars as pl

    lines = out.with_name(f".{out.name}.{os.getpid()}.jsonl")
    try:
        with open_output(lines, lines) as write:
            yield write
        with replacing(out) as temporary:
            pl.scan_ndjson(lines, infer_schema_length=None).sink_parquet(temporary, row_group_size=2048)
    except pl.exceptions.PolarsError as error:
        first = str(error).splitlines()[0]
        raise CotkitError(f"{out}: some column has no one type: {first}", "write .jsonl instead: -o NAME.jsonl") from None
    finally:
        lines.unlink(missing_ok=True)
