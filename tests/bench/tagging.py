"""Tagging on real text: counts, loops, the whole step, from memory and from Parquet to Parquet, against plain `re` and DuckDB.

    python tests/bench/tagging.py TRACES.parquet [--megabytes 40]      (column raw)

Each figure is MB of UTF-8 per CPU-second of this process, the better of two rounds; ratios are of figures of one run. DuckDB takes
part where it is installed.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import polars as pl
from cotkit.pipelines.lexicon import fold, load_lexicon, load_lexicons
from cotkit.pipelines.tagging import _tag, repetition
from cotkit.pipelines.tagging.behaviours import behaviour_counts
from cotkit.schemas.recipe import TagConfig

EVERYTHING = TagConfig()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", type=Path)
    parser.add_argument("--megabytes", type=int, default=40)
    asked = parser.parse_args()
    raw = pl.read_parquet(asked.traces, columns=["raw"])["raw"].sample(fraction=1.0, shuffle=True, seed=1)
    texts = raw.filter(raw.str.len_bytes().cum_sum() <= asked.megabytes * 1_000_000).rechunk()
    data = texts.cast(pl.Binary).to_list()
    size = sum(map(len, data))
    print(f"{len(data)} responses, {size / 1e6:.0f} MB, {(texts.str.len_bytes() > texts.str.len_chars()).mean():.0%} of them not ASCII")
    demystify, all_lexicons = load_lexicons(["demystify"]), load_lexicons(EVERYTHING.lexicons)
    rows = pl.DataFrame({"row": range(len(data)), "bytes": texts.str.len_bytes().cast(pl.Int64), "tokens": [1000] * len(data)})
    few = texts.head(len(texts) // 20)
    rates: dict[str, float] = {}

    def measure(name: str, work: Callable[[], object], bytes_read: int = size) -> None:
        rates[name] = max(bytes_read / 1e6 / cpu_seconds(work) for _ in range(2))
        print(f"{name:<52} {rates[name]:8.1f} MB/CPU-s", flush=True)

    measure("demystify: total count", lambda: count(texts, demystify))
    measure("demystify: counts, places and curves", lambda: behaviour_counts(rows, folded(texts), demystify))
    measure("all lexicons: counts, places and curves", lambda: behaviour_counts(rows, folded(texts), all_lexicons))
    measure("loops: repeated 40-grams", lambda: repetition.repeated_shares(data))
    measure("loops: texts without a repeated one", unlooped(data))
    measure("zlib level 1", lambda: [zlib.compress(each, 1) for each in data])
    expression = plain("demystify")
    measure("demystify: counts by plain re", lambda: [sum(1 for _ in expression.finditer(text)) for text in few], few.str.len_bytes().sum())
    with tempfile.TemporaryDirectory() as folder:
        samples = pl.DataFrame({"sample_id": [str(row) for row in range(len(data))], "reasoning": None, "response": texts})
        samples = samples.with_columns(pl.col("reasoning").cast(pl.String), pl.lit(None, pl.Int64).alias("completion_tokens"))
        samples.write_parquet(f"{folder}/in.parquet", row_group_size=1024)
        measure("Parquet to Parquet: demystify alone", lambda: parquet(folder, demystify, []))
        measure("Parquet to Parquet: all lexicons", lambda: parquet(folder, all_lexicons, []))
        measure("Parquet to Parquet: the whole step", lambda: parquet(folder, all_lexicons, EVERYTHING.measures))
    ours = rates["demystify: counts, places and curves"]
    print(f"counts against plain re: {ours / rates['demystify: counts by plain re']:.0f} x")
    against_duckdb(texts, size, rates)


def cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def folded(texts: pl.Series) -> pl.Series:
    return pl.Series([fold(each) for each in texts.cast(pl.Binary)], dtype=pl.Binary).cast(pl.String)


def count(texts: pl.Series, lexicons: list) -> list[int]:
    """Count all matches of each lexicon together, which is all that DuckDB is asked for."""
    lowered = folded(texts)
    return [lowered.str.count_matches(lexicon.expression()).sum() for lexicon in lexicons]


def unlooped(data: list[bytes]) -> Callable[[], object]:
    texts = [each for each, share in zip(data, repetition.repeated_shares(data), strict=True) if share == 0]
    # as many bytes as the others, so that one size serves all
    short = sum(map(len, data)) - sum(map(len, texts))
    while short > 0:
        texts.append(texts[len(texts) % 97])
        short -= len(texts[-1])
    return lambda: repetition.repeated_shares(texts)


def plain(name: str) -> re.Pattern[str]:
    patterns = "|".join(f"(?:{pattern})" for _, pattern in load_lexicon(name).patterns())
    return re.compile(rf"(?:(?<!\w)|(?!\w))(?:{patterns})(?:(?<!\w)|(?!\w))", re.ASCII | re.IGNORECASE)


def parquet(folder: str, lexicons: list, measures: list[str]) -> None:
    _tag(pl.read_parquet(f"{folder}/in.parquet"), lexicons, measures).write_parquet(f"{folder}/out.parquet", row_group_size=1024)


def against_duckdb(texts: pl.Series, size: int, rates: dict[str, float]) -> None:
    try:
        import duckdb
    except ImportError:
        print("DuckDB is not installed: no comparison")
        return
    patterns = "|".join(pattern for _, pattern in load_lexicon("demystify").patterns())
    connection = duckdb.connect(config={"threads": 1})
    frame = texts.alias("raw").to_frame().to_arrow()
    connection.register("frame", frame)
    connection.execute("create table traces as select raw from frame")
    query = rf"select sum(len(regexp_extract_all(raw, '\b(?:{patterns})', 0, 'i'))) from traces"
    theirs = max(size / 1e6 / cpu_seconds(lambda: connection.execute(query).fetchall()) for _ in range(2))
    print(f"{'demystify: total count by DuckDB':<52} {theirs:8.1f} MB/CPU-s")
    print(f"total count against DuckDB: {rates['demystify: total count'] / theirs:.1f} x")


if __name__ == "__main__":
    main()
