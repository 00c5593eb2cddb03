"""Columns of pictures are left out of a streamed dataset, or kept undecoded, so that a row can be told by having one."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cotkit.pipelines.importing.reading import stream_dataset


@pytest.fixture
def dataset(tmp_path: Path) -> str:
    pictures = pa.array([None, {"bytes": b"none", "path": "a.png"}], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    table = pa.table({"Question": ["1 + 1?", "What is shown?"], "Picture": pictures})
    features = {"Question": {"dtype": "string", "_type": "Value"}, "Picture": {"_type": "Image"}}
    table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, tmp_path / "train.parquet")
    return str(tmp_path)


def test_pictures_are_left_out(dataset: str) -> None:
    assert list(stream_dataset(dataset, "train")) == [{"Question": "1 + 1?"}, {"Question": "What is shown?"}]


def test_pictures_that_are_asked_for_are_kept_undecoded(dataset: str) -> None:
    rows = list(stream_dataset(dataset, "train", undecoded=["Picture"]))
    assert [row["Picture"] is not None for row in rows] == [False, True]
