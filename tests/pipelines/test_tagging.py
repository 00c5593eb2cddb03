"""Tagging: counts and positions against a slow oracle in `re`, token and script rules, odd texts, and a run's shards."""

import re
import zlib

import polars as pl
import pytest
from cotkit.pipelines.execute.stages import Computed
from cotkit.pipelines.lexicon import Behaviour, Lexicon, load_lexicon
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.tagging import BATCH_BYTES, tag, tag_run
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, TagConfig
from cotkit.schemas.sample import Sample
from cotkit.schemas.tags import Tags
from hypothesis import given, settings
from hypothesis import strategies as st

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


ORACLES = {name: in_python(lexicon) for name, lexicon in LEXICONS.items()}


def oracle(text: str) -> list[tuple[str, str, int, int]]:
    """Count with Python's `re`: a list of (lexicon, behaviour, count, first byte)."""
    found: dict[tuple[str, str], list[int]] = {}
    for name, (expression, behaviours) in ORACLES.items():
        for match in expression.finditer(text):
            behaviour = behaviours[int(match.lastgroup[1:])]
            for counted in (behaviour.name, *behaviour.also):
                found.setdefault((name, counted), []).append(len(text[: match.start()].encode()))
    return sorted((*key, len(starts), min(starts)) for key, starts in found.items())


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
        size = len(text.encode())
        expected = oracle(text)
        assert [(b["lexicon"], b["behaviour"], b["count"]) for b in row["behaviours"]] == [entry[:3] for entry in expected]
        assert [b["first_position"] * size for b in row["behaviours"]] == pytest.approx([entry[3] for entry in expected], abs=1e-5 * size)


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
    assert entry == {"lexicon": "demystify", "behaviour": "wait", "count": 2, "per_1000_tokens": 4.0, "first_position": 3 / 12}


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
