"""The audit finds each kind of contradiction that was put into a run, and only those."""

import json

import polars as pl
import pytest
from cotkit.cli import app
from cotkit.pipelines.audit import Audit, audit_run, export_audit
from cotkit.pipelines.audit.audit import against_gold
from cotkit.pipelines.audit.second_opinion import judge
from cotkit.pipelines.importing import import_samples, problems_of
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.verification import verify_run
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe
from typer.testing import CliRunner

GOOD, NOISY, TIED = "What is 3 + 4?", "What is 10 + 10?", "What is 1 + 1?"
BROKEN, CASES, TWICE = "What is left?", "What does the radius give?", "Half of  one?"
ROWS = [
    *[(GOOD, "7", answer, True) for answer in ("7", "7.0", "7", "8")],  # the source is wrong of the last
    *[(NOISY, "21", answer, False) for answer in ("20", "20.0", "\\frac{40}{2}", "21")],  # and of this last one
    *[(TIED, "2", answer, None) for answer in ("2", "3")],
    (BROKEN, "3\\2\\sqrt{2}", "4", None),
    (CASES, "2\\pi r", "2\\pi R", None),  # math-verify takes r for R
    *[(prompt, gold, gold, None) for prompt, gold in ((TWICE, "\\frac12"), ("half of one?", "0.5"), ("Half of one?", "2"))],
]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    rows = [{"problem": p, "gold": g, "raw": f"So \\boxed{{{a}}}.", "kind": "math", "source_correct": says} for p, g, a, says in ROWS]
    path = folder / "traces.parquet"
    pl.DataFrame(rows).write_parquet(path)
    run = RunFolder.create(folder / "run", Recipe(), problems_of(path, {}))
    import_samples(run, path, {})
    verify_run(run, run.recipe.verify)
    return run


@pytest.fixture(scope="module")
def found(run):
    return audit_run(run)


def test_a_majority_against_gold_is_label_noise_by_equivalence_not_by_spelling(found):
    (row,) = found.label_noise.iter_rows(named=True)
    assert (row["gold"], row["silver"], row["votes"], row["gold_votes"], row["voting"]) == ("21", "20", 3, 1, 4)
    assert row["prompt"] == NOISY


@pytest.mark.parametrize(("votes", "share", "listed"), [(3, 0.5, 1), (3, 0.75, 1), (4, 0.5, 0), (3, 0.8, 0)])
def test_too_few_votes_are_no_majority(found, votes, share, listed):
    assert against_gold(found.silver, votes, share).height == listed


def test_silver_answers_stand_beside_gold_and_never_in_its_place(found, run):
    problems = run.problems()
    rows = {row["problem_id"]: row for row in found.silver.iter_rows(named=True)}
    assert dict(problems.select("problem_id", "answer").iter_rows()) == {key: row["gold"] for key, row in rows.items()}
    told = {row["gold"]: (row["silver"], row["agrees"]) for row in rows.values()}
    assert told["7"] == ("7", True)
    assert told["21"] == ("20", False)
    assert told["2"] in ((None, None), ("2", True))  # of the two problems with this gold, one is tied


def test_a_tie_has_no_silver_answer(found, run):
    tied = run.problems().filter(pl.col("prompt") == TIED)["problem_id"][0]
    assert found.silver.filter(pl.col("problem_id") == tied).select("silver", "agrees", "voting").row(0) == (None, None, 2)


def test_golds_that_do_not_verify_themselves_are_listed(found):
    assert found.gold_failures.select("gold", "outcome", "prompt").rows() == [("3\\2\\sqrt{2}", "unreadable_gold", BROKEN)]


def test_what_math_verify_judges_otherwise_is_listed_with_a_sample(found, run):
    (row,) = found.method_disagreements.iter_rows(named=True)
    assert (row["gold"], row["answer"], row["cotkit"], row["math_verify"], row["samples"]) == ("2\\pi r", "2\\pi R", "wrong", "correct", 1)
    assert row["sample_id"] in run.sample_ids()


def test_equal_problems_contradict_only_when_their_golds_differ_in_value(found):
    assert found.contested_doubles.select("gold", "other_gold").rows() == [("\\frac12", "2")]


def test_what_a_source_says_of_its_samples_is_held_against_the_verdicts(found):
    assert found.labelled == 8
    rows = found.source_disagreements.select("gold", "answer", "outcome", "says").rows()
    assert sorted(rows) == [("21", "21", "correct", False), ("7", "8", "wrong", True)]
    assert found.source_disagreements["end"][0].startswith("So ")


@pytest.mark.parametrize("form", ["parquet", "jsonl"])
def test_every_list_is_a_file(found, tmp_path, form):
    paths = export_audit(found, tmp_path / "out", form)
    assert len(paths) == len(Audit._fields) - 1
    noise = pl.read_parquet(paths[0]) if form == "parquet" else pl.read_ndjson(paths[0])
    assert noise["silver"].to_list() == ["20"]
    with pytest.raises(CotkitError, match="exists"):
        export_audit(found, tmp_path / "out", form)


@pytest.mark.parametrize(
    ("gold", "answer", "outcome"),
    [("\\frac12", "0.5", "correct"), ("7", "8", "wrong"), ("7", "", "unreadable_answer"), ("7", "1" * 30_000, "unreadable_answer")],
)
def test_the_second_opinion_never_raises(gold, answer, outcome):
    assert judge(f"\\boxed{{{answer}}}", Problem.make("", gold, "math"), "stop").outcome == outcome


def test_the_command_lists_and_exports(run, tmp_path):
    words = ["audit", str(run.path), "-o", str(tmp_path / "out"), "--format", "jsonl"]
    shown = CliRunner().invoke(app, words)
    assert shown.exit_code == 0, shown.output
    assert "1 problems whose samples' majority is not the gold answer" in shown.stdout
    assert "2 samples that their source judges otherwise of 8 that it labels" in shown.stdout
    exported = json.loads((tmp_path / "out" / "label_noise.jsonl").read_text())
    assert (exported["gold"], exported["silver"]) == ("21", "20")
    again = CliRunner().invoke(app, words)
    assert again.exit_code == 1
    assert "exists" in again.stderr


def test_a_run_without_samples_is_an_error(make_run):
    with pytest.raises(CotkitError, match="no samples"):
        audit_run(make_run(stages=(), problems=2))
