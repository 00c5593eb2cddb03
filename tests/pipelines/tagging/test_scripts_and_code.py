"""Writing systems and code: letters per script, the longest foreign passage, fenced code; and measures left out."""

import polars as pl
import pytest
from cotkit.pipelines.lexicon import utf8_of
from cotkit.pipelines.tagging import tag
from cotkit.pipelines.tagging.letters import letters_of
from cotkit.pipelines.tagging.scripts import as_frame, longest_foreign, script_counts
from cotkit.schemas.recipe import TagConfig
from hypothesis import given, settings
from hypothesis import strategies as st


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
def test_letters_are_counted_per_script_most_frequent_first(tag_one, text, expected):
    assert [(entry["script"], entry["characters"]) for entry in tag_one(None, text)["scripts"]] == expected


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
def test_the_longest_passage_in_another_script_is_measured_in_its_letters(tag_one, text, longest):
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
def test_fenced_code_is_counted_and_its_share_is_of_the_bytes(tag_one, text, blocks, python, code):
    row = tag_one(None, text)
    assert (row["code_blocks"], row["python_blocks"]) == (blocks, python)
    assert row["code_share"] == pytest.approx(len(code) / len(text), abs=1e-6)


def test_a_measure_left_out_is_null_and_changes_nothing_else(frame):
    samples = frame((None, "Wait. ```\n1\n``` 等等，不对。"), (None, ""))
    whole = tag(samples, TagConfig())
    bare = tag(samples, TagConfig(measures=[]))
    measured = ["compression_ratio", "repeated_share", "scripts", "longest_foreign", "code_blocks", "python_blocks", "code_share"]
    assert bare.select(measured).null_count().row(0) == (2,) * len(measured)
    assert bare.drop(measured).equals(whole.drop(measured))
    assert whole.select(measured).null_count().row(0) == (0,) * len(measured)


odd = ["a", "wait ", "é", "等", "等等 x", "да", "π", "ন", "ি", "ª", "々", "〇", "ꦲꦲ", "\U0001d465", "1", " ", "—", "ー", "e\u0301"]
pieces = st.one_of(st.sampled_from(odd), st.text(max_size=4))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(pieces, max_size=12).map("".join), max_size=8))
def test_compiled_code_counts_the_same_letters_and_passages(given_texts):
    texts, rows = pl.Series(given_texts, dtype=pl.String), pl.Series("row", range(5, 5 + len(given_texts)), pl.UInt32)
    counts, longest = letters_of(utf8_of(texts))
    plain = script_counts(rows, texts)
    assert as_frame(rows, counts).equals(plain)
    assert longest.tolist() == longest_foreign(texts, rows, plain)


@pytest.mark.slow
@pytest.mark.shared
def test_on_2000_real_responses_compiled_code_counts_the_same(traces):
    rows = pl.Series("row", range(len(traces)))
    counts, longest = letters_of(utf8_of(traces))
    plain = script_counts(rows, traces)
    assert as_frame(rows, counts).equals(plain)
    assert longest.tolist() == longest_foreign(traces, rows, plain)
