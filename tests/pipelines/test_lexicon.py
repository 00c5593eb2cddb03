"""Lexicons: the shipped ones pass their own examples; a wrong one names the file and the behaviour."""

import polars as pl
import pytest
from cotkit.pipelines.lexicon import Lexicon, load_lexicon, shipped_lexicons
from cotkit.schemas.errors import CotkitError

GOOD = """
name = "own"
version = 1
description = "For a test."
language = "en"
[[behaviour]]
name = "stop"
description = "Stops."
patterns = ['stop(?:ped)?', '5\\$']
examples = ["Stop!", "It costs 5$."]
counterexamples = ["unstoppable"]
"""


def behaviour(**fields) -> str:
    lines = {"name": "'go'", "description": "'Goes.'", "patterns": "['go']", "examples": "['go']", "counterexamples": "['stay']"} | fields
    return GOOD + "[[behaviour]]\n" + "\n".join(f"{key} = {value}" for key, value in lines.items())


def write(tmp_path, text: str) -> str:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def counts(lexicon: Lexicon, text: str) -> dict[str, int]:
    found = pl.DataFrame({"match": pl.Series([text]).str.extract_all(lexicon.expression()).explode(empty_as_null=False)})
    named = found.join(lexicon.attribute(found["match"]), on="match")
    return dict(named.group_by("behaviour").len().iter_rows())


@pytest.mark.parametrize("name", shipped_lexicons())
def test_a_shipped_lexicon_passes_its_own_examples(name):
    assert load_lexicon(name).name == name


def test_the_two_studied_lexicons_ship():
    keywords = {"wait", "recheck", "alternatively", "retry", "however", "branching"}
    assert {behaviour.name for behaviour in load_lexicon("demystify").behaviours} == keywords
    behaviours = {"verification", "backtracking", "alternatives", "subgoals", "hedging", "restatement", "error_admission", "conclusion"}
    assert {behaviour.name for behaviour in load_lexicon("reflection").behaviours} == behaviours


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Alternatively, use x.", {"branching": 1, "alternatively": 1}),
        ("Alternatively,use x.", {"branching": 1, "alternatively": 1}),
        ("We could alternatively use x.", {"alternatively": 1}),
        ("alternatively, or alternatively.", {"branching": 1, "alternatively": 2}),
        ("await, waiter, howevers", {}),
        ("WAIT wait Wait", {"wait": 3}),
        ("wait—no… wait’s", {"wait": 2}),
        ("等wait等", {"wait": 1}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_keywords_are_whole_words_and_the_pivot_counts_for_both(text, expected):
    assert counts(load_lexicon("demystify"), text) == expected


def test_a_straight_apostrophe_stands_for_a_curly_one(tmp_path):
    lexicon = load_lexicon(write(tmp_path, behaviour(patterns="""["let's go"]""", examples="""["let's go"]""")))
    assert counts(lexicon, "Let’s go, let's go") == {"go": 2}


def test_an_alternative_without_brackets_is_bounded_as_a_whole(tmp_path):
    lexicon = load_lexicon(write(tmp_path, behaviour(patterns="['go|run']")))
    assert counts(lexicon, "gone rerun, go and run") == {"go": 2}


def test_escaped_anchors_and_classes_are_characters(tmp_path):
    lexicon = load_lexicon(write(tmp_path, behaviour(patterns=r"['[$^]go', 'x\^2']", examples="['$go', 'x^2']")))
    assert counts(lexicon, "^go x^2 5$") == {"go": 2, "stop": 1}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (behaviour(patterns="['go(']"), "behaviour 'go': pattern 'go(' is not a valid regular expression: unclosed group"),
        (behaviour(patterns="['a)|(b']"), "is not a valid regular expression: unopened group"),
        (behaviour(patterns="['go(?=ing)']"), "is not a valid regular expression: look-around"),
        (behaviour(patterns="['[éè]']"), "is not a valid regular expression: Unicode not allowed here"),
        (behaviour(patterns="['go.']"), "is not a valid regular expression: pattern can match invalid UTF-8"),
        (behaviour(patterns="['^go']"), "behaviour 'go': pattern '^go' holds ^"),
        (behaviour(patterns=r"['go\b']"), r"holds \b"),
        (behaviour(patterns="['(?:go)*']"), "matches the empty text"),
        (behaviour(examples="['going']"), "behaviour 'go': example is not matched: 'going'"),
        (behaviour(counterexamples="['Go!']"), "behaviour 'go': counterexample is matched: 'Go!'"),
        (behaviour(patterns="['go', 'run']"), "behaviour 'go': no example is matched by 'run'"),
        (behaviour(patterns="['go', 'stopped']", examples="['go', 'stopped']"), "behaviour 'go': example is not matched: 'stopped'"),
        (behaviour(patterns="[]"), "behaviour.1.patterns: List should have at least 1 item"),
        (behaviour(colour="'red'"), "behaviour.1.colour: Extra inputs are not permitted"),
        (behaviour(name="'stop'"), "behaviour 'stop' is there twice"),
        (behaviour(also="['run']"), "behaviour 'go': also: 'run' is no other behaviour"),
        (behaviour(also="['go']"), "behaviour 'go': also: 'go' is no other behaviour"),
        (GOOD + "[[behaviour", "not valid TOML"),
    ],
    ids=lambda value: None if "\n" in value else value,
)
def test_a_wrong_lexicon_names_the_file_and_what_is_wrong(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(CotkitError) as caught:
        load_lexicon(path)
    assert caught.value.message.startswith(path)
    assert message in caught.value.message
    assert caught.value.hint


def test_an_unknown_name_lists_the_shipped_lexicons(tmp_path):
    with pytest.raises(CotkitError, match=r"unknown lexicon 'reflexion'\nhint: .*demystify, reflection"):
        load_lexicon("reflexion")
    with pytest.raises(CotkitError, match="no such lexicon"):
        load_lexicon(str(tmp_path / "none.toml"))


def test_the_fingerprint_follows_the_counts_and_not_the_prose(tmp_path):
    own = load_lexicon(write(tmp_path, GOOD)).fingerprint()
    assert load_lexicon(write(tmp_path, GOOD.replace("Stops.", "Comes to a stop.").replace('"Stop!"', '"Stop."'))).fingerprint() == own
    assert load_lexicon(write(tmp_path, GOOD.replace("stop(?:ped)?", "stop"))).fingerprint() != own
    assert load_lexicon(write(tmp_path, GOOD.replace("version = 1", "version = 2"))).fingerprint() != own
