"""An evaluation from end to end with the scripted teacher: sampled, judged, scored, resumed, checked, judged again, compared."""

import json

import polars as pl
import pytest
from cotkit.cli import app
from cotkit.data import data_file
from cotkit.pipelines.evaluation.comparing import compare
from cotkit.pipelines.evaluation.equivalence import answer_classes, majority
from cotkit.pipelines.evaluation.evaluate import SCORES, Request, evaluate, read_result, recipe_for, teacher_word
from cotkit.pipelines.evaluation.rescoring import check_result, rescore
from cotkit.pipelines.evaluation.scoring import estimates, sampled_ks
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.benchmark import Benchmark
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.evaluation import RESULT
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, VerifyConfig, load_recipe
from cotkit.verifiers import verify
from typer.testing import CliRunner

PAPER = load_recipe(data_file("recipes", "eval_paper.toml"))
GREEDY = load_recipe(data_file("recipes", "eval_greedy.toml"))
SCRIPT = [
    {"response": "So \\boxed{{answer}}.", "reasoning": "Wait, let me recheck.", "weight": 5},
    {"response": "So \\boxed{{wrong}}.", "weight": 3},
    {"response": "I do not know.", "weight": 1},
    {"response": "Then we", "finish_reason": "length", "weight": 1},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("evaluation")


@pytest.fixture(scope="module")
def sums(folder):
    rows = [
        {"problem": f"What is {n} + {n}?", "answer": str(2 * n), "type": "odd" if n % 2 else "even", "level": n // 10} for n in range(20)
    ]
    pl.DataFrame(rows).write_parquet(folder / "sums.parquet")
    return Benchmark(name="sums", description="Sums", file=str(folder / "sums.parquet"), samples=8)


def teacher(folder, name, lines):
    path = folder / f"{name}.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return f"scripted:{path}"


@pytest.fixture(scope="module")
def evaluated(folder, sums):
    request = Request(teacher(folder, "mixed", SCRIPT), [sums], "paper", PAPER)
    return evaluate(request, folder / "first").result


@pytest.fixture(scope="module")
def better(folder, sums, evaluated):
    lines = [SCRIPT[0] | {"weight": 30}, *SCRIPT[1:]]
    return evaluate(Request(teacher(folder, "better", lines), [sums], "paper", PAPER), folder / "second").result


def test_the_result_holds_all_that_the_score_depends_on(evaluated, folder):
    found = evaluated.benchmarks["sums"]
    assert (found.problems, found.asked, found.samples, found.avg.k) == (20, 20, 160, 8)
    assert found.avg.low < found.avg.value < found.avg.high
    assert found.avg.value == pytest.approx(found.outcomes["correct"] / 160)
    assert found.passing[0].value == pytest.approx(found.avg.value)
    assert [score.k for score in found.passing] == [1, 2, 4, 8]
    assert found.majority[-1].value > found.avg.value
    assert found.rates["truncated"].value == pytest.approx(found.outcomes["truncated"] / 160)
    assert (found.verifiers, found.engine.name, found.source.content == "", found.protocol["max_tokens"]) == (
        ["math/4"],
        "scripted",
        False,
        16384,
    )
    assert [score.name for score in found.subjects] == ["even", "odd"]
    assert sum(score.samples for score in found.levels) == 160
    assert any(shown.behaviour == "wait" and shown.share.value > 0.2 for shown in found.behaviours)
    assert read_result(folder / "first") == evaluated


def test_the_numbers_are_those_of_the_table_of_problems(evaluated, folder):
    table = pl.read_parquet(folder / "first" / "sums" / SCORES)
    assert table["samples"].sum() == 160
    assert (table["correct"] / table["samples"]).mean() == pytest.approx(evaluated.benchmarks["sums"].avg.value)
    assert (table["correct"] + table["classes"].list.sum() + table["silent"] == table["samples"]).all()
    assert estimates(table)["avg"] == evaluated.benchmarks["sums"].avg


def test_an_evaluation_is_resumed_and_given_more_samples(folder, sums):
    name = teacher(folder, "again", SCRIPT)
    first = evaluate(Request(name, [sums], "paper", PAPER, {"n": 2}), folder / "again").result.benchmarks["sums"]
    more = evaluate(Request(name, [sums], "paper", PAPER, {"n": 4}), folder / "again").result.benchmarks["sums"]
    assert (first.samples, more.samples) == (40, 80)
    assert RunFolder.open(folder / "again" / "sums").recipe.sample.n == 4
    with pytest.raises(CotkitError, match=r"sampled with other settings \(temperature"):
        evaluate(Request(name, [sums], "greedy", GREEDY), folder / "again")
    with pytest.raises(CotkitError, match="an evaluation of scripted"):
        evaluate(Request("scripted:other", [sums], "paper", PAPER), folder / "again")


@pytest.mark.parametrize(
    ("protocol", "samples", "changes", "n"), [(PAPER, 16, {}, 16), (PAPER, 1, {}, 4), (GREEDY, 16, {}, 1), (PAPER, 16, {"n": 2}, 2)]
)
def test_small_benchmarks_get_more_samples_unless_the_protocol_is_greedy(protocol, samples, changes, n):
    asked = Benchmark(name="a", description="b", samples=samples, sample={"max_tokens": 99})
    recipe = recipe_for(asked, Request("embedded", [asked], "p", protocol, changes))
    assert (recipe.sample.n, recipe.sample.max_tokens, recipe.sample.teacher) == (n, 99, "embedded")


def test_the_papers_protocol_is_the_papers():
    sample = PAPER.sample
    assert (sample.temperature, sample.top_p, sample.max_tokens, sample.n, sample.stop_loops) == (0.7, 0.95, 16384, 4, False)
    assert (GREEDY.sample.temperature, GREEDY.sample.n) == (0.0, 1)


def test_a_folder_is_vllm_and_a_url_is_a_server(tmp_path):
    assert teacher_word(str(tmp_path)) == f"vllm:{tmp_path}"
    assert teacher_word("scripted:mixed") == "scripted:mixed"
    assert sampled_ks(0) == []


def test_a_result_file_is_held_against_its_samples(evaluated, folder):
    assert check_result(folder / "first") == []
    path = folder / "first" / RESULT
    kept = path.read_text()
    told = json.loads(kept)
    told["benchmarks"]["sums"]["avg"]["value"] += 0.01
    told["benchmarks"]["sums"]["samples_hash"] = "0" * 20
    path.write_text(json.dumps(told))
    mistakes = check_result(folder / "first")
    path.write_text(kept)
    assert [mistake.split(":")[1].split(" ")[1] for mistake in mistakes] == ["the", "avg.value"]


def test_samples_are_judged_again_without_sampling_and_what_changed_is_said(folder, sums):
    name = teacher(folder, "older", SCRIPT)
    old = evaluate(Request(name, [sums], "paper", PAPER, {"n": 2}), folder / "older").result.benchmarks["sums"]
    run = RunFolder.open(folder / "older" / "sums")
    verdicts = run.read("verdicts", 0)
    place = verdicts["outcome"].to_list().index("correct")
    older = pl.Series("outcome", ["wrong" if row == place else outcome for row, outcome in enumerate(verdicts["outcome"])])
    run.write("verdicts", 0, verdicts.with_columns(older, pl.lit("math/0").alias("verifier")), "of an older verifier")
    (mistake, *_) = check_result(folder / "older")
    assert "judged otherwise than their verdicts say" in mistake
    done = rescore(folder / "older")
    assert done.changes.select("sample_id", "before", "after").rows() == [(verdicts["sample_id"][place], "wrong", "correct")]
    assert done.after.benchmarks["sums"].avg == old.avg
    assert check_result(folder / "older") == []


def test_two_evaluations_are_compared_problem_by_problem(better, folder):
    (pairing,) = compare(folder / "first", folder / "second")
    assert pairing.problems == 20
    assert pairing.difference.value == pytest.approx(pairing.second.value - pairing.first.value)
    assert pairing.difference.low > 0
    assert pairing.p_value < 0.01
    assert pairing.gained
    assert pairing.warnings == []
    (runs,) = compare(folder / "second" / "sums", folder / "first" / "sums")
    assert runs.difference.value == pytest.approx(-pairing.difference.value)
    assert (runs.lost, runs.gained) == (pairing.gained, pairing.lost)


def test_what_differs_in_the_measuring_is_said(evaluated, folder, sums):
    evaluate(Request(teacher(folder, "short", SCRIPT), [sums], "paper", PAPER, {"max_tokens": 100, "n": 1}), folder / "short")
    (pairing,) = compare(folder / "first", folder / "short")
    assert pairing.warnings == ["max_tokens differs: 16384 and 100"]
    with pytest.raises(CotkitError, match="not a run folder"):
        compare(folder / "first", folder)


@pytest.mark.parametrize(
    ("gold", "kind", "answers", "votes"),
    [
        ("\\frac{1}{2}", "math", {"0.5": 1, "1/2": 1, "2": 1, "2.0": 1, "\\frac{4}{2}": 1, "3": 1}, [(3, False), (2, True), (1, False)]),
        ("(1,2)", "math", {"(1,3)": 2, "(1, 3.0)": 1, "(2,1)": 1}, [(3, False), (1, False)]),
        ("B", "choice", {"(A)": 1, "A": 1, "\\text{A}": 1, "B": 2}, [(3, False), (2, True)]),
    ],
)
def test_equivalent_spellings_are_one_vote(gold, kind, answers, votes):
    problem = Problem.make("?", gold, kind, options=["1", "2"] if kind == "choice" else [])
    frame = pl.DataFrame([problem.model_dump()], schema=Problem.polars_schema())
    rows = [(problem.problem_id, verify(f"\\boxed{{{text}}}", problem).outcome, text) for text, n in answers.items() for _ in range(n)]
    rows.append((problem.problem_id, "no_answer", None))
    samples = pl.DataFrame(rows, schema=["problem_id", "outcome", "answer"], orient="row")
    with VerifierPool(VerifyConfig(workers=1)) as pool:
        (classes,) = answer_classes(frame, samples, pool).values()
        assert answer_classes(frame, samples.filter(pl.col("outcome") == "no_answer"), pool) == {}
    assert [(entry.votes, entry.correct) for entry in classes] == votes
    assert majority(classes) == classes[0]
    assert majority([]) is None


def run_cli(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


def test_the_command_evaluates_prints_and_compares(folder, sums):
    (folder / "mine.toml").write_text('name = "mine"\ndescription = "Sums"\nfile = "sums.parquet"\n')
    words = ["eval", teacher(folder, "cli", SCRIPT), "--benchmarks", folder / "mine.toml", "--samples", 2, "--progress", "none"]
    told = run_cli(*words, "--limit", 10, "-o", folder / "told", "--json")
    assert told.exit_code == 0, told.output
    found = json.loads(told.stdout)["benchmarks"]["mine"]
    assert (found["samples"], found["source"]["left_out"], found["source"]["as_expected"]) == (20, {"beyond the limit": 10}, False)
    shown = run_cli(*words, "-o", folder / "shown", "--from", f"mine={folder / 'sums.parquet'}")
    assert "pass@k %" in shown.stdout
    assert "mine, subject" in shown.stdout
    compared = run_cli("compare", folder / "told", folder / "shown")
    assert "0 problems only in the first, 10 only in the second" in compared.stderr
    assert "difference, points" in compared.stdout
    assert run_cli("eval", "--check", folder / "told").exit_code == 0
    assert "samples judged otherwise" in run_cli("eval", "--rescore", folder / "told").stdout
    assert "math500" in run_cli("eval", "--list").stdout
    for wrong, said in (
        (("eval", "embedded"), "no folder named"),
        (("eval", "embedded", "--benchmarks", "nope", "-o", "x"), "unknown benchmark 'nope'"),
        (("eval", "embedded", "-o", "x", "--from", "aime24"), "not NAME=FILE"),
        (("eval", "embedded", "-o", "x", "--from", f"aime24={folder / 'sums.parquet'}"), "not among the benchmarks"),
        (("eval", "--check", folder), "not an evaluation"),
        (("compare", folder / "told", folder), "not a run folder"),
    ):
        done = run_cli(*wrong)
        assert done.exit_code == 1
        assert said in done.stderr


@pytest.mark.slow
def test_a_real_small_model_is_evaluated(folder):
    from cotkit.pipelines.evaluation.benchmarks import find_benchmark

    request = Request("embedded", [find_benchmark("demo")], "paper", PAPER, {"n": 2}, limit=6)
    found = evaluate(request, folder / "real").result.benchmarks["demo"]
    assert (found.samples, found.asked) == (12, 6)
    assert found.engine.version.startswith("xllamacpp")
    assert found.tokens_total > 12
    assert check_result(folder / "real") == []


def test_a_recipe_of_its_own_is_a_protocol():
    assert recipe_for(Benchmark(name="a", description="b"), Request("embedded", [], "mine", Recipe())).sample.temperature == 1.0
