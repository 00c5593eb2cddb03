"""Real reasoning traces through import, verify and tag: wall time, peak memory, outcomes per source.

python tests/bench/real_traces.py TRACES.parquet     (columns problem, gold, raw, teacher, kind, source)
"""

import sys
import tempfile

import polars as pl
from cotkit.schemas.verdict import OUTCOMES
from main_job import timed


def main(traces: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run = f"{folder}/run"
        commands = {
            "samples import": ["samples", "import", traces, "-o", run],
            "verify": ["verify", run],
            "tag": ["tag", run],
            "curate": ["curate", run],
            "report": ["report", run],
        }
        rows = [{"command": name, **dict(zip(("seconds", "peak MiB"), timed(*words), strict=True))} for name, words in commands.items()]
        samples = pl.scan_parquet(f"{run}/samples/*.parquet").select(
            "sample_id", "delimiter", pl.col("parameters").str.json_path_match("$.source").alias("source")
        )
        judged = samples.join(pl.scan_parquet(f"{run}/verdicts/*.parquet"), on="sample_id").collect()
        by_source = judged.group_by("source").agg(
            pl.len().alias("rows"), *[(pl.col("outcome") == name).sum().alias(name) for name in OUTCOMES]
        )
        delimiters = judged.group_by("delimiter").len("rows").sort("rows", descending=True)
        with pl.Config(tbl_hide_dataframe_shape=True, tbl_rows=60, tbl_cols=20, float_precision=1, tbl_width_chars=240, fmt_str_lengths=60):
            print(pl.DataFrame(rows), by_source.sort("source"), delimiters, sep="\n")


if __name__ == "__main__":
    main(sys.argv[1])
