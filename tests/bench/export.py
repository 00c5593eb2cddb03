"""Long rows exported, without a student and proven for one: rows per second of CPU, peak memory, and how both grow.

    python tests/bench/export.py --rows 50000 100000 200000
    python tests/bench/export.py --rows 5000 --student MODEL        (a folder with a tokenizer.json: lengths are counted as well)

Every row is about 20 KB of reasoning (some 5,000 tokens) over 7,500 problems; the student is Qwen 3's template from trl. A: written
alone. B: every row rendered and proven as well. Each in a process of its own.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

KILOBYTES = 20
PROBLEMS = 7_500
SHARD = 8_192
CHILD = """
import json, resource, sys, time
from pathlib import Path
from cotkit.pipelines.export import export_sft
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.recipe import SftExportConfig

folder, out, student, format = sys.argv[1:]
started = time.perf_counter()
(exported,) = export_sft(RunFolder.open(Path(folder)), SftExportConfig(formats=[format], student=student or None), Path(out))
usage = resource.getrusage(resource.RUSAGE_SELF)
peak = next(int(line.split()[1]) / 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
print(json.dumps([exported.rows, time.perf_counter() - started, usage.ru_utime + usage.ru_stime, peak, list(exported.notes)]))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[25_000, 50_000])
    parser.add_argument("--student", help="a model folder or a template; Qwen 3's template when left out")
    parser.add_argument("--format", default="trl")
    asked = parser.parse_args()
    student = asked.student or str(template("qwen3"))
    print("| rows | | seconds | CPU-s | rows per CPU-s | peak MiB |\n|--:|---|--:|--:|--:|--:|")
    for rows in asked.rows:
        folder = Path(tempfile.mkdtemp(prefix="cotkit-export-"))
        try:
            build(folder / "run", rows)
            for title, given in (("written", ""), ("written and proven", student)):
                measure(folder, rows, title, (given, asked.format))
        finally:
            shutil.rmtree(folder)


def measure(folder: Path, rows: int, title: str, settings: tuple[str, str]) -> None:
    command = [sys.executable, "-c", CHILD, str(folder / "run"), str(folder / "out"), *settings]
    found, seconds, cpu, peak, notes = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert found == rows, (found, notes)
    shutil.rmtree(folder / "out")
    print(f"| {rows:,} | {title} | {seconds:.1f} | {cpu:.1f} | {rows / cpu:,.0f} | {peak:.0f} |", flush=True)


def template(name: str) -> Path:
    found = importlib.util.find_spec("trl")
    assert found is not None
    return Path((found.submodule_search_locations or [""])[0]) / "chat_templates" / f"{name}.jinja"


def build(path: Path, rows: int) -> None:
    """Make a run with every row kept."""
    import polars as pl
    from cotkit.pipelines.run_folder import STAGES, RunFolder
    from cotkit.schemas.problem import Problem
    from cotkit.schemas.recipe import Recipe

    problems = [Problem.make(f"What is {n} + {n + 1}?", str(2 * n + 1), "number") for n in range(PROBLEMS)]
    run = RunFolder.create(path, Recipe(), pl.DataFrame([row.model_dump() for row in problems], schema=Problem.polars_schema()))
    dice = random.Random(0)
    words = [f"{dice.randrange(10**6):x}" for _ in range(5_000)] + ["so", "wait", "then", "\n\n", "\\frac{1}{2}", "="] * 800
    text = " ".join(dice.choices(words, k=400_000))
    for number, start in enumerate(range(0, rows, SHARD)):
        made = [fields(index, problems[index % PROBLEMS].problem_id, text, dice) for index in range(start, min(start + SHARD, rows))]
        for stage, record in STAGES.items():
            names = record.model_fields
            frame = pl.DataFrame([{name: row.get(name) for name in names} for row in made], record.polars_schema())
            run.write(stage, number, frame, f"{stage} {number} {rows}")


def fields(index: int, problem: str, text: str, dice: random.Random) -> dict[str, Any]:
    size = dice.randrange(KILOBYTES * 500, KILOBYTES * 1500)
    at = dice.randrange(len(text) - size)
    return {
        "sample_id": f"{index:020x}",
        "problem_id": problem,
        "index": index,
        "teacher": "scripted:bench",
        "reasoning": text[at : at + size].strip(),
        "response": f"So the answer is \\boxed{{{index}}}.",
        "outcome": "correct",
        "tokens": size // 4,
        "kept": True,
        "splits": ["all"],
    }


if __name__ == "__main__":
    main()
