r"""Random texts through extraction, the parser and the verifiers: crashes, and time that grows faster than the text.

    python tests/bench/fuzz.py [CPU_MINUTES] [SEED]        (30 and 0)

Texts are made of the pieces that answers are made of, mutated, and repeated to sizes from 100 to 100,000 characters. Each runs
in a worker, so that a hang is found as well. A crash is an outcome `crashed`, or an exception of extraction or parser in this process.
Superlinear is a text that takes extraction or the parser more than `SLOW` times as long as its half, by CPU time; the slowest per
size is listed. Minutes are CPU time of this process and of its worker.
"""

import contextlib
import random
import sys
import time
from collections import Counter

from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.schemas.problem import KINDS, Problem
from cotkit.schemas.recipe import VerifyConfig
from cotkit.verifiers.canonical import canonical
from cotkit.verifiers.extraction import extract
from cotkit.verifiers.latex import read_expression
from cotkit.verifiers.sentences import MAX_ANSWER
from cotkit.verifiers.structure import is_words, read_items

PIECES = tuple(
    piece
    for line in r"""
\boxed{ \fbox{ \boxed \frac{ \dfrac12 \sqrt{ \sqrt[3] \left( \right) \text{ \mathrm{ \begin{pmatrix} \end{pmatrix} \\ & \{ \} { } ( ) [ ]
\pi e i \infty \pm \cup \cap \in \le \ge < > = \neq \approx \cdot \times \div ^ _ ! % ° $ $$ \( \) \[ \] , ; : . | \| + - – − * / // ** ~
\log \ln \sin \cos \tan \binom{ \sum_{ \prod_{ \int_ \lim_ \pmod \mod 0 1 2 7 12 1,000 3.14 .5 1e9 10^ ½ ² √ １７ ∞ 答案是 。 x y n ab
the answer is Answer: **Answer** #### <answer> </answer> either or and not so therefore (A) (B) A. B) option true false yes no even
""".splitlines()
    for piece in line.split(" ")
    if piece
)
SEAMS = ("", "", " ", " ", "\n", "\t", "\u200b", "\u00a0")
SIZES = (100, 1_000, 10_000, 100_000)
GOLDS = (
    "7",
    r"\frac{1}{2}",
    r"\sqrt{2}",
    "(1,2]",
    r"\{1,2\}",
    "x^2+1",
    "x=3",
    r"\begin{pmatrix}1\\2\end{pmatrix}",
    "even",
    "B",
    "12\\%",
    "1,2",
)
SLOW, LEAST_SECONDS = 4.0, 0.02


def text_of(dice, size):
    few = dice.choices(PIECES, k=dice.randint(1, 6 if dice.random() < 0.5 else 60))
    unit = "".join(piece + dice.choice(SEAMS) for piece in few)
    if dice.random() < 0.2:
        place = dice.randrange(len(unit) + 1)
        unit = unit[:place] + chr(dice.choice((0, 32, 92, 123, 0x202E, 0xD800, 0x1F600, dice.randrange(0x3000)))) + unit[place:]
    text = (unit * (size // max(1, len(unit)) + 1))[:size]
    return text if dice.random() < 0.5 else rf"{text} \boxed{{{unit[:size]}}}"


def read(text):
    """Bring a text, as long as an answer may be, to one spelling and parse it, past all that is remembered."""
    spelling = canonical(text[:MAX_ANSWER])
    read_expression.__wrapped__(spelling)
    is_words(spelling)
    read_items(spelling)


def seconds_of(act, text):
    started = time.thread_time()  # CPU time: on a busy machine a text waits for its turn
    act(text)
    return time.thread_time() - started


def is_superlinear(act, text, took):
    """Say whether the whole takes much longer than twice its half, measured again and again so that a busy machine is none."""
    if took < LEAST_SECONDS:
        return False
    text = text[:MAX_ANSWER] if act is read else text
    middle = len(text) // 2
    halves = (text[:middle], text[middle:], text[: middle - 7], text[middle - 7 : -7])  # where a cut falls, a parser may give up at once
    whole, *halved = (min(seconds_of(act, part) for _ in range(3)) for part in (text, *halves))
    return whole > SLOW * max(halved)


class WorkerClock:
    """Adds up the CPU time of a pool's workers, those that are gone included as far as it was seen."""

    def __init__(self, pool):
        self.pool, self.seen = pool, {}

    def seconds(self):
        for pid in self.pool.worker_pids():
            with contextlib.suppress(OSError):  # it has ended meanwhile
                self.seen[pid] = time.clock_gettime(~pid << 3 | 2)  # clock_getcpuclockid(3): the process's CPU clock
        return sum(self.seen.values())


ACTS = {"extract": extract, "read": read}


def main(cpu_minutes, seed):
    dice, tried, outcomes = random.Random(seed), Counter(), Counter()
    slowest = {(what, size): (0.0, "") for what in (*ACTS, "judge") for size in SIZES}
    faults, started = [], time.process_time()
    with VerifierPool(VerifyConfig(workers=1, deadline_seconds=2, memory_mib=1024)) as pool:
        workers = WorkerClock(pool)
        while (spent := time.process_time() - started + workers.seconds()) < 60 * cpu_minutes:
            batch = []
            for _ in range(64):
                size = dice.choice(SIZES)
                text, problem = text_of(dice, size), Problem.make("?", dice.choice(GOLDS), dice.choice(KINDS))
                for name, act in ACTS.items():
                    took = seconds_of(act, text)
                    slowest[name, size] = max(slowest[name, size], (took, text[:100]))
                    if is_superlinear(act, text, took):
                        faults.append((f"superlinear {name}", size, text[:200]))
                batch.append((size, text, problem, pool.submit(text, problem, "stop")))
            for size, text, problem, future in batch:
                outcome = future.result().outcome
                tried[size] += 1
                outcomes[outcome] += 1
                slowest["judge", size] = max(
                    slowest["judge", size], (future.milliseconds / 1000, f"{problem.kind} {problem.answer}: {text[-100:]}")
                )
                if outcome in ("crashed", "timeout", "out_of_memory"):
                    faults.append((f"{outcome} {future.result().decided_by}", size, f"{problem.kind} {problem.answer}: {text[-200:]}"))
    print(f"{tried.total():,} texts in {spent / 60:.1f} CPU minutes, seed {seed}; outcomes: {dict(outcomes)}")
    for (what, size), (took, text) in slowest.items():
        print(f"{what:8} {size:8,} characters ({tried[size]:,}): slowest {1000 * took:8.1f} ms  {text!r}")
    for kind, count in Counter(kind for kind, _, _ in faults).items():
        print(f"{count} x {kind}")
    for kind, size, text in sorted(faults, key=lambda fault: fault[0].startswith("superlinear"))[:40]:
        print(f"  {kind} ({size:,}): {text!r}")
    return 1 if any(not kind.startswith("timeout") for kind, _, _ in faults) else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else 30.0, int(sys.argv[2]) if len(sys.argv) > 2 else 0))
