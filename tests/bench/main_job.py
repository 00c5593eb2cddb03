"""The whole pipeline at scale on the scripted teacher: wall time and peak memory of each command.

    python tests/bench/main_job.py PROBLEMS [N]        (PROBLEMS: anything `cotkit problems import` reads)

Right, wrong, empty, truncated, looping and hostile responses from `scripted:mixed`. Peak memory is the largest single process.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl


def timed(*words: str) -> tuple[float, float]:
    """Run a command; gives (wall seconds, peak MiB of its largest process)."""
    started = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-m", "cotkit", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    assert child.returncode == 0, words
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main(source: str, n: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        problems, run = f"{folder}/problems.parquet", f"{folder}/run"
        commands = {
            "problems import": ["problems", "import", source, "-o", problems],
            "sample + verify": ["sample", problems, "--teacher", "scripted:mixed", "-n", n, "-o", run],
            "verify (fresh)": ["verify", run],
            "tag": ["tag", run],
            "curate": ["curate", run],
            "export": ["export", run],
            "report": ["report", run],
        }
        rows = [{"command": name, **dict(zip(("seconds", "peak MiB"), timed(*words), strict=True))} for name, words in commands.items()]
        counts = pl.scan_parquet(f"{run}/verdicts/*.parquet").group_by("outcome").len("samples").sort("samples", descending=True).collect()
        kept = pl.scan_parquet(f"{run}/decisions/*.parquet").select(pl.len().alias("samples"), pl.col("kept").sum()).collect()
        size = sum(path.stat().st_size for path in Path(run).rglob("*") if path.is_file())
        with pl.Config(tbl_hide_dataframe_shape=True, tbl_rows=20, float_precision=1):
            print(pl.DataFrame(rows), counts, kept, f"run folder: {size / 2**20:.1f} MiB", sep="\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "4")
