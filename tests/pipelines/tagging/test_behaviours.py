"""Behaviours: counts, places and curves against a slow oracle in `re`; what a rate and a position are; odd texts."""

import re

import polars as pl
import pytest
from cotkit.pipelines.lexicon import Behaviour, Lexicon, load_lexicon, utf8_of
from cotkit.pipelines.lexicon.automaton import automaton
from cotkit.pipelines.lexicon.matching import fold, search
from cotkit.pipelines.lexicon.scanning import scan
from cotkit.pipelines.tagging import BATCH_BYTES, BATCH_ROWS, tag
from cotkit.schemas.recipe import TagConfig
from hypothesis import given, settings
from hypothesis import strategies as st

LEXICONS = {name: load_lexicon(name) for name in TagConfig().lexicons}
KEYWORDS = TagConfig(lexicons=["demystify"])


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


def assert_both_searches_agree(texts: list[str], lexicons: list[Lexicon]) -> None:
    """Hold the compiled search and the engine together: same texts, places and patterns, but for the rule about languages."""
    data = utf8_of(pl.Series(texts, dtype=pl.String))
    automata = [automaton(lexicon.spellings()) for lexicon in lexicons]
    for lexicon, compiled in zip(lexicons, scan(data, automata), strict=True):
        for ours, theirs in zip(compiled, search(fold(data), lexicon), strict=True):
            assert ours.tolist() == theirs.tolist()


@settings(max_examples=40, deadline=None)
@given(st.lists(texts, min_size=1, max_size=20))
def test_counts_and_positions_equal_those_of_python_re(frame, responses):
    tags = tag(frame(*[(None, text) for text in responses]), TagConfig())
    for text, row in zip(responses, tags.iter_rows(named=True), strict=True):
        assert_equals_oracle(row, text)
    assert_both_searches_agree(responses, list(LEXICONS.values()))


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
def test_the_text_is_reasoning_line_break_response(tag_one, reasoning, response, expected):
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
def test_tokens_are_the_engines_or_a_quarter_of_the_bytes(tag_one, response, given_tokens, tokens, estimated):
    row = tag_one(None, response, given_tokens)
    assert (row["tokens"], row["tokens_estimated"]) == (tokens, estimated)


def test_density_is_per_1000_tokens_and_position_a_share_of_bytes(tag_one):
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
def test_reasoning_share_is_of_the_texts_bytes(tag_one, reasoning, response, share):
    assert tag_one(reasoning, response)["reasoning_share"] == share


def test_long_texts_in_several_batches_keep_rows_and_order(frame):
    size, rows = 2**20, BATCH_BYTES // 2**20 + 3
    long = ["7" * (row * 1000) + " wait " + "7" * (size - row * 1000) for row in range(rows)]
    tags = tag(frame(*[(None, text) for text in long], *[(None, "")] * 2), KEYWORDS)
    assert tags["sample_id"].to_list() == [f"s{row}" for row in range(rows + 2)]
    assert [[b["first_position"] for b in row] for row in tags["behaviours"]] == [
        [round((row * 1000 + 1) / (size + 6), 6)] for row in range(rows)
    ] + [[], []]


def test_a_response_of_5_megabytes_and_very_many_short_ones_are_tagged(frame):
    long = "So 7 and wait, 等等，不对。 " * (5 * 2**20 // 34)
    tags = tag(frame((None, long), *[(None, "wait")] * (BATCH_ROWS + 5)), TagConfig())
    assert tags.height == BATCH_ROWS + 6
    assert counts(tags.row(0, named=True))["wait"] == long.count("wait")
    assert sum(next(b["curve"] for b in tags.row(0, named=True)["behaviours"])) == long.count("wait")
    assert tags["repeated_share"][0] > 0.99
    assert [counts(row) for row in tags.tail(2).iter_rows(named=True)] == [{"wait": 1}] * 2


@pytest.mark.slow
@pytest.mark.shared
def test_on_2000_real_responses_counts_places_and_curves_equal_those_of_python_re(frame, traces):
    assert_both_searches_agree(traces.to_list(), list(LEXICONS.values()))
    tags = tag(frame(*[(None, text) for text in traces]), TagConfig())
    for text, row in zip(traces, tags.iter_rows(named=True), strict=True):
        assert_equals_oracle(row, text)
