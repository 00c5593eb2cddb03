"""`cotkit behaviors` on the command line: the table, Markdown, JSON, runs side by side, wrong options."""

import json

import pytest
from cotkit.cli import app
from typer.testing import CliRunner


@pytest.fixture
def run(make_run):
    return make_run(problems=8)


def said(*words: object) -> str:
    result = CliRunner().invoke(app, ["behaviors", *map(str, words)])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_table_has_a_row_per_behaviour_and_group(run):
    lines = said(run.path, "--by", "outcome", "--lexicon", "demystify").splitlines()
    assert lines[0].split() == ["lexicon", "behaviour", "group", "samples", "problems", "%", "of", "samples", "per", "1,000", "tokens"]
    assert {line.split()[1] for line in lines[1:]} == {"alternatively", "however", "recheck", "wait"}
    assert "|" not in "".join(lines)


def test_markdown_and_json_go_to_stdout(run):
    assert said(run.path, "--markdown").startswith("| lexicon | behaviour | group |")
    rates = json.loads(said(run.path, "--json"))
    assert {"run", "group", "behaviour", "share", "share_low", "rate_high", "curve"} <= set(rates[0])
    assert all(rate["share_low"] <= rate["share"] <= rate["share_high"] for rate in rates)


def test_several_runs_stand_side_by_side(run, make_run):
    other = make_run("later", problems=8)
    lines = said(run.path, other.path, "--lexicon", "demystify").splitlines()
    assert [line.split()[0] for line in lines[1:3]] == [str(run.path), str(other.path)]
    assert lines[1].split()[1:3] == lines[2].split()[1:3]


@pytest.mark.parametrize(
    ("words", "message"),
    [(["--by", "colour"], "--by colour: unknown\nhint: one of none, outcome"), (["--lexicon", "x"], "no matches of a lexicon 'x'")],
)
def test_a_wrong_option_names_the_choices(run, words, message):
    result = CliRunner().invoke(app, ["behaviors", str(run.path), *words])
    assert result.exit_code == 1
    assert message in result.stderr
