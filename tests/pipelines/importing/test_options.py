"""Options are read in their usual forms, lettered, and never change their letters."""

import pytest
from cotkit.pipelines.importing.options import (
    Options,
    embedded_options,
    gold_index,
    parse_literal,
    read_options,
    render_options,
    without_padding,
)

FORMS = {
    "list": ["one", "two"],
    "dict": {"A": "one", "B": "two"},
    "dict with nulls": {"A": "one", "B": "two", "C": None},
    "texts and labels": {"text": ["one", "two"], "label": ["A", "B"]},
    "list of dicts": [{"label": "A", "text": "one"}, {"label": "B", "text": "two"}],
    "json": '["one", "two"]',
    "literal": "{'A': 'one', 'B': 'two'}",
}


@pytest.mark.parametrize("value", FORMS.values(), ids=FORMS.keys())
def test_every_form_is_read(value: object) -> None:
    options = read_options(value)
    assert options is not None
    assert options.texts == ["one", "two"]
    assert options.labels[:2] == ["A", "B"]


@pytest.mark.parametrize("value", [None, "", [], {}, 7, "one, two", "[unclosed", [None, None], [["one"]] and {"A": ["one"]}])
def test_what_holds_no_options_is_none(value: object) -> None:
    assert read_options(value) is None


FOUR = Options(["10", "20", "red", "C"], ["A", "B", "C", "D"])


FOUND = {"B": 1, "(b)": 1, "B.": 1, "red": 2, "20": 1, "C": 2, "E": None, "blue": None, 0: 0, 3: 3, 2.0: 2, 4: None, -1: None, ("red",): 2}


@pytest.mark.parametrize(("answer", "expected"), [(list(key) if isinstance(key, tuple) else key, place) for key, place in FOUND.items()])
def test_the_gold_option_is_found(answer: object, expected: int | None) -> None:
    assert gold_index(answer, FOUR, digits_are_indices=False) == expected


def test_digits_are_indices_where_the_whole_column_says_so() -> None:
    assert gold_index("1", FOUR, digits_are_indices=True) == 1
    assert gold_index("9", FOUR, digits_are_indices=True) is None


def test_numeric_labels_come_before_texts() -> None:
    assert gold_index("1", Options(["2", "1"], ["1", "2"]), digits_are_indices=False) == 0


def test_padding_goes_only_at_the_end_and_never_the_gold() -> None:
    options = Options(["one", "N/A", "two", "N/A", "n/a"], list("ABCDE"))
    assert without_padding(options, gold=0) == ["one", "N/A", "two"]
    assert without_padding(options, gold=3) == ["one", "N/A", "two", "N/A"]


def test_options_that_the_question_shows_are_not_shown_twice() -> None:
    once = render_options("Which?", ["one", "two"])
    assert once == "Which?\n\nA. one\nB. two"
    assert render_options(once, ["one", "two"]) == once


def test_options_at_the_end_of_a_prompt_are_read() -> None:
    assert embedded_options("Which?\n    Options: {'A': 'one', 'B': 'two {2}'}") == ["one", "two {2}"]
    assert embedded_options("Which? {'A': 'one', 'C': 'two'}") == []
    assert embedded_options("Which? {'A': 1}") == []


@pytest.mark.parametrize("text", ["{'A': __import__('os')}", "{'A': 'x'", "[" * 10_000, "{'A': '\\d'}"[:-1], "[" + "1," * 60_000 + "]"])
def test_a_literal_is_never_evaluated_and_never_raises(text: str) -> None:
    assert parse_literal(text) is None


@pytest.mark.parametrize("text", ["²", "9" * 5000, "-1", ""])
def test_what_is_no_small_number_is_no_index(text: str) -> None:
    assert gold_index(text, FOUR, digits_are_indices=True) is None
