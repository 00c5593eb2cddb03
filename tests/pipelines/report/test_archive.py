"""Traces in the archive: the right ones are chosen, and marks stand where a browser finds them."""

from typing import Any

import polars as pl
import pytest
from cotkit.pipelines.lexicon import load_lexicons, spans
from cotkit.pipelines.report.archive import archive
from cotkit.pipelines.report.marks import TOKEN, behaviour_marks, behaviour_names, loop_marks
from cotkit.pipelines.report.traces import Wanted, viewer_traces
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.tagging.repetition import repeated_shares
from cotkit.schemas.errors import CotkitError

LOOP = "We take the first one and then the second one; so 12 and 34 are next.\n"
TEXTS = [
    pytest.param("", id="empty"),
    pytest.param(LOOP * 30, id="loop"),
    pytest.param("Begin é😀中文. " + LOOP * 9 + "然后我们再来一次，" * 40 + " an end", id="scripts"),
    pytest.param("no loop here, wait", id="none"),
    pytest.param("a b c d e f g h i j " * 12 + "x" * 50 + " \n\t" * 100, id="white-space"),
]


def part(text: str, start: int, end: int) -> str:
    """Give what JavaScript's `slice` gives."""
    return text.encode("utf-16-le")[2 * start : 2 * end].decode("utf-16-le")


@pytest.mark.parametrize("text", TEXTS)
def test_marked_loops_hold_the_share_of_tokens_that_tags_say(text: str) -> None:
    loops = loop_marks(text)
    inside = sum(len(TOKEN.findall(part(text, *loop))) for loop in loops)
    assert inside / max(len(TOKEN.findall(text)), 1) == pytest.approx(repeated_shares(pl.Series([text]))[0])


def test_behaviours_are_marked_where_the_lexicon_finds_them_behind_emoji_too() -> None:
    text = "😀é Wait, alternatively, 中 however: let me recheck 😀. Wait."
    lexicons = load_lexicons(["reflection", "demystify"])
    names = behaviour_names(lexicons)
    (marks,) = behaviour_marks([text], lexicons)
    found = sorted((*names[number], part(text, start, end)) for number, start, end in marks)
    assert found == sorted((span.lexicon, span.behaviour, text[span.start : span.end]) for span in spans(text, lexicons))
    assert len(found) > 6


def ids(run: RunFolder, *given: Any) -> list[str]:
    return viewer_traces(run, *given)["sample_id"].to_list()


def test_all_traces_are_shown_when_there_are_few(make_run: Any) -> None:
    run = make_run(problems=5)
    assert sorted(ids(run, 30)) == sorted(ids(run, 500)) == sorted(run.scan("samples").collect()["sample_id"])


def test_of_many_traces_right_and_wrong_ones_of_a_problem_are_shown_together(make_run: Any) -> None:
    run = make_run(problems=60)
    traces = viewer_traces(run, 80)
    assert traces.height == 80
    assert ids(run, 80) == traces["sample_id"].to_list()
    assert traces["outcome"].n_unique() >= 6
    pairs = traces.filter(pl.col("outcome").is_in(["correct", "wrong"])).group_by("problem_id").agg(pl.col("outcome").n_unique())
    assert (pairs["outcome"] == 2).sum() >= 8


def test_wanted_traces_come_with_the_others_of_their_problems(make_run: Any) -> None:
    run = make_run(problems=8)
    samples = run.scan("samples").collect()
    one = samples["sample_id"][9]
    beside = samples.filter(pl.col("problem_id") == samples["problem_id"][9])["sample_id"]
    assert sorted(ids(run, 99, Wanted(samples=(one[:10],)))) == sorted(beside)
    wrong = viewer_traces(run, 99, Wanted(outcomes=("wrong",)))
    assert set(wrong["outcome"]) == {"wrong"}
    with pytest.raises(CotkitError, match="no sample zzz"):
        ids(run, 99, Wanted(samples=("zzz",)))
    with pytest.raises(CotkitError, match="--outcome right: unknown"):
        ids(run, 99, Wanted(outcomes=("right",)))


def test_a_lexicon_that_is_gone_is_a_note(make_run: Any) -> None:
    from cotkit.schemas.recipe import Recipe, TagConfig

    run = make_run(recipe=Recipe(tag=TagConfig(lexicons=["demystify", "/nowhere/mine.toml"])))
    packed = archive([run], 10)
    assert packed.traces == 10
    assert {lexicon for lexicon, _ in packed.behaviours} == {"demystify"}
    assert "mine.toml" in packed.notes[0]
