import random

import numpy as np
import polars as pl
import pytest
from cotkit.pipelines.lexicon import utf8_of
from cotkit.pipelines.similarity import alike, most_diverse, pack, shingles, signature_column, signatures, words_of
from cotkit.pipelines.similarity.signatures import by_numpy, unpacked_column
from cotkit.pipelines.similarity.sketches import sketched
from hypothesis import given, settings
from hypothesis import strategies as st

PINNED = [99510361, 43423886, 148440874, 227513730]
WORDS = [f"w{number}" for number in range(5000)]


def pair(length: int, common: int, dice: random.Random) -> tuple[str, str]:
    """Two texts whose 1-word shingles are `length` distinct words each, `common` of them the same."""
    words = dice.sample(WORDS, 2 * length - common)
    return " ".join(words[:length]), " ".join(words[length - common :])


def letters_only(number: int) -> str:
    return "".join(chr(97 + int(digit)) for digit in str(number))


@pytest.mark.parametrize("size", [1, 3, 5])
def test_shingles_are_words_in_a_row_and_a_short_text_is_one(size: int) -> None:
    texts = ["", "a", "a b", "a b c d e f", "c d e f g"]
    words = words_of(texts)
    of = shingles(words, size)
    lists = [words.hashes[start:end].tolist() for start, end in zip(words.bounds[:-1], words.bounds[1:], strict=True)]
    expected = [[tuple(one[at : at + size]) for at in range(max(1, len(one) - size + 1))] for one in lists]
    flat = [shingle for one in expected for shingle in one]
    assert np.diff(of.bounds).tolist() == [len(one) for one in expected]
    assert len(set(zip(flat, of.hashes.tolist(), strict=True))) == len(set(flat)) == len(set(of.hashes.tolist()))


@pytest.mark.parametrize(("length", "common"), [(1, 1), (3, 2), (20, 16), (200, 160), (200, 100), (2000, 1600), (300, 0)])
def test_the_share_of_equal_slots_estimates_jaccard_as_128_permutations_do(length: int, common: int) -> None:
    dice, trials = random.Random(length + common), 300
    pairs = [
        tuple(" ".join(letters_only(int(word[1:])) for word in text.split()) for text in pair(length, common, dice)) for _ in range(trials)
    ]
    jaccard = common / (2 * length - common)
    left, right = (signatures(pl.Series([one[side] for one in pairs]), shingle_words=1) for side in (0, 1))
    full = (left == right).mean(axis=1)
    packed = np.array([alike(a[None], b)[0] for a, b in zip(pack(left), pack(right), strict=True)])
    error = (jaccard * (1 - jaccard) / 128) ** 0.5
    for estimates, slack in ((full, 1.15), (packed, 1.25)):
        # mean of `trials`: four of its standard errors; spread: never wider than that of 128 independent permutations
        assert abs(estimates.mean() - jaccard) <= 4 * error / trials**0.5 + 0.003  # packed estimates are never below 0
        assert estimates.std() <= slack * error + 0.004


def test_a_signature_depends_on_its_text_alone() -> None:
    texts = ["", "short", "x + 1", "many words " * 4000, *(f"text number {letters_only(n)} of them" * (n % 30) for n in range(500))]
    together = signatures(pl.Series(texts))
    assert together.shape == (len(texts), 128)
    assert together.dtype == np.uint32
    alone = np.concatenate([signatures(pl.Series([text])) for text in texts[:40]])
    assert np.array_equal(together[:40], alone)
    assert np.array_equal(signatures(pl.Series(texts[::-1]))[::-1], together)


words = st.one_of(
    st.sampled_from(["a", "Wait", "x+1", "12", "é", "İ", "ﬁ", "Ⅳ", "等等", "−", "≤", "\U0001d465", "\x00", "x" * 8, "y" * 16, "ß" * 12]),
    st.text(max_size=3),
)
texts_of_words = st.lists(words, max_size=20).map(" ".join)


@settings(max_examples=100, deadline=None)
@given(st.lists(texts_of_words, max_size=6), st.integers(1, 6))
def test_compiled_code_makes_the_same_signatures(given_texts: list[str], size: int) -> None:
    texts = pl.Series(given_texts, dtype=pl.String)
    assert np.array_equal(sketched(utf8_of(texts), size), by_numpy(texts, size))


def test_signatures_may_be_stored_they_are_pinned() -> None:
    text = pl.Series(["Let me double-check: 2 + 2 = 4, so the answer is four. Wait, é ≤ 等."])
    assert signatures(text)[0, :4].tolist() == PINNED
    column = signature_column(text)
    assert (column.dtype, len(column[0])) == (pl.Binary, 128)
    assert np.array_equal(unpacked_column(column), pack(signatures(text)))


def test_no_texts_have_no_signatures() -> None:
    assert signatures(pl.Series([], dtype=pl.String)).shape == (0, 128)
    assert signature_column(pl.Series([None], dtype=pl.String)).len() == 1


def test_the_most_diverse_leave_out_the_copies() -> None:
    texts = ["alpha beta gamma delta epsilon zeta"] * 3 + ["eta theta iota kappa lambda mu", "nu xi omicron pi rho sigma"]
    packed = pack(signatures(pl.Series(texts)))
    assert sorted(most_diverse(packed, 3)) == [0, 3, 4]
    assert most_diverse(packed, 9) == most_diverse(packed, 5)
    assert sorted(most_diverse(packed, 9)) == [0, 1, 2, 3, 4]
    assert most_diverse(packed, 0) == most_diverse(packed[:0], 2) == []
