r"""Silver data from problems of known answers, by a scripted extractor and teacher of known error rates: is what is kept as expected?

    python tests/bench/silver.py MATH_TRAIN.parquet [--extractor 0.8 0.1] [--teacher 0.5 0.1] [-k 2]

The file has `problem`, `solution` and `answer`. `--extractor` gives the shares of solutions whose answer it reads right and wrong (of the
others it says that they are not short); `--teacher` the shares of responses with the right answer, and with the extractor's error. The
expectation is that of docs/silver.md over the problems whose answer can be checked at all.
"""

import argparse
import json
import random
import resource
import tempfile
import time
from pathlib import Path

import polars as pl
from cotkit.pipelines.silver.making import Origin, make_silver
from cotkit.schemas.asking import ModelConfig
from cotkit.schemas.recipe import SampleConfig
from cotkit.schemas.silver import SilverConfig

ERROR, OTHER = "-987654", "-123456"
"""What the extractor says when it errs, and the teacher when it errs in its own way."""


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


def boxed(answer: str) -> str:
    return f"So it is \\boxed{{{answer}}}."


def scripts(rows: list[dict], said: list[str], teacher: list[float], folder: Path) -> tuple[Path, Path]:
    """Write what the extractor and the teacher say of each problem, told by its mark."""
    shares = {1: ERROR, 2: OTHER}
    reads, responds = [], []
    for number, (row, answer) in enumerate(zip(rows, said, strict=True)):
        reads.append({"when": f"[q{number:05}]", "response": boxed(answer)})
        for at, share in enumerate([*teacher, 1 - sum(teacher)]):
            responds.append({"when": f"[q{number:05}]", "response": boxed(shares.get(at, row["answer"])), "weight": share})
    return write_lines(folder / "extractor.jsonl", reads), write_lines(folder / "teacher.jsonl", responds)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("problems", type=Path)
    parser.add_argument("--extractor", type=float, nargs=2, default=[0.8, 0.1])
    parser.add_argument("--teacher", type=float, nargs=2, default=[0.5, 0.1])
    parser.add_argument("-k", type=int, default=2)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    rows, dice = pl.read_parquet(options.problems).head(options.limit or 10**9).to_dicts(), random.Random(0)
    right, wrong = options.extractor
    drawn = dice.choices(["right", "wrong", "none"], [right, wrong, 1 - right - wrong], k=len(rows))
    said = [{"right": row["answer"], "wrong": ERROR, "none": ""}[what] for row, what in zip(rows, drawn, strict=True)]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        pairs = [{"question": f"[q{number:05}] {row['problem']}", "solution": row["solution"]} for number, row in enumerate(rows)]
        extractor, teacher = scripts(rows, said, options.teacher, folder)
        source = write_lines(folder / "pairs.jsonl", pairs)
        sample = SampleConfig(teacher=f"scripted:{teacher}", n=options.k)
        config = SilverConfig(extractor=ModelConfig(teacher=f"scripted:{extractor}"), sample=sample, max_similarity=None)
        started = time.monotonic()
        funnel = make_silver(Origin(str(source)), folder / "out", config)
        seconds = time.monotonic() - started
        candidates = pl.read_parquet(folder / "out" / "run" / "problems.parquet")
        kept = pl.read_parquet(folder / "out" / "problems.parquet")
    wrong_in = (candidates["answer"] == ERROR).sum()
    right_in, wrong_kept = candidates.height - wrong_in, (kept["answer"] == ERROR).sum()
    p, q = (1 - (1 - share) ** options.k for share in options.teacher)
    expected = right_in * p / (right_in * p + wrong_in * q)
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(" → ".join(f"{getattr(funnel, step):,} {step}" for step in ("rows", "pairs", "distinct", "short", "checkable", "kept")))
    print("| | expected | seen |\n|---|--:|--:|")
    for name, count, chance, seen in (("right", right_in, p, kept.height - wrong_kept), ("wrong", wrong_in, q, wrong_kept)):
        spread = (count * chance * (1 - chance)) ** 0.5
        print(f"| {name} answers kept of {count:,} | {count * chance:,.0f} ± {spread:.0f} | {seen:,} |")
    print(f"| precision | {expected:.4f} | {1 - wrong_kept / kept.height:.4f} |")
    print(f"| recall, of all rows | {right_in * p / len(rows):.4f} | {(kept.height - wrong_kept) / len(rows):.4f} |")
    print(f"{seconds:.0f} s, {used.ru_utime + used.ru_stime:.0f} CPU s without the verifiers' workers, {used.ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
