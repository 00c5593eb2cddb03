"""Draw, commit, judge and seal very many short samples, then resume: wall time, peak memory, start of the resumed run.

    python tests/bench/scale.py --problems 7500 --samples 256

The teacher is scripted and answers at once: what is measured is cotkit's own work per sample. The second start finds everything
there and draws nothing; its time is what a resume costs before its first request.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHILD = """
import resource, sys, time
from pathlib import Path
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.sampling.scheduler import sample_run

started, cpu = time.monotonic(), time.process_time()
progress = sample_run(RunFolder.open(Path(sys.argv[1])))
mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
workers = resource.getrusage(resource.RUSAGE_CHILDREN)
took, own = time.monotonic() - started, time.process_time() - cpu
print(f"{progress.done} samples, {progress.resumed} of them there already: {took:.1f} s, {own:.1f} CPU-s of its own, "
      f"{workers.ru_utime + workers.ru_stime:.1f} CPU-s of workers, peak memory {mib:.0f} MiB")
"""


def main() -> None:
    import polars as pl
    from cotkit.pipelines.run_folder import RunFolder
    from cotkit.schemas.problem import Problem
    from cotkit.schemas.recipe import Recipe, SampleConfig

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", type=int, default=7500)
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--concurrency", type=int, default=512)
    parser.add_argument("--folder", type=Path, help="where the run stays; when it is there already, only the resume is measured")
    asked = parser.parse_args()
    if asked.folder and asked.folder.exists():
        start("resuming", asked.folder / "run")
        return
    folder = asked.folder or Path(tempfile.mkdtemp(prefix="cotkit-scale-"))
    folder.mkdir(exist_ok=True)
    try:
        script = folder / "script.jsonl"
        lines = [{"response": f"Adding them gives {text}. So the answer is \\boxed{{{text}}}."} for text in ("{answer}", "{wrong}")]
        script.write_text("\n".join(map(json.dumps, lines)))
        rows = [Problem.make(f"What is {i} + {i + 1}?", str(2 * i + 1), "math").model_dump() for i in range(asked.problems)]
        config = SampleConfig(teacher=f"scripted:{script}", n=asked.samples, concurrency=asked.concurrency)
        run = RunFolder.create(folder / "run", Recipe(sample=config), pl.DataFrame(rows, schema=Problem.polars_schema()))
        for title in ("drawing", "resuming"):
            start(title, run.path)
        size = sum(path.stat().st_size for path in run.path.rglob("*") if path.is_file())
        print(f"on disk: {size / 2**20:.0f} MiB in {len(run.shard_numbers())} shards")
    finally:
        if not asked.folder:
            shutil.rmtree(folder)


def start(title: str, run: Path) -> None:
    said = subprocess.run([sys.executable, "-c", CHILD, str(run)], capture_output=True, text=True, check=True)
    print(f"{title}: {said.stdout.strip()}", flush=True)


if __name__ == "__main__":
    main()
