"""Read the rows of a source, a file or a Hugging Face dataset, as dicts in their order.

A bad row is for the importer to reject; a bad file is an error that names the file and the line.
"""

from __future__ import annotations

import gzip
import io
import itertools
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from ...data import data_file
from ...schemas.errors import CotkitError
from ...schemas.recipe import ProblemsConfig

Row = dict[str, Any]
ENDINGS = ".jsonl, .ndjson, .json, .csv, .tsv, .parquet; .jsonl also as .gz or .zst"
MEDIA = ("Image", "Audio", "Video", "Pdf")
SPARE_ROWS = 200


class Source(NamedTuple):
    """The rows of a source and what to call it."""

    name: str
    """File name without its ending, or dataset id: what stands in a problem's `source`."""
    place: str
    """Path or dataset id: what stands in an error."""
    rows: list[Row]

    @classmethod
    def of_file(cls, path: Path, rows: list[Row]) -> Source:
        """Name the rows of a file."""
        return cls(path.name.split(".")[0], str(path), rows)


def read_source(config: ProblemsConfig) -> Source:
    """Read all rows of a source; raises CotkitError when there is no such thing, or it is empty or torn."""
    if config.source == "demo":
        return Source("cotkit-demo", "demo", read_rows(data_file("problems", "demo.jsonl")))
    path = Path(config.source).expanduser()
    if path.exists() or _looks_like_a_path(config.source):
        return Source.of_file(path, read_rows(path))
    return Source(config.source, config.source, _dataset_rows(config))


def read_rows(path: Path) -> list[Row]:
    """Read all rows of a file; raises CotkitError naming the file, and the line where there are lines."""
    if not path.exists():
        raise CotkitError(f"{path}: no such file", "check the path; a Hugging Face dataset is named as owner/name")
    if path.is_dir():
        raise CotkitError(f"{path}: a folder", f"name one file in it ({ENDINGS})")
    ending = "".join(path.suffixes[-2:]) if path.suffix in (".gz", ".zst") else path.suffix
    readers: dict[str, Callable[[Path], list[Row]]] = {
        ".json": _json_rows,
        ".csv": _table_rows,
        ".tsv": _table_rows,
        ".parquet": _table_rows,
        **dict.fromkeys((".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz", ".jsonl.zst", ".ndjson.zst"), _json_lines),
    }
    reader = readers.get(ending.lower())
    if reader is None:
        raise CotkitError(f"{path}: cannot tell the format from its name", f"name it by its format: {ENDINGS}")
    with _unreadable(path):
        rows = reader(path)
    if not rows:
        raise CotkitError(f"{path}: no rows", "give a file that has some")
    return rows


def _looks_like_a_path(source: str) -> bool:
    known = re.search(r"\.(jsonl|ndjson|json|csv|tsv|parquet)(\.gz|\.zst)?$", source, re.IGNORECASE)
    return bool(known) or source.startswith((".", "/", "~")) or source.count("/") > 1 or source.strip() == ""


@contextmanager
def _unreadable(path: Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise CotkitError(f"{path}: not UTF-8 at byte {error.start}", "save it as UTF-8") from None
    except (gzip.BadGzipFile, EOFError, OSError) as error:
        raise CotkitError(f"{path}: cannot be read: {error}", "check its permissions, or fetch it again: it may be torn") from None


def _json_lines(path: Path) -> list[Row]:
    rows = []
    with _opened(path) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:  # ValueError: also a number of too many digits
                hint = "mend or remove the line; a torn last line means that the file was not fully written or fetched"
                raise CotkitError(f"{path}:{number}: not valid JSON: {error}", hint) from None
            if not isinstance(row, dict):
                raise CotkitError(
                    f"{path}:{number}: not a JSON object", 'write one object per line, such as {"problem": "…", "answer": "…"}'
                )
            rows.append(row)
    return rows


@contextmanager
def _opened(path: Path) -> Iterator[Iterable[str]]:
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8-sig") as lines:
            yield lines
    elif path.suffix == ".zst":
        import pyarrow

        with pyarrow.input_stream(str(path), compression="zstd") as stream:
            yield io.TextIOWrapper(io.BytesIO(stream.read()), encoding="utf-8-sig")
    else:
        with path.open(encoding="utf-8-sig") as lines:
            yield lines


def _json_rows(path: Path) -> list[Row]:
    try:
        rows = json.loads(path.read_text(encoding="utf-8-sig"))
    except json.JSONDecodeError as error:
        hint = "mend the file; a file with one object per line must end in .jsonl"
        raise CotkitError(f"{path}:{error.lineno}: not valid JSON: {error.msg}", hint) from None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise CotkitError(f"{path}: not a list of objects", 'write [{"problem": "…", "answer": "…"}, …], or one object per line as .jsonl')
    return rows


def _table_rows(path: Path) -> list[Row]:
    import polars as pl

    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(path).to_dicts()
        # every cell as text: 025 is not 25, and an id is not a float
        return pl.read_csv(path, separator="\t" if path.suffix.lower() == ".tsv" else ",", infer_schema=False).to_dicts()
    except pl.exceptions.NoDataError:
        return []
    except (pl.exceptions.ComputeError, pl.exceptions.InvalidOperationError) as error:
        raise CotkitError(f"{path}: not a valid {path.suffix[1:]} file: {str(error).splitlines()[0]}", "fetch or write it again") from None


def _dataset_rows(config: ProblemsConfig) -> list[Row]:
    """Read a dataset of the Hub; with a limit, some rows more than it, as some may be doubles or unusable."""
    count = config.limit and config.limit + config.limit // 4 + SPARE_ROWS
    rows = list(itertools.islice(stream_dataset(config.source, config.split), count))
    if not rows:
        raise CotkitError(f"{config.source}: split {config.split!r} has no rows", "name another split with --split")
    return rows


def stream_dataset(source: str, split: str, revision: str | None = None, undecoded: Collection[str] = ()) -> Iterator[Row]:
    """Stream the rows of a dataset of the Hub, `owner/name` or `owner/name:subset`; raises CotkitError when it cannot be read.

    Columns of pictures and other media are left out, but for those in `undecoded`, whose cells are null or a dict.
    """
    import datasets
    from datasets.exceptions import DatasetNotFoundError

    name, _, subset = source.partition(":")
    try:
        stream = datasets.load_dataset(name, subset or None, split=split, revision=revision, streaming=True)
        media = {key: value for key, value in (stream.features or {}).items() if type(value).__name__ in MEDIA}
        for key, value in media.items():  # also of a column that is left out: it would be decoded first
            stream = stream.cast_column(key, type(value)(decode=False))
        without = [key for key in media if key not in undecoded]
        yield from stream.remove_columns(without) if without else stream
    except (DatasetNotFoundError, FileNotFoundError) as error:
        hint = f"there is no file of that name either; name a file ({ENDINGS}) or owner/name; gated ones need `hf auth login`"
        raise CotkitError(f"{source}: no such dataset: {_first_line(error)}", hint) from None
    except ValueError as error:  # an unknown subset or split; the text lists the known ones
        hint = "name a subset as owner/name:subset, for `cotkit pull` with --config, and a split with --split"
        raise CotkitError(f"{source}: cannot be loaded: {_in_one_line(error)}", hint) from None
    except OSError as error:  # no network, or the library's offline mode
        hint = "check the network and HF_HUB_OFFLINE, or download the file and name it"
        raise CotkitError(f"{source}: the Hugging Face Hub cannot be reached: {_first_line(error)}", hint) from None


def _in_one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:400] or type(error).__name__


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
