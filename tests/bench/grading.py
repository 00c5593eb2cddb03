r"""cotkit and math-verify on the same pairs in one run: pairs per CPU second, median time, accuracy.

    python tests/bench/grading.py FILE [FILE ...] [--rows N] [--pool]

FILE is JSONL, CSV or Parquet with a gold answer and a response in each row, guessed as `cotkit grade` does; a column `expected`
(true or false) gives the accuracy. A file of problems, without responses, makes its own: worked text that ends in a box, every
second one with the gold answer of the row before it. The graders take turns, block by block, in one process; math-verify has
its own time-outs, on the main thread, as its README has it. `--pool` also runs the worker pool over the same pairs.
"""

import argparse
import gc
import logging
import resource
import statistics
import time
import warnings
from pathlib import Path

from cotkit.pipelines.execute.judging import judge_all
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.pipelines.grading import RowReader, choose_columns
from cotkit.pipelines.importing.columns import cell, column_names
from cotkit.pipelines.importing.row_files import stream_blocks
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import VerifyConfig
from cotkit.verifiers import judge

TURN = 50


def read_pairs(path, limit):
    """Give (response, problem, finish reason) and the expected truth, or None, of each row."""
    rows = [row for block in stream_blocks(path) for row in block.rows][:limit]
    try:
        choose_columns(column_names(rows), {}, str(path))
    except CotkitError:
        rows = made_of(rows, path)
    reader = RowReader(column_names(rows), {}, None, str(path))
    return [(reader.item(row), row.get("expected")) for row in rows]


def made_of(problems, path):
    reader = RowReader([*column_names(problems), " response"], {"response": " response"}, None, str(path))
    golds = [reader.problem(row).answer for row in problems]
    texts = [str(cell(row, "solution") or cell(row, "problem") or cell(row, "question") or "").replace("\\boxed", "") for row in problems]
    rows = []
    for place, (gold, text) in enumerate(zip(golds, texts, strict=True)):
        said = golds[place - 1] if place % 2 else gold
        expected = True if said == gold else None if place == 0 else False
        rows.append({"gold": gold, "response": f"{text}\n\nSo the answer is $\\boxed{{{said}}}$.", "expected": expected})
    return rows


def ask_cotkit(item):
    return judge(*item).outcome == "correct"


def ask_math_verify(item):
    from math_verify import parse, verify

    response, problem, _ = item
    return verify(parse(f"\\boxed{{{problem.answer}}}"), parse(response))


GRADERS = {"cotkit": ask_cotkit, "math-verify": ask_math_verify}


def compare(path, pairs, with_pool):
    for grader in GRADERS.values():
        grader(pairs[0][0])  # imports are on nobody's account
    seconds = {name: [] for name in GRADERS}
    said = {name: [] for name in GRADERS}
    gc.disable()
    for start in range(0, len(pairs), TURN):
        for name, grader in GRADERS.items():
            gc.collect()  # between the turns: within one, a grader would clean up after the other
            for item, _ in pairs[start : start + TURN]:
                begun = time.thread_time()  # what waits for its turn on a busy machine takes none of it
                said[name].append(grader(item))
                seconds[name].append(time.thread_time() - begun)
    print(f"\n{path}: {len(pairs)} pairs")
    print(f"{'':12} {'pairs/CPU-s':>12} {'median us':>10} {'max ms':>8}  accuracy  false accepts  false rejects")
    for name, taken in seconds.items():
        speed = len(pairs) / sum(taken)
        print(f"{name:12} {speed:12,.0f} {1e6 * statistics.median(taken):10.1f} {1e3 * max(taken):8.1f}  {scores(pairs, said[name])}")
    gc.enable()
    ratio = sum(seconds["math-verify"]) / sum(seconds["cotkit"])
    unlike = sum(a != b for a, b in zip(*said.values(), strict=True))
    print(f"cotkit is {ratio:.1f} times as fast; the two disagree on {unlike} pairs")
    if with_pool:
        run_pool([item for item, _ in pairs])


def scores(pairs, said):
    labelled = [(expected, answer) for (_, expected), answer in zip(pairs, said, strict=True) if expected is not None]
    if not labelled:
        return "no labels"
    right = sum(expected == answer for expected, answer in labelled)
    accepts, rejects = (sum(answer is wrong and expected is not wrong for expected, answer in labelled) for wrong in (True, False))
    return f"{right / len(labelled):8.4f}  {accepts:13}  {rejects:13}"


def run_pool(items):
    def spent():
        return time.process_time() + sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])

    cpu, wall = spent(), time.monotonic()
    with VerifierPool(VerifyConfig()) as pool:
        for _ in judge_all(pool, items):
            pass
    cpu, wall = spent() - cpu, time.monotonic() - wall
    print(f"pool of {pool.size}: {len(items) / cpu:,.0f} pairs/CPU-s with the start of the workers, {len(items) / wall:,.0f} pairs/s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--pool", action="store_true")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # sympy's, about names that will change
    logging.disable(logging.CRITICAL)  # math-verify logs each time-out
    for file in asked.files:
        compare(file, read_pairs(file, asked.rows), asked.pool)
