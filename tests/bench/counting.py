"""Tokens of long rows counted by words against every row encoded from start to end: rows per CPU second, and whether both agree.

    python tests/bench/counting.py tokenizer.json TRACES.parquet [--column reasoning --count 200]

A: the tokenizer encodes each row. B: by words, with none known yet. C: the same rows again, with their words known.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import polars as pl
from cotkit.pipelines.rendering.counting import WordCounter, counted_whole
from tokenizers import Tokenizer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tokenizer", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--column", default="reasoning")
    parser.add_argument("--count", type=int, default=200)
    asked = parser.parse_args()
    long = pl.col(asked.column).str.len_bytes().is_between(10_000, 40_000)
    texts = pl.scan_parquet(asked.rows).filter(long).select(asked.column).head(asked.count).collect().to_series().to_list()
    tokenizer = Tokenizer.from_file(str(asked.tokenizer))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    counter = WordCounter.of(tokenizer, asked.tokenizer)
    assert counter is not None, "words cannot be told apart for this tokenizer"
    whole, a = timed(partial(counted_whole, tokenizer, texts))
    print(f"{len(texts)} rows, {sum(whole) // len(texts):,} tokens each\nA encoded whole   {len(texts) / a:8,.0f} rows per CPU-s")
    for name in ("B by words", "C words known"):
        counts, seconds = timed(partial(counter.count, texts))
        assert counts == whole
        print(f"{name:17} {len(texts) / seconds:8,.0f} rows per CPU-s, {a / seconds:.1f} times A")


def timed(work: Callable[[], list[int]]) -> tuple[list[int], float]:
    started = time.process_time()
    return work(), time.process_time() - started


if __name__ == "__main__":
    main()
