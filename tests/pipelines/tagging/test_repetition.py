"""Repetition: the share of a text in repeated windows against the paper's algorithm in slow Python; zlib's ratio."""

import random
import re
import zlib

import polars as pl
import pytest
from cotkit.pipelines.lexicon import utf8_of
from cotkit.pipelines.tagging import tag
from cotkit.pipelines.tagging.repetition import WINDOW, shares_of
from cotkit.pipelines.tagging.windows import shares_of as compiled_shares_of
from cotkit.schemas.recipe import TagConfig
from hypothesis import given, settings
from hypothesis import strategies as st


def test_loops_compress_below_a_tenth_and_prose_does_not(frame):
    loop, prose, empty = (
        "So we add 3 and get x. " * 200,
        "The sum of two odd numbers is even, since 2a + 1 + 2b + 1 is twice a + b + 1.",
        "",
    )
    ratios = tag(frame((None, loop), (None, prose), (None, empty)), TagConfig(lexicons=["demystify"]))["compression_ratio"].to_list()
    assert ratios[0] < 0.1 < ratios[1]
    assert ratios[0] == len(zlib.compress(loop.encode(), 1)) / len(loop)
    assert ratios[2] == 1.0


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
def test_repetition_is_the_papers_rule(tag_one, text, share):
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


def shares_both_ways(texts: list[str]) -> list[float]:
    """Give the shares, which must be the same by numpy alone and by compiled code."""
    shares = shares_of([text.encode() for text in texts])
    assert compiled_shares_of(utf8_of(pl.Series(texts, dtype=pl.String))) == shares
    return shares


@settings(max_examples=150, deadline=None)
@given(st.lists(st.lists(st.one_of(loops, words, st.text(max_size=6)), max_size=8).map("".join), max_size=12))
def test_repetition_equals_the_slow_rule_whatever_stands_beside_a_text(texts):
    assert shares_both_ways(texts) == [repeated_in_python(text) for text in texts]


def test_windows_that_differ_only_in_what_is_not_hashed_are_no_repetition():
    choose = random.Random(1)
    beginning = " ".join("word" + "abcdefghij"[choose.randrange(10)] for _ in range(WINDOW - 1))
    text = " ".join(f"{beginning} multiplication{letter} ." for letter in "abcdefgh")
    copies = " ".join(f"{beginning} {number % 7} {number} ." for number in range(300))
    assert shares_both_ways([text, copies]) == [repeated_in_python(text), repeated_in_python(copies)]


def test_tokens_of_one_beginning_and_length_have_one_hash_and_are_told_apart_by_their_bytes():
    choose = random.Random(3)
    texts = [
        " ".join("word" + choose.choice(["abc", "abd", "xyz"]) for _ in range(400)) + " ab c" * choose.randrange(60) for _ in range(20)
    ]
    periodic = [" ".join(["wordabc"] * 50 + ["wordabd"] + ["wordabc"] * 50 + ["wordabx"] * 90)]
    assert shares_both_ways(texts + periodic) == [repeated_in_python(text) for text in texts + periodic]


@pytest.mark.slow
@pytest.mark.shared
def test_on_2000_real_responses_repetition_equals_that_of_slow_python(traces):
    shares = shares_both_ways(traces.to_list())
    assert shares == [repeated_in_python(text) for text in traces]
    assert sum(share > 0 for share in shares) > 100
