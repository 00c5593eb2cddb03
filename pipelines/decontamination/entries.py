"""Questions as rows of hashes: of a benchmark file, of a problem set, or of the benchmarks whose hashes ship (no text).

An entry is {"row": 17, "question": "…" or null, "exact": 0x…, "masked": 0x… or null, "numbers": 0x… or null, "runs": 31, "grams":
[0x…, …]}: the first three are 64 bits of BLAKE2b, of the whole, of the whole with a mark for numbers, and of the numbers in ascending
order where there are two or more; `grams` the distinct hashes of runs of 8 words outside figures (`[asy]` code is alike in unlike
problems). A file of hashes keeps only the 28 smallest of a longer question: they are a fair sample, so the share of them that
another text has estimates the share of all, to 0.1.

    python tests/bench/benchmark_hashes.py math500=math500.parquet … -o hashes.parquet     makes such a file of your own benchmarks
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...data import data_file
from ...schemas.errors import CotkitError
from ..importing.columns import GUESSES, cell, column_names
from ..importing.options import LETTERS, read_options
from ..importing.problems import clean, last_user_turn
from ..importing.reading import read_rows
from ..similarity import Shingles, canonical, characters_of, shingles, words_of
from ..similarity.words import DIGIT, LETTER

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

GRAM_WORDS = 8
MIN_MASKED_WORDS = 8
"""Words besides numbers and operators that a masked question must have left."""
MIN_OWN_WORDS = 8
"""A multiple-choice question of fewer words ("Which of these is true?") is compared together with its options."""
SHIPPED: dict[str, str] = {
    "math500": "MATH-500",
    "aime24": "AIME 2024 I and II",
    "aime25": "AIME 2025 I and II",
    "theoremqa": "TheoremQA",
    "mmlu_pro": "MMLU-Pro test",
    "gsm8k_test": "GSM8K test",
}
HASHES = "hashes.parquet"
SAMPLED_RUNS = 28
MIN_NUMBERS = 2
COLUMNS = ["benchmark", "row", "question", "exact", "masked", "numbers", "runs", "grams"]
FIGURE = r"(?s)\[asy\].*?\[/asy\]"
ROWS_AT_ONCE = 8192


def entries_of(questions: Sequence[str] | pl.Series) -> pl.DataFrame:
    """Hash questions: an entry each, in their order."""
    import polars as pl

    texts = pl.Series("question", questions, pl.String) if not isinstance(questions, pl.Series) else questions.rename("question")
    parts = [_entries(texts.slice(start, ROWS_AT_ONCE)) for start in range(0, max(len(texts), 1), ROWS_AT_ONCE)]
    return pl.concat(parts).with_row_index("row", 1)


def _entries(texts: pl.Series) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    same = canonical(texts)
    runs, long_enough = runs_of(same)
    flat = pl.DataFrame({"text": np.repeat(np.arange(len(texts)), np.diff(runs.bounds)), "gram": runs.hashes})
    grams = flat.unique(maintain_order=True).group_by("text", maintain_order=True).agg("gram")["gram"]
    frame = whole_hashes(same).with_columns(texts.alias("question"), numbers_of(same), grams.alias("grams"), pl.Series("long", long_enough))
    grams = pl.when("long").then("grams").otherwise(pl.lit([], pl.List(pl.UInt64)))
    return frame.select("question", "exact", "masked", "numbers", grams.list.len().alias("runs"), grams.alias("grams"))


def runs_of(same: pl.Series) -> tuple[Shingles, npt.NDArray[np.bool_]]:
    """Hash the runs of 8 words of canonical texts, and say which texts have as many words."""
    import numpy as np

    words = words_of(_prose(same))
    return shingles(words, GRAM_WORDS), np.diff(words.bounds) >= GRAM_WORDS


def numbers_of(same: pl.Series) -> pl.Series:
    """Hash the numbers of canonical texts, in ascending order; null where there are too few to tell one problem from another."""
    import polars as pl

    found = _prose(same).str.extract_all("(?-u)[0-9]+").to_list()
    hashes = [_hash(" ".join(sorted(numbers)).encode()) if len(numbers) >= MIN_NUMBERS else None for numbers in found]
    return pl.Series("numbers", hashes, pl.UInt64)


def whole_hashes(same: pl.Series) -> pl.DataFrame:
    """Hash whole canonical texts: columns exact (null without a word) and masked (null where the mask leaves too little)."""
    import numpy as np
    import polars as pl

    given, words = characters_of(same), words_of(_prose(same))
    lettered = np.diff(np.concatenate(([0], np.cumsum(words.kinds == LETTER)))[words.bounds])
    digit = given.kinds == DIGIT
    again = digit.copy()
    again[1:] &= digit[:-1]
    again[given.bounds[:-1][np.diff(given.bounds) > 0]] = False
    marked = np.where(digit, np.uint8(ord("#")), given.characters)[~again].tobytes()
    ends = np.concatenate(([0], np.cumsum(~again)))[given.bounds]
    numbered = np.diff(np.concatenate(([0], np.cumsum(digit)))[given.bounds]) > 0
    maskable = pl.Series((lettered >= MIN_MASKED_WORDS) & numbered)
    hashes = pl.DataFrame({"exact": _hashes(given.characters.tobytes(), given.bounds), "masked": _hashes(marked, ends)})
    return hashes.select(pl.when(pl.col("exact") != _hash(b"")).then("exact"), pl.when(maskable).then("masked"))


def _prose(same: pl.Series) -> pl.Series:
    return same.str.replace_all(FIGURE, " ")


def _hashes(data: bytes, bounds: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    import numpy as np

    places = bounds.tolist()
    return np.array([_hash(data[start:end]) for start, end in pairwise(places)], np.uint64)


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")


def read_benchmark(name: str, column: str | None = None) -> pl.DataFrame:
    """Read a benchmark as entries with its name: a shipped one, a file of hashes, or any file with a column of questions.

    Raises CotkitError when `name` is none of these, and, naming the columns, when no column is the question.
    """
    import polars as pl

    path = Path(name)
    if name in SHIPPED:
        return _hashed(data_file("decontamination", HASHES)).filter(pl.col("benchmark") == name)
    if not path.exists() and not path.suffix and path.name == name:
        raise CotkitError(f"no benchmark {name!r}", f"name a file, or one that ships: {', '.join(SHIPPED)}")
    if path.suffix == ".parquet" and path.is_file() and is_hashed(path):
        return _hashed(path)
    entries = entries_of(read_questions(path, column)["prompt"])
    return entries.select(pl.lit(path.name.split(".")[0]).alias("benchmark"), pl.all()).select(COLUMNS)


def is_hashed(path: Path) -> bool:
    """Say whether a Parquet file is one of hashes."""
    import polars as pl

    try:
        return set(COLUMNS) - {"question"} == set(pl.read_parquet_schema(path))
    except (pl.exceptions.PolarsError, OSError):
        return False  # reading its rows says what is wrong with it


def hashes_of(benchmarks: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Give the entries of benchmarks without their texts, longer questions by a sample of their runs."""
    import polars as pl

    sampled = pl.col("grams").list.sort().list.head(SAMPLED_RUNS)
    return pl.concat(benchmarks).select(pl.exclude("question", "grams"), sampled)


def _hashed(path: Path) -> pl.DataFrame:
    import polars as pl

    return pl.read_parquet(path).with_columns(pl.lit(None, pl.String).alias("question")).select(COLUMNS)


def read_questions(path: Path, column: str | None = None) -> pl.DataFrame:
    """Read the questions of a run, or of any file: columns problem_id (the row's own, else `row 17`) and prompt."""
    import polars as pl

    rows = read_rows(path / "problems.parquet" if path.is_dir() else path)
    names = column_names(rows)
    folded = {name.lower(): name for name in reversed(names)}
    chosen = column or next((folded[guess] for guess in GUESSES["prompt"] if guess in folded), None)
    if chosen is None or chosen not in names:
        wrong = f"no column {column!r}" if column else "no column that is a question"
        listed = ", ".join(name for name in names if "." not in name)
        raise CotkitError(f"{path}: {wrong}; columns: {listed}", "name the column of the questions with --column NAME")
    options = next((folded[guess] for guess in GUESSES["options"] if guess in folded), None)
    ids = [str(row.get("problem_id") or f"row {number}") for number, row in enumerate(rows, 1)]
    texts = [question_text(clean(last_user_turn(cell(row, chosen))), cell(row, options)) for row in rows]
    return pl.DataFrame({"problem_id": ids, "prompt": texts}, schema={"problem_id": pl.String, "prompt": pl.String})


def question_text(prompt: str, options: Any) -> str:
    r"""Give the text by which a question is compared: without its options, unless it says too little without them.

    >>> question_text("Which of these is a prime?\n\nA. 8\nB. 7", ["8", "7"])
    'Which of these is a prime? 8 7'
    """
    given = read_options(options)
    if given is None:
        return prompt
    rendered = "\n".join(["", "", *(f"{letter}. {text}" for letter, text in zip(LETTERS, given.texts, strict=False))])
    bare = prompt.removesuffix(rendered)
    return bare if len(bare.split()) >= MIN_OWN_WORDS else " ".join([bare, *given.texts])
