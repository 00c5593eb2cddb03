"""Millions of gradings with a few hostile ones among them through the pool: throughput, memory over time, processes left.

python tests/bench/soak.py [GRADINGS] [HOSTILE_PER_THOUSAND]     (2,000,000 and 1)
"""

import importlib.util
import itertools
import os
import random
import sys
import time
from collections import Counter, deque
from pathlib import Path

from cotkit.pipelines.execute.judging import judge_all
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import VerifyConfig

HOSTILE = Path(__file__).parents[1] / "pipelines" / "execute" / "hostile.py"
REPORTS = 20


def hostile_answers():
    spec = importlib.util.spec_from_file_location("hostile", HOSTILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.hostile_answers()


def items(count, per_thousand, expected):
    """Give responses; what each must be is noted in `expected`: True, False, or None where only `correct` is a fault."""
    dice = random.Random(0)
    hostile = hostile_answers()
    for number in range(count):
        if dice.random() < per_thousand / 1000:
            row = dice.choice(hostile)
            expected.append(None if row.expected == "reject" else True)
            yield row.response, Problem.make(row.name, row.gold, "math"), "stop"
        else:
            left, right = number // 8 % 1000, dice.randrange(9)
            said = left + right + (dice.random() < 0.3)
            expected.append(said == left + right)
            text = f"Adding {left} and {right} gives the sum, number {number}. " * 40
            yield f"{text}\\boxed{{{said}}}", Problem.make(f"{left} + {right}?", str(left + right), "math"), "stop"


def resident_mib(pid):
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except (OSError, ValueError):
        return 0.0


def children(pid):
    """Give the state letters of the child processes."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(fields[0])
    return found


def main(count, per_thousand):
    expected, outcomes, faults = deque(), Counter(), Counter()
    judged, started, mark = 0, time.monotonic(), time.monotonic()
    print(f"{'gradings':>10} {'per second':>10} {'parent MiB':>10}  workers MiB, zombies")
    with VerifierPool(VerifyConfig(deadline_seconds=2, memory_mib=1024)) as pool:
        every = judge_all(pool, items(count, per_thousand, expected))
        step = max(1, count // REPORTS)
        while True:
            before = judged
            for future in itertools.islice(every, step):  # one at a time: what the bench holds would count as the pool's memory
                outcome = future.result().outcome
                outcomes[outcome] += 1
                truth = expected.popleft()
                if outcome == "correct" and truth is not True:
                    faults["accepted"] += 1
                if outcome != "correct" and truth is True:
                    faults["not accepted"] += 1
                judged += 1
            if judged == before:
                break
            memory = ", ".join(f"{resident_mib(pid):.0f}" for pid in pool.worker_pids())
            rate = (judged - before) / (time.monotonic() - mark)
            mark = time.monotonic()
            print(f"{judged:10,} {rate:10,.0f} {resident_mib(os.getpid()):10.0f}  {memory}, {children(os.getpid()).count('Z')}", flush=True)
    print(f"{judged:,} in {time.monotonic() - started:.0f} s: {dict(outcomes)}; faults: {dict(faults) or 'none'}")
    print(f"processes left: {len(children(os.getpid()))}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000_000, float(sys.argv[2]) if len(sys.argv) > 2 else 1.0)
