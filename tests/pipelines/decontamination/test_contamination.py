import random
import re
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.decontamination import SHIPPED, contamination, entries_of, hashes_of, read_benchmark, read_questions
from cotkit.schemas.errors import CotkitError

SHARED = Path(__file__).parents[3] / "../shared/data"
BENCHMARKS = SHARED / "benchmarks"
needs_shared = pytest.mark.skipif(not SHARED.exists(), reason="no ../shared/data beside the checkout")
LONG = (
    "A train leaves the station at 9:15 and travels at 60 miles per hour towards a town that is 210 miles away. "
    "How many minutes after noon does it arrive?"
)
PINNED = ("bebcb89641f283a1", "8d767e0284ae6002", 24, "0c590815ddbd46bc")


def questions(*prompts: str) -> pl.DataFrame:
    return pl.DataFrame({"problem_id": [f"p{number}" for number in range(len(prompts))], "prompt": list(prompts)})


def benchmark(*prompts: str, name: str = "bench") -> pl.DataFrame:
    return entries_of(prompts).select(pl.lit(name).alias("benchmark"), pl.all())


def match(prompt: str, question: str) -> tuple[str, float] | None:
    hits = contamination(questions(prompt), [benchmark(question)])
    return (hits["matcher"][0], hits["score"][0]) if hits.height else None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Compute $1+2+3$.", "compute 1 + 2 + 3"),
        ("What is $\\dfrac{3}{4}$ of $20$?", "What is \\(\\frac{3}{4}\\) of 20?"),
        ("Evaluate $\\frac12 + \\tfrac{1}{3}$.", "Evaluate 1/2+1/3"),
        ("Find $\\left( x+1 \\right)^{2}$", "Find $(x+1)^2$."),
        ("Is $a \\leq b$?", "Is a ≤ b?"),
        ("Find $2 \\cdot 3 \\times 4$", "find 2×3·4"),
        ("Find $\\sin 30^\\circ$", "Find $\\sin 30^{\\circ}$"),
        ("Find $\\sin 30^\\circ$", "Find \\sin 30 degrees"),
        ("Find $\\sin 30^\\circ$", "Find \\sin 30°"),
        ("The area is $\\text{cm}^2$, $x \\ne 0$\\,?", "The area is cm², x ≠ 0?"),
        ("Let $1, 2, \\ldots, 9$ be", "Let $1, 2, \\dots, 9$ be"),
        ("Ｆｉｎｄ  ﬁve", "find five"),
        ("a self-contained proof", "a self contained proof"),
        ("求 1+1 的值。", "求1+1的值"),
    ],
)
def test_spelling_makes_no_difference(one: str, other: str) -> None:
    assert match(one, other) == match(other, one) == ("exact", 1.0)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Solve x + 1 = 2", "Solve x - 1 = 2"),
        ("Solve x + 1 = 2", "Solve x + 1 = 3"),
        ("Find $\\frac{t+1}{t}$", "Find $t+\\frac{1}{t}$"),
        ("Is a < b?", "Is a > b?"),
        ("What is 3 + 4?", "What is 3 + 4, and why is it so?"),
        ("", ""),
        ("$$ ?", ". ,"),
        (
            "Find the smallest positive integer n such that n is a cube.",
            "Find the smallest positive integer n such that 7 divides 3^n + 2n.",
        ),
    ],
)
def test_other_problems_are_no_hits(one: str, other: str) -> None:
    assert match(one, other) is None


@pytest.mark.parametrize("words", [1, 2, 3, 5, 7])
def test_short_questions_are_found_whole(words: int) -> None:
    question = " ".join(["Compute", "the", "sum", "of", "1", "and", "2"][-words:])
    assert match(f"  {question.upper()}?", question) == ("exact", 1.0)


def test_other_numbers_are_found_where_enough_words_are_left() -> None:
    assert match(re.sub("60", "75", re.sub("210", "1,080.5", LONG)), LONG) == ("renumbered", 1.0)
    assert match("What is 3 + 4?", "What is 5 + 6?") is None
    assert match("no number here but words enough to compare them", "no number here but words enough to compare them all") != (
        "renumbered",
        1.0,
    )


def test_a_few_changed_words_are_found_by_what_is_left() -> None:
    matcher, score = match(LONG.replace("town", "city").replace("minutes", "hours"), LONG) or ("", 0)
    assert matcher == "ngram"
    assert 0.2 <= score < 0.5  # enough, as the numbers are the same
    assert match(LONG.replace("town", "city").replace("minutes", "hours").replace("60", "61"), LONG) is None
    assert match(f"Read this carefully before you answer. {LONG} Give only the final number in your reply.", LONG) == ("ngram", 1.0)


def test_figures_are_no_passages_in_common() -> None:
    figure = "[asy] draw((0,0)--(1,1)); label(unitsize, size, pair, dot, grid, axis, ticks, north, south); [/asy]"
    one, other = (f"{figure} {text}" for text in ("What is the area of the shaded square here?", "Which of these is drawn in red ink?"))
    assert match(one, other) is None
    assert match(one, one.upper()) == ("exact", 1.0)


@pytest.mark.parametrize(
    ("matchers", "found"),
    [(["exact"], [0]), (["renumbered"], [1]), (["ngram"], [0, 1, 2]), ([], [])],
    ids=["exact", "renumbered", "ngram", "none"],
)
def test_only_the_wanted_matchers_match(matchers: list, found: list[int]) -> None:
    asked = questions(LONG, LONG.replace("9:15", "9:45"), LONG.replace("arrive", "get there at last"), "What else is there?")
    hits = contamination(asked, [benchmark(LONG)], matchers)
    assert hits["problem_id"].to_list() == [f"p{number}" for number in found]


def test_a_hit_names_row_matcher_score_and_both_texts() -> None:
    hits = contamination(questions("other", LONG), [benchmark("x"), benchmark("y", LONG.lower(), name="second")])
    assert hits.rows(named=True) == [
        {
            "problem_id": "p1",
            "benchmark": "second",
            "row": 2,
            "matcher": "exact",
            "score": 1.0,
            "prompt": LONG,
            "question": LONG.lower(),
        }
    ]


def test_options_count_only_where_the_question_says_too_little() -> None:
    short, long = "Which of these is a prime?", "Which of these numbers is the smallest prime that divides 1001?"
    bench = benchmark(f"{short} 8 7", long)
    rendered = [f"{question}\n\nA. {a}\nB. {b}" for question, a, b in ((short, 8, 7), (short, 9, 5), (long, 7, 11))]
    asked = questions(*rendered).with_columns(options=pl.Series([["8", "7"], ["9", "5"], ["7", "11"]]))
    assert contamination(asked, [bench], ["exact"]).select("problem_id", "row").rows() == [("p0", 1), ("p2", 2)]


def test_nothing_against_nothing_is_nothing() -> None:
    assert contamination(questions("a"), []).height == 0
    assert contamination(questions("a").clear(), [benchmark("a")]).height == 0
    assert contamination(questions("a"), [benchmark("a").clear()]).height == 0


def test_any_number_of_problems_gives_the_hits_of_each() -> None:
    dice = random.Random(4)
    texts = [" ".join(dice.choices("abcdefgh", k=30)) for _ in range(20_000)]
    hits = contamination(questions(*texts), [benchmark(*texts[5::1000])], ["exact", "ngram"])
    assert hits.filter(pl.col("matcher") == "exact")["problem_id"].to_list() == [f"p{number}" for number in range(5, 20_000, 1000)]


def test_hashes_are_the_same_on_every_machine_and_in_every_version() -> None:
    entry = entries_of([LONG]).row(0, named=True)
    assert (f"{entry['exact']:016x}", f"{entry['masked']:016x}", entry["runs"], f"{min(entry['grams']):016x}") == PINNED


def test_hashes_alone_find_what_texts_find(tmp_path: Path) -> None:
    path = tmp_path / "hashes.parquet"
    hashes_of([benchmark("Compute 1+2+3.", LONG, " ".join([LONG] * 4))]).write_parquet(path)
    asked = questions("compute $1+2+3$", LONG.replace("60", "61"), LONG.replace("minutes", "seconds"), "none of them")
    hits = contamination(asked, [read_benchmark(str(path))])
    assert hits.select("problem_id", "row", "matcher").rows()[:3] == [("p0", 1, "exact"), ("p1", 2, "renumbered"), ("p1", 3, "ngram")]
    assert set(hits["problem_id"]) == {"p0", "p1", "p2"}
    assert hits["question"].null_count() == hits.height


ROWS = {"math500": 500, "aime24": 30, "aime25": 30, "theoremqa": 800, "mmlu_pro": 12_032, "gsm8k_test": 1319}


@pytest.mark.parametrize(("name", "rows"), ROWS.items(), ids=ROWS)
def test_shipped_benchmarks_are_whole_and_without_text(name: str, rows: int) -> None:
    entries = read_benchmark(name)
    assert (entries.height, entries["row"].to_list()) == (rows, list(range(1, rows + 1)))
    assert entries["exact"].null_count() == 0
    assert entries["question"].null_count() == rows
    assert set(SHIPPED) == set(ROWS)


def test_a_file_without_questions_names_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "What is 1+1?", "answer": "2"}\n')
    with pytest.raises(CotkitError, match="no column that is a question; columns: text, answer"):
        read_benchmark(str(path))
    with pytest.raises(CotkitError, match="no column 'prompt'; columns: text, answer"):
        read_benchmark(str(path), "prompt")
    assert read_benchmark(str(path), "text")["question"].to_list() == ["What is 1+1?"]


@pytest.mark.parametrize("name", ["math_500", "aime"])
def test_an_unknown_benchmark_names_those_that_ship(name: str) -> None:
    with pytest.raises(CotkitError, match=r"math500, aime24, aime25, theoremqa, mmlu_pro, gsm8k_test"):
        read_benchmark(name)


def test_a_torn_parquet_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "torn.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(CotkitError, match=r"torn\.parquet"):
        read_benchmark(str(tmp_path / "torn.parquet"))


def letters_and_digits(text: str) -> str:
    return re.sub("[^a-z0-9]", "", text.lower())


def deepscaler() -> pl.DataFrame:
    files = [read_questions(BENCHMARKS / f"deepscaler_difficulty_{number}.parquet") for number in range(1, 6)]
    return pl.concat(files).unique("prompt", maintain_order=True)


def limo() -> pl.DataFrame:
    traces = pl.scan_parquet(SHARED / "traces/real_traces.parquet").filter(pl.col("source") == "longcot_example/limo")
    return questions(*traces.select("problem").unique(maintain_order=True).collect()["problem"])


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(
    ("pool", "file", "known", "exact"),
    [(deepscaler, "math500", 7, 7), (deepscaler, "math_test_5000", 62, 66), (limo, "math_test_5000", 11, 14)],
    ids=["deepscaler-math500", "deepscaler-math_test", "limo-math_test"],
)
def test_known_contamination_is_found(pool, file: str, known: int, exact: int) -> None:
    asked, bench = pool(), read_benchmark(str(BENCHMARKS / f"{file}.parquet"))
    keys = set(map(letters_and_digits, bench["question"]))
    same = asked.with_columns(key=pl.col("prompt").map_elements(letters_and_digits, pl.String)).filter(pl.col("key").is_in(keys))
    hits = contamination(asked, [bench])
    assert same["key"].n_unique() == known
    missed = same.filter(~pl.col("problem_id").is_in(hits["problem_id"].implode()))
    assert missed.height <= (known > 60)  # the cosine of 150 and that of -150 degrees are two problems
    assert hits.filter(pl.col("matcher") == "exact")["prompt"].str.to_lowercase().str.replace_all("[^a-z0-9]", "").n_unique() >= exact


@pytest.mark.shared
@needs_shared
def test_shipped_hashes_find_the_math500_problems_of_deepscaler() -> None:
    by_hash, by_text = (
        contamination(deepscaler(), [read_benchmark(name)], ["exact"]) for name in ("math500", str(BENCHMARKS / "math500.parquet"))
    )
    assert by_hash.select("problem_id", "row").equals(by_text.select("problem_id", "row"))
    assert by_hash["row"].n_unique() >= 7


@pytest.mark.shared
@needs_shared
@pytest.mark.parametrize(("changed_words", "recall"), [(0, 1.0), (1, 0.88), (2, 0.78), (3, 0.68)])
def test_planted_paraphrases_are_found(changed_words: int, recall: float) -> None:
    dice = random.Random(changed_words)
    bench = read_benchmark(str(BENCHMARKS / "math_test_5000.parquet"))
    rows = dice.sample(range(bench.height), 500)
    planted = questions(*(paraphrase(bench["question"][row], changed_words, dice) for row in rows))
    hits = contamination(planted, [bench])
    right = {(f"p{place}", row + 1) for place, row in enumerate(rows)}
    assert len(right & set(hits.select("problem_id", "row").rows())) / len(rows) >= recall


def paraphrase(text: str, changed_words: int, dice: random.Random) -> str:
    """Other case, spaces and LaTeX spelling, and so many words of three letters or more replaced."""
    text = text.replace("\\frac", "\\dfrac").replace("\\le ", "\\leq ").replace("\\dots", "\\ldots").replace("$", " $ ").upper()
    text = re.sub(r"\\[A-Z]+", lambda command: command[0].lower(), text)
    words = list(re.finditer(r"(?<![\\A-Za-z])[A-Z]{3,}", text))
    for word in sorted(dice.sample(words, min(changed_words, len(words))), key=lambda word: -word.start()):
        text = text[: word.start()] + dice.choice(["OTHER", "GIVEN", "CERTAIN", "WHOLE", "TOTAL"]) + text[word.end() :]
    return text.replace(" ", "  ")


@pytest.mark.shared
@needs_shared
def test_planted_renumberings_are_found() -> None:
    dice = random.Random(1)
    bench = read_benchmark(str(BENCHMARKS / "gsm8k_test.parquet"))
    planted = questions(*(re.sub(r"\d", lambda _: str(dice.randint(1, 9)), text) for text in bench["question"]))
    hits = contamination(planted, [bench], ["exact", "renumbered"])
    assert len({(f"p{row - 1}", row) for row in bench["row"]} & set(hits.select("problem_id", "row").rows())) / bench.height >= 0.99


@pytest.mark.shared
@needs_shared
def test_false_positives_of_gsm8k_train_against_math_test_are_rare() -> None:
    asked, bench = read_questions(BENCHMARKS / "gsm8k_train.parquet"), read_benchmark(str(BENCHMARKS / "math_test_5000.parquet"))
    hits = contamination(asked, [bench])
    assert hits["problem_id"].n_unique() / asked.height <= 0.001
