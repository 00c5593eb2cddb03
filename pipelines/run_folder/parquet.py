"""Whole-or-absent Parquet files with a fingerprint in the footer, and the same promise for text files.

A file is written under a temporary name, synced, then renamed: a reader never sees half of one, whatever dies when.
Row groups are always set: the defaults (100,000 rows and more) cost gigabytes of memory on long texts.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ...schemas.errors import CotkitError

if TYPE_CHECKING:
    import polars as pl

ROW_GROUP_SIZE = 512
FINGERPRINT = "cotkit.fingerprint"
TEMPORARY = ".tmp-"


def write_parquet(frame: pl.DataFrame, path: Path, fingerprint: str = "") -> None:
    """Write a frame so that `path` is whole or absent; raises CotkitError when the disk is full or not writable."""
    import polars as pl

    with replacing(path) as temporary:
        try:
            frame.write_parquet(
                temporary, compression="zstd", row_group_size=ROW_GROUP_SIZE, metadata={FINGERPRINT: fingerprint}, statistics=True
            )
        except pl.exceptions.PolarsError as error:  # what the operating system said is only in polars' text
            if code := re.search(r"os error (\d+)", str(error)):
                raise OSError(int(code[1]), os.strerror(int(code[1]))) from error
            raise


def write_text(text: str, path: Path) -> None:
    """Write a text file so that `path` is whole or absent."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` and rename it over `path` when the block ends well."""
    with disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}{TEMPORARY}{os.getpid()}")
    try:
        with disk_errors(path):
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            os.replace(temporary, path)
            _sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn a full or read-only disk into a CotkitError that names `path`."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise CotkitError(f"{path}: the disk is full", "free some space and run the same command again: nothing is lost") from error
        if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST):
            raise CotkitError(f"{path}: not writable: {error.strerror}", "choose another folder with -o") from error
        raise


def read_fingerprint(path: Path) -> str | None:
    """Read a Parquet file's fingerprint from its footer; None when the file is absent or no Parquet file."""
    import polars as pl

    try:
        return pl.read_parquet_metadata(path).get(FINGERPRINT)
    except (OSError, pl.exceptions.PolarsError):
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
