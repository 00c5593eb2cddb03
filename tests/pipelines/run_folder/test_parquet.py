"""A file in a run folder is whole or absent."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.run_folder import read_fingerprint, write_parquet, write_text
from cotkit.schemas.errors import CotkitError

FRAME = pl.DataFrame({"a": ["x", "y"]})


def test_a_written_frame_reads_back_with_its_fingerprint(tmp_path: Path) -> None:
    write_parquet(FRAME, tmp_path / "deep" / "f.parquet", "print")
    assert pl.read_parquet(tmp_path / "deep" / "f.parquet").equals(FRAME)
    assert read_fingerprint(tmp_path / "deep" / "f.parquet") == "print"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["f.parquet"]


@pytest.mark.parametrize("content", [None, b"", b"PAR1 and then torn off"], ids=["absent", "empty", "torn"])
def test_what_is_no_parquet_file_has_no_fingerprint(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "f.parquet"
    if content is not None:
        path.write_bytes(content)
    assert read_fingerprint(path) is None


def test_row_groups_stay_small(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    write_parquet(pl.DataFrame({"a": range(2000)}), tmp_path / "f.parquet")
    sizes = [pq.ParquetFile(tmp_path / "f.parquet").metadata.row_group(i).num_rows for i in range(4)]
    assert max(sizes) <= 512


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    write_parquet(FRAME, path, "old")
    with pytest.raises(pl.exceptions.PolarsError):
        write_parquet(pl.DataFrame({"a": [object()]}), path, "new")
    assert read_fingerprint(path) == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["f.parquet"]


def test_a_full_disk_is_an_error_with_a_hint_and_leaves_nothing_behind(tmp_path: Path) -> None:
    code = f"""
import resource, signal
from pathlib import Path
import polars as pl
from cotkit.pipelines.run_folder import write_parquet
from cotkit.schemas.errors import CotkitError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
frame = pl.DataFrame({{"a": [str(i * 7919) for i in range(20000)]}})
try:
    write_parquet(frame, Path({str(tmp_path / "f.parquet")!r}))
except CotkitError as error:
    print(error)
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "the disk is full" in answer.stdout
    assert "hint: free some space" in answer.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", ["/sys/cotkit/f.txt", "{file}/f.txt"], ids=["not writable", "a file where a folder is wanted"])
def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CotkitError, match="not writable") as caught:
        write_text("x", Path(path.format(file=tmp_path / "file")))
    assert "-o" in caught.value.hint
