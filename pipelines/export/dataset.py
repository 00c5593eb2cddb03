"""A dataset folder: Parquet pieces `train-00000-of-0000N.parquet` that say in their footers what they were made from.

The pieces are written with plain Arrow strings and lists: what polars writes by itself are the large variants, and `datasets`
refuses to concatenate or interleave those with the same columns of any other dataset.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..run_folder import read_fingerprint
from ..run_folder.parquet import FINGERPRINT, ROW_GROUP_SIZE, replacing

if TYPE_CHECKING:
    import polars as pl
    import pyarrow as pa

VERSION = 1
"""Raised when the exported rows change: every export is then written again."""
TOKENS = "completion_tokens"
"""The column whose sum is a dataset's tokens."""


class Exported(NamedTuple):
    """One dataset that an export wrote, or left as it was because it was fresh."""

    path: Path
    """The dataset's folder; absent when there are no rows."""
    format: str
    """`trl`, `messages` or `verl`."""
    split: str
    """The curated split of an SFT dataset; `train` for an RL prompt set."""
    rows: int
    tokens: int
    """Generated tokens of the rows; 0 for an RL prompt set, which has none."""
    notes: tuple[str, ...] = ()
    """What was left out, and why."""


class DatasetFolder:
    """The pieces of one dataset; `fingerprints` has one entry per piece."""

    def __init__(self, path: Path, fingerprints: list[str], schema: pl.Schema) -> None:
        self.path = path
        self.schema = schema
        count = len(fingerprints)
        self.wanted = {path / f"train-{number:05}-of-{count:05}.parquet": fingerprint for number, fingerprint in enumerate(fingerprints)}
        self.pieces = list(self.wanted)

    def remove_stale(self) -> None:
        """Remove the pieces of an older export, before any is written: a crash leaves pieces missing, never rows doubled."""
        for piece in self.path.glob("train-*-of-*.parquet"):
            # a file without a fingerprint is not ours
            if read_fingerprint(piece) not in (None, self.wanted.get(piece)):
                piece.unlink()

    def is_fresh(self, number: int) -> bool:
        """Say whether piece `number` is there and made from what it would be made from now."""
        piece = self.pieces[number]
        return read_fingerprint(piece) == self.wanted[piece]

    def write(self, number: int, frame: pl.DataFrame) -> None:
        """Write piece `number`; raises a polars error when the frame has not the dataset's columns."""
        import polars as pl

        piece = self.pieces[number]
        write_plain_parquet(frame.select(pl.col(name).cast(dtype) for name, dtype in self.schema.items()), piece, self.wanted[piece])

    def rows(self, number: int) -> int:
        """Count the rows of a piece."""
        import polars as pl

        return pl.scan_parquet(self.pieces[number]).select(pl.len()).collect().item()

    def totals(self) -> tuple[int, int]:
        """Give (rows, tokens); a dataset without rows is removed."""
        import polars as pl

        if not self.pieces:
            return 0, 0
        tokens = pl.col(TOKENS).sum() if TOKENS in self.schema else pl.lit(0)
        rows, total = pl.scan_parquet(self.pieces).select(pl.len().alias("rows"), tokens.alias("tokens")).collect().row(0)
        if rows == 0:
            for piece in self.pieces:
                piece.unlink()
        return rows, total


def message_list(reasoning_content: bool = False) -> pl.DataType:
    """Give the type of a column of chat messages; the field for reasoning is in all of them or in none."""
    import polars as pl

    names = ["role", "content"] + (["reasoning_content"] if reasoning_content else [])
    return pl.List(pl.Struct({name: pl.String() for name in names}))


def write_plain_parquet(frame: pl.DataFrame, path: Path, fingerprint: str) -> None:
    """Write a frame, whole or not at all, with plain strings and lists, 512 rows at a time."""
    import pyarrow.parquet

    schema = plain_schema(frame.schema).with_metadata({FINGERPRINT: fingerprint})
    with replacing(path) as temporary, pyarrow.parquet.ParquetWriter(temporary, schema, compression="zstd", write_page_index=True) as file:
        for rows in frame.iter_slices(ROW_GROUP_SIZE):
            # a plain string column holds 2 GiB at most: 512 texts stay far below
            file.write_table(rows.to_arrow().cast(schema))


def plain_schema(schema: pl.Schema) -> pa.Schema:
    """Give the Arrow schema without large strings and large lists."""
    import pyarrow as pa

    return pa.schema([(name, _plain_type(dtype)) for name, dtype in schema.items()])


def _plain_type(dtype: pl.DataType) -> pa.DataType:
    import polars as pl
    import pyarrow as pa

    if isinstance(dtype, pl.List):
        return pa.list_(_plain_type(pl.Series(dtype=dtype.inner).dtype))
    if isinstance(dtype, pl.Struct):
        return pa.struct([(field.name, _plain_type(pl.Series(dtype=field.dtype).dtype)) for field in dtype.fields])
    return {pl.String(): pa.string(), pl.Int64(): pa.int64(), pl.Float64(): pa.float64(), pl.Boolean(): pa.bool_()}[dtype]
