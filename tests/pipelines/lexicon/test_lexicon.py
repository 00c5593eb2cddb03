"""Lexicons: the shipped ones pass their own examples; a wrong one names the file and the behaviour."""

import re
from collections import Counter
from pathlib import Path

import pytest
from cotkit.pipelines.lexicon import Lexicon, load_lexicon, load_lexicons, shipped_lexicons, spans
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import load_recipe

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
    return dict(Counter(span.behaviour for span in spans(text, [lexicon])))


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


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (behaviour(patterns="['go(']"), 15),
        (behaviour(patterns="[\n  'go',\n  'run(',\n]"), 17),
        (behaviour(patterns=r"['go\b']"), 15),
        (behaviour(patterns="['(?-i:Go)']"), 15),
        (behaviour(examples="['going']"), 16),
        (behaviour(counterexamples="['Go!']"), 17),
        (behaviour(patterns="[]"), 15),
        (behaviour(colour="'red'"), 18),
        (GOOD.replace("version = 1", "version = 0"), 3),
    ],
    ids=["pattern", "second_pattern", "anchor", "letter_case", "example", "counterexample", "no_patterns", "unknown_key", "version"],
)
def test_the_error_names_the_line(tmp_path, text, line):
    path = write(tmp_path, text)
    with pytest.raises(CotkitError) as caught:
        load_lexicon(path)
    assert caught.value.message.startswith(f"{path}:{line}: ")


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("[A-C]x", "AX bx dx", 2),
        (r"\p{Lu}x", "ax", 1),
        (r"\x41b", "AB ab", 2),
        ("(?P<Name>go)", "Go go", 2),
        ("(?u:É.)", "Éa", 1),
        (r"\d9\s\w", "19 Q x9 q", 1),
    ],
)
def test_letter_case_makes_no_difference_to_classes_escapes_and_groups(tmp_path, pattern, text, found):
    pattern = f"(?u:{pattern})" if "p{" in pattern else pattern
    own = Lexicon.model_validate(
        {"name": "own", "version": 1, "description": "d", "language": "en"}
        | {"behaviour": [{"name": "go", "description": "d", "patterns": [pattern], "examples": ["x"], "counterexamples": ["y"]}]}
    )
    assert counts(own, text) == {"go": found}


def test_spans_are_characters_of_the_text_as_it_was_given():
    text = "é等𝑥 waiter—WAIT! Alternatively, 等等，不对。"
    found = [(span.behaviour, text[span.start : span.end]) for span in spans(text, load_lexicons(["demystify", "reflection_zh"]))]
    assert found == [
        ("wait", "WAIT"),
        ("branching", "Alternatively,"),
        ("alternatively", "Alternatively,"),
        ("backtracking", "等等，"),
        ("error_admission", "不对。"),
    ]
    assert spans("", load_lexicons(["demystify"])) == []


def test_a_chinese_lexicon_needs_a_chinese_character_and_no_word_boundary():
    lexicon = load_lexicon("reflection_zh")
    assert counts(lexicon, "x等等，y") == {"backtracking": 1}
    assert counts(lexicon, "wait, for example") == {}
    english, chinese = load_lexicon("reflection"), {behaviour.name for behaviour in lexicon.behaviours}
    assert {behaviour.name for behaviour in english.behaviours} == chinese


def test_an_unknown_name_lists_the_shipped_lexicons(tmp_path):
    with pytest.raises(CotkitError, match=r"unknown lexicon 'reflexion'\nhint: .*demystify, reflection"):
        load_lexicon("reflexion")
    with pytest.raises(CotkitError, match="no such lexicon"):
        load_lexicon(str(tmp_path / "none.toml"))


def test_a_lexicon_path_of_a_recipe_starts_from_the_recipe_file(tmp_path, monkeypatch):
    (tmp_path / "recipes").mkdir()
    write(tmp_path / "recipes", GOOD)
    recipe = tmp_path / "recipes" / "recipe.toml"
    recipe.write_text('[tag]\nlexicons = ["demystify", "own.toml", "./missing.toml"]', encoding="utf-8")
    monkeypatch.chdir(tmp_path / "recipes")
    names = load_recipe(Path("recipe.toml")).tag.lexicons
    monkeypatch.chdir(tmp_path)
    write(tmp_path, GOOD.replace('"own"', '"of_the_working_directory"'))
    assert names == load_recipe(recipe).tag.lexicons
    assert [lexicon.name for lexicon in load_lexicons(names[:2])] == ["demystify", "own"]
    with pytest.raises(CotkitError, match=re.escape(f"{tmp_path}/recipes/missing.toml: no such lexicon")):
        load_lexicons(names)


def test_the_fingerprint_follows_the_counts_and_not_the_prose(tmp_path):
    own = load_lexicon(write(tmp_path, GOOD)).fingerprint()
    assert load_lexicon(write(tmp_path, GOOD.replace("Stops.", "Comes to a stop.").replace('"Stop!"', '"Stop."'))).fingerprint() == own
    assert load_lexicon(write(tmp_path, GOOD.replace("stop(?:ped)?", "stop"))).fingerprint() != own
    assert load_lexicon(write(tmp_path, GOOD.replace("version = 1", "version = 2"))).fingerprint() != own
