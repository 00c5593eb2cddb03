"""MinHash against datasketch, and 8-gram decontamination against a Python set, on the same texts in one run, per CPU second.

python tests/bench/similarity.py TEXTS.parquet:COLUMN QUESTIONS.parquet:COLUMN BENCHMARK.parquet      (a sample of each is taken)
"""

import re
import sys
import time
from collections.abc import Callable

import numpy as np
import polars as pl
from cotkit.pipelines.decontamination import contamination, read_benchmark
from cotkit.pipelines.similarity import pack, signatures
from cotkit.pipelines.similarity.duplicates import duplicates
from datasketch import MinHash

ROUNDS = 3
SHINGLE, GRAM = 5, 8


def fastest(work: Callable[[], object]) -> float:
    """CPU seconds of all threads, the least of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        seconds.append(time.process_time() - started)
    return min(seconds)


def of_datasketch(texts: list[str], batched: bool) -> None:
    for text in texts:
        words, sketch = text.lower().split(), MinHash(128)
        shingles = {" ".join(words[at : at + SHINGLE]).encode() for at in range(max(1, len(words) - SHINGLE + 1))}
        if batched:
            sketch.update_batch(list(shingles))
        else:
            for shingle in shingles:
                sketch.update(shingle)


def of_a_set(questions: list[str], known: set[str]) -> int:
    """What open-r1 and s1 do: lower case, split, any shared 8-gram; here every gram is looked up, as a score needs them all."""
    found = 0
    for question in questions:
        words = re.sub(r"[^\w\s]", " ", question.lower()).split()
        found += sum(" ".join(words[at : at + GRAM]) in known for at in range(len(words) - GRAM + 1)) > 0
    return found


def column(source: str, rows: int) -> pl.Series:
    path, _, name = source.partition(":")
    texts = pl.read_parquet(path, columns=[name]).to_series().drop_nulls()
    return texts.sample(min(rows, len(texts)), seed=0)


def main(texts_of: str, questions_of: str, benchmark: str) -> None:
    texts = column(texts_of, 4000)
    megabytes, some = texts.str.len_bytes().sum() / 1e6, texts.head(400)
    share = some.str.len_bytes().sum() / 1e6
    ours = megabytes / fastest(lambda: signatures(texts))
    update, batch = (share / fastest(lambda b=b: of_datasketch(some.to_list(), b)) for b in (False, True))
    print(f"MinHash, 128 slots, {SHINGLE}-word shingles, {len(texts):,} texts, {megabytes:.1f} MB, MB per CPU second")
    print(f"  cotkit {ours:.1f}   datasketch update_batch {batch:.2f} ({ours / batch:.0f}x)   update {update:.2f} ({ours / update:.0f}x)")
    packed = pack(signatures(texts))
    print(f"  near duplicates of {len(texts):,} signatures: {1e6 * fastest(lambda: duplicates(packed, 0.8)) / len(texts):.0f} µs each")

    questions = column(questions_of, 40_000)
    asked = pl.DataFrame({"problem_id": np.arange(len(questions)).astype(str), "prompt": questions})
    entries = read_benchmark(benchmark)
    lists = [re.sub(r"[^\w\s]", " ", (text or "").lower()).split() for text in entries["question"]]
    known = {" ".join(words[at : at + GRAM]) for words in lists for at in range(len(words) - GRAM + 1)}
    plain = fastest(lambda: of_a_set(questions.to_list(), known))
    print(f"8-grams of {len(questions):,} questions against {entries.height:,}, with scores, CPU seconds")
    for name, matchers in (("ngram", ["ngram"]), ("all matchers", ["exact", "renumbered", "ngram"])):
        seconds = fastest(lambda m=matchers: contamination(asked, [entries], m))
        print(f"  {name}: cotkit {seconds:.2f}   Python set {plain:.2f} ({plain / seconds:.1f}x)")


if __name__ == "__main__":
    main(*sys.argv[1:])
