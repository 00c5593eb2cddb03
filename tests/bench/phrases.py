r"""Phrase search: recall against exact similarity on a planted corpus, speed per CPU-minute, memory over a corpus that is repeated.

    python tests/bench/phrases.py TEXTS.parquet COLUMN [--gigabytes 1 2]

TEXTS is repeated until the corpus has the size; a planted sentence stands in one of 200 texts. Prints a Markdown table; each size is
searched in a process of its own, whose CPU time and peak memory are what is reported.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl
from cotkit.pipelines.phrases.matching import PhraseMatcher, load_phrases, plain
from cotkit.schemas.phrases import PhrasesConfig

CHILD = """
import json, resource, sys, time
from pathlib import Path
from cotkit.pipelines.phrases import search_phrases
from cotkit.schemas.phrases import PhrasesConfig

done = search_phrases(Path(sys.argv[1]), Path(sys.argv[2]), PhrasesConfig(), workers=1)
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps({"bytes": done.bytes, "hits": done.hits, "cpu": used.ru_utime + used.ru_stime, "mib": used.ru_maxrss / 1024}))
"""


def runs(text: str) -> set[tuple[str, ...]]:
    words = "".join(c if c.isalnum() else " " for c in plain(pl.Series([text]))[0]).split()
    return {tuple(words[at : at + 3]) for at in range(max(1, len(words) - 2))}


def altered(phrase: str, dice: random.Random) -> str:
    words = phrase.rstrip(".?").split()
    for _ in range(dice.randrange(4)):
        words[dice.randrange(len(words))] = dice.choice(["seven", "green", "tomorrow"])
    return " ".join([*dice.choice([[], ["well,"], ["and", "so"]]), *words, *dice.choice([[], ["today"]])]) + "."


def recall(phrases: list[str], background: list[str]) -> str:
    dice = random.Random(3)
    planted = [altered(phrase, dice) for phrase in phrases for _ in range(100)]
    texts = pl.Series([f"{dice.choice(background)}\n{sentence}\n{dice.choice(background)}" for sentence in planted])
    hits = PhraseMatcher(phrases, PhrasesConfig()).hits(texts)
    found = {(row, phrase) for row, phrase in hits.select("row", "phrase").iter_rows()}
    sets = [runs(phrase) for phrase in phrases]
    lines = []
    exact = [(row, at, len(own & of) / len(own | of)) for row, own in enumerate(map(runs, planted)) for at, of in enumerate(sets)]
    for low, high in ((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (0.6, 0.8), (0.8, 1.01)):
        band = [(row, phrases[at]) for row, at, similarity in exact if low <= similarity < high]
        lines.append(f"| {low} to {min(high, 1.0)} | {len(band):,} | {100 * len(found & set(band)) / max(1, len(band)):.1f} % |")
    return "\n".join(["| exact Jaccard | planted pairs | found |", "|---|--:|--:|", *lines])


def write_corpus(texts: pl.Series, gigabytes: float, folder: Path, phrases: list[str]) -> None:
    import pyarrow.parquet as pq

    dice = random.Random(0)
    with_planted = [f"{text}\n{altered(dice.choice(phrases), dice)}" if at % 200 == 0 else text for at, text in enumerate(texts)]
    table = pl.DataFrame({"text": with_planted}).to_arrow()
    size = texts.str.len_bytes().sum()
    with pq.ParquetWriter(folder / "corpus.parquet", table.schema, compression="zstd", compression_level=1) as writer:
        for _ in range(max(1, round(gigabytes * 1e9 / size))):
            writer.write_table(table, row_group_size=20_000)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("texts", type=Path)
    parser.add_argument("column")
    parser.add_argument("--gigabytes", type=float, nargs="+", default=[0.25, 0.5, 1.0])
    options = parser.parse_args()
    texts, phrases = pl.read_parquet(options.texts)[options.column].drop_nulls(), load_phrases("aha")
    print(recall(phrases, texts.head(500).to_list()))
    print("\n| GB of text | hits | CPU s | GB per CPU-minute | peak MiB |\n|--:|--:|--:|--:|--:|")
    for gigabytes in options.gigabytes:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "corpus"
            folder.mkdir()
            write_corpus(texts, gigabytes, folder, phrases)
            answer = subprocess.run(
                [sys.executable, "-c", CHILD, str(folder), scratch + "/out"], capture_output=True, text=True, check=True
            )
            said = json.loads(answer.stdout)
            speed = said["bytes"] / 1e9 / (said["cpu"] / 60)
            print(f"| {said['bytes'] / 1e9:.2f} | {said['hits']:,} | {said['cpu']:.1f} | {speed:.2f} | {said['mib']:.0f} |", flush=True)


if __name__ == "__main__":
    main()
