"""Tagging on real text: counts, loops, the whole step, from memory and from Parquet to Parquet, against plain `re` and DuckDB.

    python tests/bench/tagging.py TRACES.parquet [--megabytes 40]      (column raw)

Each figure is MB of UTF-8 per CPU-second of this process, the best of three rounds that take turns; `x zlib` is its ratio to zlib
level 1 on the same texts in the same run, which is what to compare between machines. DuckDB takes part where it is installed.
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
from cotkit.pipelines.lexicon import Lexicon, find_matches, load_lexicon, load_lexicons, utf8, utf8_of
from cotkit.pipelines.lexicon.matching import fold, search
from cotkit.pipelines.tagging import _tag, repetition
from cotkit.pipelines.tagging.behaviours import behaviour_counts
from cotkit.schemas.recipe import TagConfig

EVERYTHING = TagConfig()
ROUNDS = 3
Works = dict[str, tuple[Callable[[], object], int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", type=Path)
    parser.add_argument("--megabytes", type=int, default=40)
    asked = parser.parse_args()
    raw = pl.read_parquet(asked.traces, columns=["raw"])["raw"].sample(fraction=1.0, shuffle=True, seed=1)
    texts = raw.filter(raw.str.len_bytes().cum_sum() <= asked.megabytes * 1_000_000).rechunk()
    size = int(texts.str.len_bytes().sum())
    print(f"{len(texts)} responses, {size / 1e6:.0f} MB, {(texts.str.len_bytes() > texts.str.len_chars()).mean():.0%} of them not ASCII")
    utf8.LEAST_BYTES = 0  # compiled from the first round on
    with tempfile.TemporaryDirectory() as folder:
        rates = measured(searches(texts, size) | references(texts) | whole_steps(texts, size, folder) | by_duckdb(texts, size))
    for ours, theirs in (
        ("demystify: counts, places, curves", "demystify: counts by plain re"),
        ("all lexicons: counts, places, curves", "all lexicons: counts by plain re"),
        ("demystify: matches with places", "demystify: total count by DuckDB"),
        ("reflection: matches with places", "reflection: total count by DuckDB"),
    ):
        if theirs in rates:
            print(f"{ours} / {theirs.partition(': ')[2]}: {rates[ours] / rates[theirs]:.1f} x")


def searches(texts: pl.Series, size: int) -> Works:
    lexicons = {"demystify": load_lexicons(["demystify"]), "reflection": load_lexicons(["reflection"])}
    lexicons["all lexicons"] = load_lexicons(EVERYTHING.lexicons)
    rows = pl.DataFrame({"row": range(len(texts)), "bytes": texts.str.len_bytes().cast(pl.Int64), "tokens": [1000] * len(texts)})
    data = texts.cast(pl.Binary).to_list()
    calm = texts.filter(pl.Series(repetition.repeated_shares(texts)) == 0)
    works: Works = {"zlib level 1": (lambda: [zlib.compress(each, 1) for each in data], size)}
    for name, own in lexicons.items():
        works[f"{name}: matches with places"] = (lambda own=own: find_matches(texts, own), size)
        works[f"{name}: counts, places, curves"] = (lambda own=own: behaviour_counts(rows, texts, own), size)
    everything = lexicons["all lexicons"]
    works["all lexicons: places by polars' engine"] = (lambda: [search(fold(utf8_of(texts)), one) for one in everything], size)
    works["loops: repeated 40-grams"] = (lambda: repetition.repeated_shares(texts), size)
    works["loops: texts without a repeated one"] = (lambda: repetition.repeated_shares(calm), int(calm.str.len_bytes().sum()))
    works["loops: by numpy alone"] = (lambda: repetition.shares_of(data), size)
    return works


def references(texts: pl.Series) -> Works:
    works: Works = {}
    for name, names, share in (("demystify", ["demystify"], 20), ("all lexicons", EVERYTHING.lexicons, 100)):
        few = texts.head(len(texts) // share)
        expressions = [plain(load_lexicon(one)) for one in names]
        works[f"{name}: counts by plain re"] = (
            lambda few=few, expressions=expressions: [sum(1 for _ in one.finditer(text)) for one in expressions for text in few],
            int(few.str.len_bytes().sum()),
        )
    return works


def plain(lexicon: Lexicon) -> re.Pattern[str]:
    patterns = "|".join(f"(?:{pattern})" for _, pattern in lexicon.patterns())
    return re.compile(rf"(?:(?<!\w)|(?!\w))(?:{patterns})(?:(?<!\w)|(?!\w))", re.ASCII | re.IGNORECASE)


def whole_steps(texts: pl.Series, size: int, folder: str) -> Works:
    samples = pl.DataFrame({"sample_id": [str(row) for row in range(len(texts))], "reasoning": None, "response": texts})
    samples = samples.with_columns(pl.col("reasoning").cast(pl.String), pl.lit(None, pl.Int64).alias("completion_tokens"))
    samples.write_parquet(f"{folder}/in.parquet", row_group_size=1024)
    demystify, everything = load_lexicons(["demystify"]), load_lexicons(EVERYTHING.lexicons)

    def through(lexicons: list[Lexicon], measures: list[str]) -> None:
        _tag(pl.read_parquet(f"{folder}/in.parquet"), lexicons, measures).write_parquet(f"{folder}/out.parquet", row_group_size=1024)

    return {
        "Parquet: read alone": (lambda: pl.read_parquet(f"{folder}/in.parquet"), size),
        "Parquet to Parquet: demystify": (lambda: through(demystify, []), size),
        "Parquet to Parquet: demystify and loops": (lambda: through(demystify, ["repetition"]), size),
        "Parquet to Parquet: all lexicons": (lambda: through(everything, []), size),
        "Parquet to Parquet: the whole step": (lambda: through(everything, list(EVERYTHING.measures)), size),
    }


def by_duckdb(texts: pl.Series, size: int) -> Works:
    try:
        import duckdb
    except ImportError:
        print("DuckDB is not installed: no comparison")
        return {}
    connection = duckdb.connect(config={"threads": 1})
    connection.register("frame", texts.alias("raw").to_frame().to_arrow())
    connection.execute("create table traces as select raw from frame")
    works: Works = {}
    for name in ("demystify", "reflection"):
        patterns = "|".join(f"(?:{pattern})" for _, pattern in load_lexicon(name).patterns()).replace("'", "''")
        query = rf"select sum(len(regexp_extract_all(raw, '\b(?:{patterns})', 0, 'i'))) from traces"
        works[f"{name}: total count by DuckDB"] = (lambda query=query: connection.execute(query).fetchall(), size)
    return works


def measured(works: Works) -> dict[str, float]:
    rates = dict.fromkeys(works, 0.0)
    for _ in range(ROUNDS):
        for name, (work, size) in works.items():
            started = time.process_time()
            work()
            rates[name] = max(rates[name], size / 1e6 / (time.process_time() - started))
    for name, rate in rates.items():
        print(f"{name:<48} {rate:8.1f} MB/CPU-s   {rate / rates['zlib level 1']:6.2f} x zlib", flush=True)
    return rates


if __name__ == "__main__":
    main()
