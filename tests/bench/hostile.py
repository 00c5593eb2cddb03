r"""Hostile answers through the pool, with gmpy2 within the workers' reach and without, and responses of a megabyte through extraction.

    python tests/bench/hostile.py ADVERSARIAL.parquet     (columns id, gold, prediction, expected_verdict; beside a hundred of our own)

An answer runs over when its worker is not rid of it 50 ms after the deadline, by the clock on the wall: run it on a quiet machine.
"""

import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import polars as pl
from cotkit.pipelines.execute.judging import judge_all
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import VerifyConfig
from cotkit.verifiers.extraction import extract

OWN = Path(__file__).parents[1] / "pipelines" / "execute" / "hostile.py"
GRACE_MILLISECONDS = 50
MEGABYTE = 1_000_000
CLOSED, OPEN = r"\boxed{7}", " and so it goes on."


def own_rows():
    spec = importlib.util.spec_from_file_location("hostile", OWN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [(row.name, row.gold, row.response, row.expected == "accept") for row in module.hostile_answers()]


def resident_mib():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def run(title, rows, config):
    before = resident_mib()
    with VerifierPool(config) as pool:
        items = ((response, Problem.make("?", gold, "math"), "stop") for _, gold, response, _ in rows)
        judged = [(row, one.result().outcome, one.milliseconds) for row, one in zip(rows, judge_all(pool, items), strict=True)]
    wrong = [row for row in judged if row[0][3] is False]
    right = [row for row in judged if row[0][3] is True]
    limit = 1000 * config.deadline_seconds + GRACE_MILLISECONDS
    accepted = sum(outcome == "correct" for _, outcome, _ in right)
    print(f"{title}: {len(judged)} answers, slowest {max(took for *_, took in judged):,.0f} ms", end="; ")
    print(f"over {limit:,.0f} ms: {sum(took > limit for *_, took in judged)}", end="; ")
    print(f"wrong accepted {sum(outcome == 'correct' for _, outcome, _ in wrong)} of {len(wrong)}", end="; ")
    print(f"right accepted {accepted} of {len(right)}; {dict(Counter(outcome for _, outcome, _ in judged))}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(
        f"  most memory of a worker {peak:,.0f} MiB (cap {config.memory_mib}, without its libraries); "
        f"parent {before:.0f} -> {resident_mib():.0f} MiB"
    )
    refused = [f"{row[0]} ({outcome})" for row, outcome, _ in right if outcome != "correct"]
    print(f"  right ones refused: {', '.join(refused) or 'none'}")


def time_megabytes():
    texts = {
        "a box at the end": "word " * (MEGABYTE // 5) + CLOSED,
        "a box at the beginning": CLOSED + " word" * (MEGABYTE // 5),
        "no answer": "so it goes on and " * (MEGABYTE // 18) + OPEN,
        "formulas and no answer": r"$x_1 = \frac{1}{2}$, then " * (MEGABYTE // 26) + OPEN,
        "blanks": " " * MEGABYTE + CLOSED,
        "boxes": r"\boxed{1} " * (MEGABYTE // 10) + OPEN,
        "open boxes": r"\boxed{" * (MEGABYTE // 7),
        "sentences": "the answer is " * (MEGABYTE // 14),
        "another script": "因此一共有" * (MEGABYTE // 15),
    }
    print("extraction from a megabyte, CPU ms, the least of 5:", end=" ")
    for name, text in texts.items():
        spent = []
        for _ in range(5):
            started = time.thread_time()
            extract(text)
            spent.append(time.thread_time() - started)
        print(f"{name} {1000 * min(spent):.2f}", end="; ")
    print()


def main(path):
    rows = pl.read_parquet(path).select("id", "gold", "prediction", "expected_verdict").rows()
    config = VerifyConfig(workers=1, deadline_seconds=2, memory_mib=1024)
    run("published", rows, config)
    run("our own", own_rows(), config)


if __name__ == "__main__":
    if len(sys.argv) > 2:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "gmpy2.py").write_text("raise ImportError('not here')\n")
            for title, path in (("with gmpy2", []), ("without gmpy2", [folder])):
                found = importlib.util.find_spec("gmpy2") is not None
                print(f"\n{title if found or path else title + ': not installed'}", flush=True)
                paths = os.pathsep.join([*path, os.environ.get("PYTHONPATH", "")])
                subprocess.run([sys.executable, __file__, sys.argv[1], title], check=True, env=os.environ | {"PYTHONPATH": paths})
        time_megabytes()
