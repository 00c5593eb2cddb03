import sys
import unicodedata

import numpy as np
import polars as pl
import pytest
from cotkit.pipelines.similarity import characters_of, word_batches, words_of
from hypothesis import given
from hypothesis import strategies as st

OPERATORS = set("+-*/^=<>!%|")
PINNED = [
    "8eb4aa24cab22700",
    "45cd769249e17519",
    "02f590758a6d2936",
    "ba69ec90eb4fef88",
    "1c4a97a6edc2a958",
    "860ca3668ea8f1ff",
    "250ea5d6468287cf",
]


def folded(character: str) -> str:
    """Plain-Python reference of the fold."""
    one = unicodedata.normalize("NFKC", character).casefold().replace("−", "-")
    if len(one) != 1:
        return character
    shorter, same = len(one.encode()) < len(character.encode()), len(one.encode()) == len(character.encode())
    return one if same or (shorter and kind(one) == "alone") else character


def kind(character: str) -> str:
    category = unicodedata.category(character)
    if character.isascii():
        if character in OPERATORS:
            return "alone"
        return "letter" if character.isalpha() else "digit" if character.isdigit() else "separator"
    if category == "Sm":
        return "alone"
    if category[0] in "LM":
        code = ord(character)
        ideograph = 0x2E80 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF or 0x20000 <= code <= 0x3FFFF
        return "alone" if ideograph else "letter"
    return "digit" if category[0] == "N" else "separator"


def reference(text: str) -> list[str]:
    """Plain-Python reference: the words of a text."""
    words: list[str] = []
    before = "separator"
    for character in map(folded, text):
        now = kind(character)
        if now in ("letter", "digit") and now == before:
            words[-1] += character
        elif now != "separator":
            words.append(character)
        before = now
    return words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Find  the SUM", ["find", "the", "sum"]),
        (r"$\frac{1}{2}x+3$", ["frac", "1", "2", "x", "+", "3"]),
        ("2x = x2", ["2", "x", "=", "x", "2"]),
        ("x−1≤2", ["x", "-", "1", "≤", "2"]),
        ("ÉCOLE école", ["école", "école"]),
        ("等等,不对 wait", ["等", "等", "不", "对", "wait"]),
        ("don’t stop—now", ["don", "t", "stop", "now"]),
        ("internationalisation", ["internationalisation"]),
        ("𝑥 🤔 ∑", ["𝑥", "∑"]),
        ("", []),
        ("\0\n\t", []),
    ],
)
def test_words_are_these(text: str, words: list[str]) -> None:
    assert reference(text) == words
    assert words_of([text]).hashes.tolist() == np.concatenate([words_of([word]).hashes for word in words] or [[]]).tolist()


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), max_size=6))
def test_the_stream_equals_the_reference(texts: list[str]) -> None:
    words = words_of(texts)
    expected = [reference(text) for text in texts]
    assert np.diff(words.bounds).tolist() == [len(one) for one in expected]
    flat = [word for one in expected for word in one]
    names: dict[int, str] = {}
    for word, value in zip(flat, words.hashes.tolist(), strict=True):
        assert names.setdefault(value, word) == word
    assert len(names) == len(set(flat))
    joined = "".join(flat)
    assert characters_of(texts).characters.tobytes().decode() == joined


def test_hashes_are_the_same_on_every_machine_and_in_every_version() -> None:
    assert [f"{value:016x}" for value in words_of(["find internationalisation x+1 等 É"]).hashes.tolist()] == PINNED
    assert sys.byteorder == "little"


@pytest.mark.parametrize("rows", [0, 1, 3000])
def test_batches_give_the_words_of_the_whole(rows: int) -> None:
    texts = pl.Series([None if row % 7 == 3 else f"text {row} " * (row % 50) + "é≤" * (row % 3) for row in range(rows)], dtype=pl.String)
    whole, parts = words_of(texts), list(word_batches(texts))
    assert np.concatenate([part.hashes for part in parts] or [[]]).tolist() == whole.hashes.tolist()
    assert [size for part in parts for size in np.diff(part.bounds).tolist()] == np.diff(whole.bounds).tolist()


def test_one_text_of_5_mb_is_a_batch_of_its_own() -> None:
    sizes = [np.diff(part.bounds).tolist() for part in word_batches(pl.Series(["a b", "wait " * 1_000_000, "c"]))]
    assert [size for part in sizes for size in part] == [2, 1_000_000, 1]
