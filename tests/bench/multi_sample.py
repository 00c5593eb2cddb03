"""Verify many samples of the same problems in one process, as best-of-N gives them: pairs per CPU second, with cold caches, and again.

    python tests/bench/multi_sample.py TRACES.parquet     (columns problem, gold, kind, final, raw; problems with several rows count)

Judgements on short answers are remembered: a problem's samples have few different ones.
"""

import sys
import time

import polars as pl
from cotkit.pipelines.delimiters import split_reasoning
from cotkit.schemas.problem import Problem
from cotkit.verifiers import judge, verify
from cotkit.verifiers.math import judge_again


def main(traces: str) -> None:
    rows = pl.read_parquet(traces, columns=["problem", "gold", "kind", "final", "raw"]).drop_nulls(["problem", "gold", "kind"])
    rows = rows.filter(pl.len().over("problem", "gold") > 1).sort("problem", "gold")
    problems: dict[tuple, Problem] = {}
    items = []
    for prompt, gold, kind, final, raw in rows.iter_rows():
        if (prompt, gold) not in problems:
            problems[prompt, gold] = Problem.make(prompt, gold, "choice" if kind == "mcq" else "math")
        items.append((final if final is not None else split_reasoning(raw or "").response, problems[prompt, gold]))
    verify(r"so \boxed{\int_0^1 x dx}", gold="2")  # imports are on nobody's account
    judge_again.cache_clear()
    print(f"{len(items):,} samples of {len(problems):,} problems, pairs per CPU-second:", end=" ")
    for title in ("cold", "again"):
        started = time.process_time()
        for response, problem in items:
            judge(response, problem, "stop")
        print(f"{title} {len(items) / (time.process_time() - started):,.0f}", end="; ")
    cache = judge_again.cache_info()
    print(f"{cache.hits:,} judgements remembered, {cache.misses:,} made")


if __name__ == "__main__":
    main(sys.argv[1])
