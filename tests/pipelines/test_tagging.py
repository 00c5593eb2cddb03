"""Tagging: counts and positions against a slow oracle in `re`, token and script rules, odd texts, and a run's shards."""

import random
import re
import zlib
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.execute.stages import Computed
from cotkit.pipelines.lexicon import Behaviour, Lexicon, load_lexicon
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.tagging import BATCH_BYTES, BATCH_ROWS, tag, tag_run
from cotkit.pipelines.tagging.repetition import WINDOW, repeated_shares
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, TagConfig
from cotkit.schemas.sample import Sample
from cotkit.schemas.tags import Tags
from hypothesis import given, settings
from hypothesis import strategies as st

TRACES = Path(__file__).parents[3] / "shared/data/traces/real_traces.parquet"
LEXICONS = {name: load_lexicon(name) for name in TagConfig().lexicons}
KEYWORDS = TagConfig(lexicons=["demystify"])
OWN = """
name = "own"
version = 1
description = "For a test."
language = "en"
[[behaviour]]
name = "stop"
description = "Stops."
patterns = ['stop']
examples = ["Stop!"]
counterexamples = ["unstoppable"]
"""


def frame(*texts: tuple[str | None, str], tokens: list[int | None] | None = None) -> pl.DataFrame:
    given_tokens = tokens or [None] * len(texts)
    rows = [
        Sample(
            sample_id=f"s{row}",
            problem_id="p",
            index=row,
            reasoning=reasoning,
            response=response,
            delimiter="none",
            finish_reason="stop",
            prompt_tokens=None,
            completion_tokens=given_tokens[row],
            seed=None,
            seconds=None,
            teacher="scripted",
            teacher_fingerprint="t",
            parameters="{}",
            prompt_hash="h",
        ).model_dump()
        for row, (reasoning, response) in enumerate(texts)
    ]
    return pl.DataFrame(rows, schema=Sample.polars_schema())


def tag_one(reasoning: str | None, response: str, tokens: int | None = None) -> dict:
    return tag(frame((reasoning, response), tokens=[tokens]), KEYWORDS).row(0, named=True)


def counts(row: dict, lexicon: str = "demystify") -> dict[str, int]:
    return {entry["behaviour"]: entry["count"] for entry in row["behaviours"] if entry["lexicon"] == lexicon}


def in_python(lexicon: Lexicon) -> tuple[re.Pattern, list[Behaviour]]:
    patterns = lexicon.patterns()
    edge = r"(?:(?<!\w)|(?!\w))"
    groups = "|".join(f"(?P<g{number}>{pattern})".replace("'", "['’]") for number, (_, pattern) in enumerate(patterns))
    return re.compile(f"{edge}(?:{groups}){edge}", re.ASCII | re.IGNORECASE), [behaviour for behaviour, _ in patterns]


HAN = re.compile("[\u2e80-\u2fd5\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufad9\U00020000-\U0003ffff]")
ORACLES = {name: in_python(lexicon) for name, lexicon in LEXICONS.items()}


def oracle(text: str) -> list[tuple[str, str, int, int, list[int]]]:
    """Count with Python's `re`: a list of (lexicon, behaviour, count, first byte, matches per tenth)."""
    found: dict[tuple[str, str], list[int]] = {}
    size = len(text.encode())
    for name, (expression, behaviours) in ORACLES.items():
        if LEXICONS[name].language == "zh" and not HAN.search(text):
            continue
        for match in expression.finditer(text):
            behaviour = behaviours[int(match.lastgroup[1:])]
            for counted in (behaviour.name, *behaviour.also):
                found.setdefault((name, counted), []).append(len(text[: match.start()].encode()))
    return sorted(
        (*key, len(at), min(at), [sum(start * 10 // size == bin for start in at) for bin in range(10)]) for key, at in found.items()
    )


def assert_equals_oracle(row: dict, text: str) -> None:
    size, expected = len(text.encode()), oracle(text)
    assert [(b["lexicon"], b["behaviour"], b["count"]) for b in row["behaviours"]] == [entry[:3] for entry in expected]
    assert [b["first_position"] * size for b in row["behaviours"]] == pytest.approx([entry[3] for entry in expected], abs=1e-5 * size)
    assert [b["curve"] for b in row["behaviours"]] == [entry[4] for entry in expected]


examples = [
    text for lexicon in LEXICONS.values() for behaviour in lexicon.behaviours for text in (*behaviour.examples, *behaviour.counterexamples)
]
fragments = st.one_of(
    st.sampled_from(examples),
    st.sampled_from(examples).map(str.upper),
    st.sampled_from(examples).map(lambda text: text[1:-1]),
    st.text(max_size=8),
)
joints = st.sampled_from(["", " ", "\n", ", ", "等", "π", "’", "\x00", "é", "_", "\U0001d465"])
texts = st.lists(st.tuples(fragments, joints), max_size=8).map(lambda parts: "".join(part for pair in parts for part in pair))


@settings(max_examples=40, deadline=None)
@given(st.lists(texts, min_size=1, max_size=20))
def test_counts_and_positions_equal_those_of_python_re(responses):
    tags = tag(frame(*[(None, text) for text in responses]), TagConfig())
    for text, row in zip(responses, tags.iter_rows(named=True), strict=True):
        assert_equals_oracle(row, text)


@pytest.mark.parametrize(
    ("reasoning", "response", "expected"),
    [
        (None, "", {}),
        (None, "wait", {"wait": 1}),
        ("", "wait", {"wait": 1}),
        ("wait", "wait", {"wait": 2}),
        ("wait", "", {"wait": 1}),
        ("a", "wait", {"wait": 1}),
        (None, "wait\x00wait", {"wait": 2}),
        (None, "wait_wait await", {}),
        (None, "等wait等 éwait", {"wait": 2}),
        (None, "waıt", {}),
    ],
    ids=[
        "empty",
        "no_reasoning",
        "empty_reasoning",
        "both_parts",
        "no_response",
        "line_break_bounds",
        "nul",
        "inside_words",
        "other_scripts",
        "dotless_i",
    ],
)
def test_the_text_is_reasoning_line_break_response(reasoning, response, expected):
    assert counts(tag_one(reasoning, response)) == expected


@pytest.mark.parametrize(
    ("response", "given_tokens", "tokens", "estimated"),
    [
        ("wait", 50, 50, False),
        ("waits", None, 2, True),
        ("wait", None, 1, True),
        ("", None, 0, True),
        ("", 0, 0, False),
        ("wait", 0, 1, True),
        ("é" * 4, None, 2, True),
    ],
    ids=["counted", "rounded_up", "exact", "empty", "empty_and_counted", "zero_is_no_count", "bytes_not_characters"],
)
def test_tokens_are_the_engines_or_a_quarter_of_the_bytes(response, given_tokens, tokens, estimated):
    row = tag_one(None, response, given_tokens)
    assert (row["tokens"], row["tokens_estimated"]) == (tokens, estimated)


def test_density_is_per_1000_tokens_and_position_a_share_of_bytes():
    (entry,) = tag_one("é wait", "wait", 500)["behaviours"][:1]
    curve = [0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    assert entry == {
        "lexicon": "demystify",
        "behaviour": "wait",
        "count": 2,
        "per_1000_tokens": 4.0,
        "first_position": 3 / 12,
        "curve": curve,
    }


@pytest.mark.parametrize(
    ("reasoning", "response", "share"), [(None, "ab", 0.0), ("abc", "é", 0.5), ("", "", 0.0), (None, "", 0.0), ("abc", "", 0.75)]
)
def test_reasoning_share_is_of_the_texts_bytes(reasoning, response, share):
    assert tag_one(reasoning, response)["reasoning_share"] == share


def test_loops_compress_below_a_tenth_and_prose_does_not():
    loop, prose, empty = (
        "So we add 3 and get x. " * 200,
        "The sum of two odd numbers is even, since 2a + 1 + 2b + 1 is twice a + b + 1.",
        "",
    )
    ratios = tag(frame((None, loop), (None, prose), (None, empty)), KEYWORDS)["compression_ratio"].to_list()
    assert ratios[0] < 0.1 < ratios[1]
    assert ratios[0] == len(zlib.compress(loop.encode(), 1)) / len(loop)
    assert ratios[2] == 1.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("abc 12 + √2 ≤ 3", [("Latin", 3)]),
        ("所以 x = 答案", [("Han", 4), ("Latin", 1)]),
        ("πr²", [("Greek", 1), ("Latin", 1)]),
        ("naïve Œuvre", [("Latin", 10)]),
        ("да, ひカ 한글 ธ ন", [("Cyrillic", 2), ("Hangul", 2), ("Bengali", 1), ("Hiragana", 1), ("Katakana", 1), ("Thai", 1)]),
        ("ꦲꦲ \U0001d465", [("Other", 2)]),
        ("12 + 3", []),
    ],
    ids=["symbols_are_no_letters", "mixed", "greek_letters", "latin_beyond_ascii", "many", "unlisted_script_and_maths_letter", "none"],
)
def test_letters_are_counted_per_script_most_frequent_first(text, expected):
    assert [(entry["script"], entry["characters"]) for entry in tag_one(None, text)["scripts"]] == expected


def test_no_rows_and_no_lexicons_give_the_right_columns():
    assert tag(frame(), TagConfig()).equals(pl.DataFrame(schema=Tags.polars_schema()))
    bare = tag(frame((None, "wait")), TagConfig(lexicons=[]))
    assert bare.schema == Tags.polars_schema()
    assert bare["behaviours"].to_list() == [[]]


def test_long_texts_in_several_batches_keep_rows_and_order():
    size, rows = 2**20, BATCH_BYTES // 2**20 + 3
    long = ["7" * (row * 1000) + " wait " + "7" * (size - row * 1000) for row in range(rows)]
    tags = tag(frame(*[(None, text) for text in long], *[(None, "")] * 2), KEYWORDS)
    assert tags["sample_id"].to_list() == [f"s{row}" for row in range(rows + 2)]
    assert [[b["first_position"] for b in row] for row in tags["behaviours"]] == [
        [round((row * 1000 + 1) / (size + 6), 6)] for row in range(rows)
    ] + [[], []]


def test_two_lexicons_of_one_name_are_an_error():
    with pytest.raises(CotkitError, match="two lexicons are named 'demystify'"):
        tag(frame(), TagConfig(lexicons=["demystify", "demystify"]))


@pytest.fixture
def run(tmp_path):
    problem = Problem.make("What is 3 + 4?", "7", "math").model_dump()
    run = RunFolder.create(tmp_path / "run", Recipe(), pl.DataFrame([problem], schema=Problem.polars_schema()))
    for number, text in enumerate(["Stop.", "Wait. Stop, stop."]):
        run.write("samples", number, frame((None, text)), f"samples-{number}")
    return run


def test_a_run_is_tagged_again_only_when_a_lexicon_changes(run, tmp_path):
    own = tmp_path / "own.toml"
    own.write_text(OWN, encoding="utf-8")
    config = TagConfig(lexicons=["demystify", str(own)])
    seen = []
    assert tag_run(run, config, workers=1, progress=lambda done, total: seen.append((done, total))) == Computed(2, 0)
    assert seen == [(1, 2), (2, 2)]
    assert counts(run.read("tags", 1).row(0, named=True), "own") == {"stop": 2}
    assert tag_run(run, config) == Computed(0, 2)
    own.write_text(OWN.replace("Stops.", "Comes to a stop."), encoding="utf-8")
    assert tag_run(run, config) == Computed(0, 2)
    own.write_text(OWN.replace("['stop']", "['stop', 'halt']").replace('"Stop!"', '"Stop!", "Halt!"'), encoding="utf-8")
    assert tag_run(run, config, workers=1) == Computed(2, 0)
    assert tag_run(run, KEYWORDS, workers=1) == Computed(2, 0)


def test_worker_processes_write_what_one_process_writes(run):
    assert tag_run(run, TagConfig(), workers=2) == Computed(2, 0)
    for number in run.shard_numbers():
        assert run.read("tags", number).equals(tag(run.read("samples", number), TagConfig()))


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(not TRACES.exists(), reason="no ../shared/data beside the checkout")
def test_on_real_traces_counts_and_loops_equal_those_of_slow_python():
    traces = pl.read_parquet(TRACES, columns=["raw"])["raw"].sample(2000, seed=7)
    tags = tag(frame(*[(None, text) for text in traces]), TagConfig())
    for text, row in zip(traces, tags.iter_rows(named=True), strict=True):
        assert_equals_oracle(row, text)
        assert row["repeated_share"] == pytest.approx(repeated_in_python(text), abs=1e-6)
    assert (tags["repeated_share"] > 0).sum() > 100


TOKEN = re.compile(r"[ \t-\r]*(?:[A-Za-z\x80-\u07ff]+|[0-9\u0800-\U0010ffff]|[^A-Za-z0-9 \t-\r\x80-\U0010ffff]+)|[ \t-\r]+")


def repeated_in_python(text: str) -> float:
    """Do the paper's Algorithm 1 on the module's tokens."""
    tokens = TOKEN.findall(text)
    assert "".join(tokens) == text
    seen, repeated = set(), [False] * len(tokens)
    for start in range(len(tokens) - WINDOW + 1):
        window = tuple(tokens[start : start + WINDOW])
        if window in seen:
            repeated[start : start + WINDOW] = [True] * WINDOW
        seen.add(window)
    return sum(repeated) / len(tokens) if tokens else 0.0


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("", 0.0),
        ("word", 0.0),
        ("a b c d e f g h i j " * 20, 189 / 201),
        ("1234567890" * 20, 190 / 200),
        ("等" * 41, 40 / 41),
        ("等" * 40, 0.0),
        (" ".join(str(number) * 2 for number in range(100, 1000)), 0.0),
    ],
    ids=["empty", "short", "the_papers_cycle_of_10_and_a_last_space", "digits", "one_character", "one_window", "all_different"],
)
def test_repetition_is_the_papers_rule(text, share):
    assert tag_one(None, text)["repeated_share"] == pytest.approx(share, abs=1e-6)


words = st.sampled_from(
    [
        "a",
        " b",
        " c",
        "\n\n",
        "  ",
        "1",
        "22",
        "é",
        " naïve",
        "等",
        "等等",
        "—",
        "()",
        ").",
        " multiplication",
        " multiplicity",
        "да",
        "\x00",
        "\U0001d465",
    ]
)
loops = st.tuples(st.lists(words, min_size=1, max_size=30), st.integers(1, 12)).map(lambda loop: "".join(loop[0]) * loop[1])


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.one_of(loops, words, st.text(max_size=6)), max_size=8).map("".join), max_size=12))
def test_repetition_equals_the_slow_rule_whatever_stands_beside_a_text(texts):
    assert repeated_shares([text.encode() for text in texts]) == [repeated_in_python(text) for text in texts]


def test_windows_that_differ_only_in_what_is_not_hashed_are_no_repetition():
    choose = random.Random(1)
    beginning = " ".join("word" + "abcdefghij"[choose.randrange(10)] for _ in range(WINDOW - 1))
    text = " ".join(f"{beginning} multiplication{letter} ." for letter in "abcdefgh")
    assert repeated_in_python(text) == repeated_shares([text.encode()])[0]
    copies = " ".join(f"{beginning} {number % 7} {number} ." for number in range(300))
    assert repeated_in_python(copies) == repeated_shares([copies.encode()])[0]


def test_every_equal_hash_is_confirmed_byte_by_byte(monkeypatch):
    from cotkit.pipelines.tagging import repetition

    choose = random.Random(3)
    texts = [
        " ".join(choose.choice("abc") * choose.randrange(1, 3) for _ in range(400)) + " ab c" * choose.randrange(0, 60) for _ in range(20)
    ]
    hashes = repetition._window_hashes
    monkeypatch.setattr(repetition, "_window_hashes", lambda *given: hashes(*given) % 3)
    assert repeated_shares([text.encode() for text in texts]) == [repeated_in_python(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "longest"),
    [
        ("Let me think. 所以答案是 3，因为 x 为整数。 So x = 3.", 10),
        ("The angle α is twice β, so α + β = 90.", 2),
        ("所以我们来验证一下这个 let us check 答案", 10),
        ("да, let x be 2", 2),
        ("only English", 0),
        ("只有中文，没有别的。", 0),
        ("思考：首先 OK 其次", 2),
        ("", 0),
        ("ꦲꦲꦲ abcdef ꦲꦲ", 3),
    ],
    ids=[
        "chinese_in_english",
        "greek_letters",
        "english_in_chinese",
        "at_the_start",
        "none",
        "only_chinese",
        "short",
        "empty",
        "unlisted_script",
    ],
)
def test_the_longest_passage_in_another_script_is_measured_in_its_letters(text, longest):
    assert tag_one(None, text)["longest_foreign"] == longest


@pytest.mark.parametrize(
    ("text", "blocks", "python", "code"),
    [
        ("no code, `inline` only", 0, 0, ""),
        ("Run:\n```python\nprint(1)\n```\nDone.", 1, 1, "```python\nprint(1)\n```"),
        ("```\n1\n```\n\n~~~Python3\n2\n~~~", 2, 1, "```\n1\n```~~~Python3\n2\n~~~"),
        ("a\n  > ```js\n  > x\n  > ```\n", 1, 0, "  > ```js\n  > x\n  > ```"),
        ("```python\nnever closed", 1, 1, "```python\nnever closed"),
        ("````\n```python\n```\n````\nx", 1, 0, "````\n```python\n```\n````"),
        ("so ```python is said in a line", 0, 0, ""),
    ],
    ids=["none", "python", "two", "quoted", "open_end", "nested", "not_at_a_line_start"],
)
def test_fenced_code_is_counted_and_its_share_is_of_the_bytes(text, blocks, python, code):
    row = tag_one(None, text)
    assert (row["code_blocks"], row["python_blocks"]) == (blocks, python)
    assert row["code_share"] == pytest.approx(len(code) / len(text), abs=1e-6)


def test_a_measure_left_out_is_null_and_changes_nothing_else():
    samples = frame((None, "Wait. ```\n1\n``` 等等，不对。"), (None, ""))
    whole = tag(samples, TagConfig())
    bare = tag(samples, TagConfig(measures=[]))
    measured = ["compression_ratio", "repeated_share", "scripts", "longest_foreign", "code_blocks", "python_blocks", "code_share"]
    assert bare.select(measured).null_count().row(0) == (2,) * len(measured)
    assert bare.drop(measured).equals(whole.drop(measured))
    assert whole.select(measured).null_count().row(0) == (0,) * len(measured)


def test_a_response_of_5_megabytes_and_very_many_short_ones_are_tagged():
    long = "So 7 and wait, 等等，不对。 " * (5 * 2**20 // 34)
    tags = tag(frame((None, long), *[(None, "wait")] * (BATCH_ROWS + 5)), TagConfig())
    assert tags.height == BATCH_ROWS + 6
    assert counts(tags.row(0, named=True))["wait"] == long.count("wait")
    assert sum(next(b["curve"] for b in tags.row(0, named=True)["behaviours"])) == long.count("wait")
    assert tags["repeated_share"][0] > 0.99
    assert [counts(row) for row in tags.tail(2).iter_rows(named=True)] == [{"wait": 1}] * 2
