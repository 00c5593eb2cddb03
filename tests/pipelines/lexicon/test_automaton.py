"""The automaton of patterns: it matches what the engine of polars matches, and leaves to it what it cannot read."""

import polars as pl
import pytest
from cotkit.pipelines.lexicon import Lexicon, load_lexicon, shipped_lexicons, utf8_of
from cotkit.pipelines.lexicon.automaton import automaton
from cotkit.pipelines.lexicon.matching import fold, search
from cotkit.pipelines.lexicon.scanning import BLOCK, scan
from hypothesis import assume, given, settings
from hypothesis import strategies as st

atoms = st.sampled_from(["a", "b", "ab", "wait", "[ab]", "[a-c]", r"\d", r"\s", "[ ,-]", " ", ",", "'", "等", "…", r"\.", "A"])
repeats = st.sampled_from(["?", "*", "+", "{2}", "{1,2}", "{2,}", "??", "*?", "+?"])
parts = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, repeats).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    ),
    max_leaves=6,
)
patterns = st.lists(st.tuples(atoms, parts).map("".join), min_size=1, max_size=4)
letters = st.sampled_from(["a", "b", "c", "A", "B", "wait", " ", ",", "'", "’", "等", "…", ".", "7", "_", "\n"])
texts = st.lists(st.lists(letters, max_size=25).map("".join), max_size=5)


def lexicon_of(*own: str) -> Lexicon:
    fields = {"name": "go", "description": "d", "patterns": list(own), "examples": ["x"], "counterexamples": ["y"]}
    return Lexicon.model_validate({"name": "own", "version": 1, "description": "d", "language": "en", "behaviour": [fields]})


def by_both(own: list[str], given_texts: list[str]) -> tuple[list[list[int]], list[list[int]]]:
    lexicon, data = lexicon_of(*own), utf8_of(pl.Series(given_texts, dtype=pl.String))
    built = automaton(lexicon.spellings())
    assert built is not None
    (compiled,) = scan(data, [built])
    return [column.tolist() for column in compiled], [column.tolist() for column in search(fold(data), lexicon)]


@settings(max_examples=300, deadline=None)
@given(patterns, texts)
def test_the_automaton_matches_what_the_engine_matches(own, given_texts):
    assume(automaton(lexicon_of(*own).spellings()) is not None)
    compiled, engine = by_both(own, given_texts)
    assert compiled == engine


@pytest.mark.parametrize(
    ("own", "text", "expected"),
    [
        (["a|ab"], "ab a", [(0, 2), (3, 4)]),
        (["ab?"], "ab a", [(0, 2), (3, 4)]),
        (["a ?b?", "a b c"], "a b c", [(0, 3)]),
        (["a b c", "a ?b?"], "a b c", [(0, 5)]),
        (["a,", "a"], "a,a a", [(0, 2), (2, 3), (4, 5)]),
        (["a(?: a)*"], "a a ab", [(0, 3)]),
        (["a(?: a)*?"], "a a", [(0, 1), (2, 3)]),
        (["等+"], "x等等y", [(1, 7)]),
        (["let's"], "LET’S let's", [(0, 7), (8, 13)]),
        (["go"], "ago go_ go2 gO", [(12, 14)]),
    ],
    ids=["whole_words", "greedy", "first_pattern", "longer_first", "comma", "repeat", "lazy", "chinese", "apostrophes", "inside_words"],
)
def test_the_leftmost_match_of_the_first_pattern_counts(own, text, expected):
    compiled, engine = by_both(own, [text])
    assert compiled == engine
    assert list(zip(compiled[1], compiled[2], strict=True)) == expected


@pytest.mark.parametrize("size", [BLOCK - 3, BLOCK - 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_a_match_may_lie_across_blocks_and_at_the_end_of_a_text(size):
    compiled, engine = by_both(["wait", "hm+"], ["." * size + "wait", "x" * size + " wait, hmmmm", "." * size + "h" + "m" * size, "wait"])
    assert compiled == engine
    assert len(compiled[0]) == 5


@pytest.mark.parametrize(
    ("own", "found"),
    [([r"\w\w\w\w\w"], 3), (["go [a-z][a-z][a-z][a-z]"], 1), (["g"], 2), (["等", "gooooooooooooal"], 3)],
    ids=["any_head", "any_seven_bytes", "one_byte", "longer_than_what_is_hashed"],
)
def test_patterns_with_very_many_beginnings_or_very_few_are_found(own, found):
    compiled, engine = by_both(own, ["go home, GO HOME2 g 等 goooooooooooal", "Gooooooooooooal g", "等", "trial error"])
    assert compiled == engine
    assert len(compiled[0]) == found


@pytest.mark.parametrize(
    "pattern", [r"(?u:\p{Han})", "(?i:a)", "[A-C]x", r"\x41", "(?:a*)+b", "a{1000}", "[[:alpha:]]", "[a&&b]", "(?P<name>a)", "a**"]
)
def test_what_it_cannot_read_is_left_to_the_engine(pattern):
    assert automaton(lexicon_of(pattern).spellings()) is None


def test_more_lexicons_than_bits_are_searched_all_the_same():
    lexicons = [lexicon_of(word) for word in ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa"]]
    data = utf8_of(pl.Series(["kappa alpha", "iota theta beta"]))
    found = scan(data, [built for lexicon in lexicons if (built := automaton(lexicon.spellings()))])
    assert [one.start.tolist() for one in found] == [[6], [11], [], [], [], [], [], [5], [0], [0]]


@pytest.mark.parametrize("name", shipped_lexicons())
def test_the_shipped_lexicons_are_covered(name):
    assert automaton(load_lexicon(name).spellings()) is not None
