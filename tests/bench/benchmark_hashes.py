"""Hash benchmarks for decontamination without their texts, as they ship in data/decontamination/hashes.parquet.

python tests/bench/benchmark_hashes.py NAME=FILE … -o OUT.parquet     then: cotkit contamination PROBLEMS --against OUT.parquet

The shipped ones: math500=math500.parquet aime24=aime24.parquet aime25=aime25.parquet theoremqa=theoremqa.parquet
mmlu_pro=mmlu_pro_test.parquet gsm8k_test=gsm8k_test.parquet, the complete test sets of those names.
"""

import sys
from pathlib import Path

import polars as pl
from cotkit.pipelines.decontamination import hashes_of, read_benchmark


def main(words: list[str]) -> None:
    out = Path(words[words.index("-o") + 1])
    named = [word.split("=", 1) for word in words if "=" in word]
    benchmarks = [read_benchmark(file).with_columns(pl.lit(name).alias("benchmark")) for name, file in named]
    hashes = hashes_of(benchmarks)
    hashes.write_parquet(out, row_group_size=2048)
    print(hashes.group_by("benchmark", maintain_order=True).agg(pl.len().alias("rows"), pl.col("grams").list.len().sum().alias("hashes")))
    print(f"{out}: {out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1:])
