"""Check what a finished demo run left behind, with the readers that its users have: `python tests/check_demo.py RUN`.

Real model text, at least one kept sample, and SFT and RL files that `datasets.load_dataset` reads.
"""

import sys
import tempfile
from pathlib import Path

import polars as pl


def check(run: Path) -> None:
    samples = pl.read_parquet(run / "samples" / "*.parquet")
    verdicts = pl.read_parquet(run / "verdicts" / "*.parquet")
    decisions = pl.read_parquet(run / "decisions" / "*.parquet")
    assert samples["teacher"].unique().to_list() == ["embedded"]
    assert samples["completion_tokens"].sum() > 1000
    assert samples["response"].n_unique() > samples.height // 4, "a real model does not repeat itself that much"
    assert samples["sample_id"].to_list() == verdicts["sample_id"].to_list() == decisions["sample_id"].to_list()
    assert {"correct", "wrong"} <= set(verdicts["outcome"])
    assert decisions["kept"].any()
    assert "<html" in (run / "report.html").read_text(encoding="utf-8")
    folders = sorted(path for path in (run / "exports").iterdir() if path.is_dir())
    rows = {path.name: load(path) for path in folders}
    assert any(name.startswith("sft") and count for name, count in rows.items()), rows
    assert any(name.startswith("rl") and count for name, count in rows.items()), rows
    sys.stdout.write(f"demo checked: {samples.height} samples, {decisions['kept'].sum()} kept, exported rows {rows}\n")


def load(folder: Path) -> int:
    from datasets import load_dataset

    with tempfile.TemporaryDirectory() as cache:
        files = [str(path) for path in folder.glob("*.parquet")]
        return load_dataset("parquet", data_files=files, split="train", cache_dir=cache).num_rows if files else 0


if __name__ == "__main__":
    check(Path(sys.argv[1]))
