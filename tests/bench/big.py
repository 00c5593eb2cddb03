"""Millions of responses through tag and curate: wall time, CPU time and peak memory of each step, and how they grow.

    python tests/bench/big.py TRACES.parquet --gigabytes 2 16       (7,500 problems x 256 at 16 GB; see recombined.py for what is real)
    python tests/bench/big.py TRACES.parquet --gigabytes 2 8 --light       (one lexicon, compression; two rules less)

`keys` is the part of `curate` that reads the texts (hashes, signatures, boxes), as two parts of a job array at the same time; `decide`
is the rest: filters, near doubles, doubles of problems, decontamination by the shipped hashes, two splits of four per problem.
CPU time is of all processes of a step; memory is of its largest process.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

LIGHT = """
[tag]
lexicons = ["demystify"]
measures = ["compression"]
"""
MEASURED = """max_repeated_share = 0.3
max_foreign_share = 0.2
"""
CURATE = """
[curate]
min_tokens = 100
max_boxes = 2
reasoning = "required"
keep_leaked = false
max_similarity = 0.8
max_problem_similarity = 0.9
decontaminate = ["math500", "aime24", "aime25", "theoremqa", "mmlu_pro", "gsm8k_test"]
decontaminate_by = ["exact", "ngram"]
max_pass_rate = 0.95
splits = [
  { name = "short4", per_problem = 4, prefer = "shortest" },
  { name = "diverse4", per_problem = 4, prefer = "diverse" },
]
"""
CHILD = """
import json, resource, sys
from cotkit.cli import app

app(sys.argv[1:], standalone_mode=False)
own, workers = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
peak = max(int(status["VmHWM"].split()[0]), workers.ru_maxrss) / 1024
print(json.dumps([own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime, peak]), file=sys.stderr)
"""


def measured(*commands: list[str]) -> dict[str, Any]:
    """Run commands at the same time, each in its own process; gives seconds, CPU seconds and the peak MiB of the largest process."""
    started = time.monotonic()
    children = [subprocess.Popen([sys.executable, "-c", CHILD, *words], stderr=subprocess.PIPE, text=True) for words in commands]
    said = [child.communicate()[1] for child in children]
    for child, words, text in zip(children, commands, said, strict=True):
        assert child.returncode == 0, (words, text[-3000:])
    figures = [json.loads(text.splitlines()[-1]) for text in said]
    cpu, peak = sum(figure[0] for figure in figures), max(figure[1] for figure in figures)
    return {"seconds": round(time.monotonic() - started, 1), "cpu": round(cpu, 1), "MiB": round(peak)}


def write_recipe(path: Path, light: bool) -> str:
    """Write the settings; gives the path."""
    path.write_text(LIGHT + CURATE if light else CURATE.replace("max_boxes", f"{MEASURED}max_boxes"))
    return str(path)


def one_size(traces: Path, run: Path, gigabytes: float, workers: int, light: bool) -> dict[str, dict[str, Any]]:
    """Make a run of one size, unless it is there, and take it through the steps."""
    made = [sys.executable, str(Path(__file__).with_name("recombined.py")), str(traces), str(run), "--gigabytes", str(gigabytes)]
    if not run.exists():
        print(subprocess.run([*made, "--workers", str(workers)], check=True, capture_output=True, text=True).stdout.strip(), flush=True)
    curate = ["curate", str(run), "--recipe", write_recipe(run.with_suffix(".toml"), light)]
    plan = {
        "tag": [["tag", *curate[1:], "--workers", str(workers)]],
        "keys": [[*curate, "--shard", f"{part}/{workers}", "--workers", "1"] for part in range(workers)],
        "decide": [curate],
    }
    steps = {}
    for step, commands in plan.items():
        steps[step] = measured(*commands)
        print(f"{gigabytes:g} GB  {step:<8} {json.dumps(steps[step])}  on disk {size_of(run) / 1e9:.2f} GB", flush=True)
    return steps


def size_of(run: Path) -> int:
    """Give the bytes of a run folder."""
    return sum(path.stat().st_size for path in run.rglob("*") if path.is_file())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", type=Path)
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[2.0, 16.0])
    parser.add_argument("--workers", type=int, default=min(os.cpu_count() or 1, 2))
    parser.add_argument("--folder", type=Path, help="Where the runs go; what is there already is used")
    parser.add_argument("--keep", action="store_true", help="Leave the runs there")
    parser.add_argument("--light", action="store_true", help="Tag one lexicon and compression alone")
    asked = parser.parse_args()
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="cotkit-big-"))
    folder.mkdir(parents=True, exist_ok=True)
    found = {}
    for size in asked.gigabytes:
        run = folder / f"run{size:g}"
        found[size] = one_size(asked.traces, run, size, asked.workers, asked.light)
        if not asked.keep:
            shutil.rmtree(run)
    small, large = min(found), max(found)
    for step in found[large]:
        per_gb = {size: found[size][step]["cpu"] / size for size in (small, large)}
        print(f"{step:<8} {per_gb[small]:.1f} -> {per_gb[large]:.1f} CPU-s per GB, ratio {per_gb[large] / max(per_gb[small], 1e-9):.2f}")
    if not asked.keep and asked.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
