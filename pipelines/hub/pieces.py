"""The Parquet pieces of a published dataset: `data/train-00000-of-00003.parquet`, all with one schema of plain Arrow types.

A piece is written in row groups as its rows come, so that memory does not grow with it; its footer says what it was made from, and
a piece that is fresh is not written again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..export.dataset import plain_schema
from ..run_folder import read_fingerprint
from ..run_folder.parquet import FINGERPRINT, ROW_GROUP_SIZE, replacing

if TYPE_CHECKING:
    import polars as pl

PLACES: dict[str, str] = {"default": "data", "all_generations": "all_generations", "rl": "rl"}
"""Folder of each config within the dataset."""
WritePiece = Callable[["pl.DataFrame"], None]


class Pieces(NamedTuple):
    """The files of one split of one config, and what each is to be made from."""

    config: str
    split: str
    paths: list[Path]
    fingerprints: list[str]
    schema: pl.Schema

    def stale(self) -> list[int]:
        """Give the numbers of the pieces that have to be written."""
        pairs = zip(self.paths, self.fingerprints, strict=True)
        return [number for number, (path, wanted) in enumerate(pairs) if read_fingerprint(path) != wanted]

    @contextmanager
    def open(self, number: int) -> Iterator[WritePiece]:
        """Give the function that adds rows to a piece; the file appears under its name when the block ends well."""
        import polars as pl
        import pyarrow.parquet

        arrow = plain_schema(self.schema).with_metadata({FINGERPRINT: self.fingerprints[number]})
        columns = [pl.col(name).cast(dtype) for name, dtype in self.schema.items()]

        with (
            replacing(self.paths[number]) as temporary,
            pyarrow.parquet.ParquetWriter(temporary, arrow, compression="zstd", write_page_index=True) as file,
        ):

            def write(frame: pl.DataFrame) -> None:
                for rows in frame.select(columns).iter_slices(ROW_GROUP_SIZE):
                    file.write_table(rows.to_arrow().cast(arrow))

            yield write


def pieces_of(folder: Path, names: tuple[str, str, str], fingerprints: list[str], schema: pl.Schema) -> Pieces:
    """Name the pieces of a split; `names` are config, folder within the dataset, split."""
    config, place, split = names
    count = len(fingerprints)
    paths = [folder / place / f"{split}-{number:05}-of-{count:05}.parquet" for number in range(count)]
    return Pieces(config, split, paths, fingerprints, schema)
