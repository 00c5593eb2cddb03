import polars as pl
import pytest
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.pipelines.execute.stages import Part
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.verification import check_gold, verify_run
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, VerifyConfig
from cotkit.schemas.sample import Sample
from cotkit.schemas.verdict import SampleVerdict
from cotkit.verifiers import judge, judging_fingerprint

CONFIG = VerifyConfig(workers=1)
SEVEN = Problem.make("What is 3 + 4?", "7", "math")
SKY = Problem.make("Which colour? (A) blue (B) red", "A", "choice", options=["blue", "red"])


def problem_frame(*problems):
    return pl.DataFrame([problem.model_dump() for problem in problems], schema=Problem.polars_schema())


def sample(number, response, problem=SEVEN, finish_reason="stop"):
    return Sample(
        sample_id=f"s{number}", problem_id=problem.problem_id, index=number, reasoning=None, response=response, delimiter="none",
        finish_reason=finish_reason, prompt_tokens=None, completion_tokens=None, seed=None, seconds=None, teacher="scripted",
        teacher_fingerprint="t", parameters="{}", prompt_hash="p",
    )  # fmt: skip


@pytest.fixture
def run(tmp_path):
    run = RunFolder.create(tmp_path / "run", Recipe(), problem_frame(SEVEN, SKY))
    ledger = run.ledger()
    for number, (response, problem, reason) in enumerate(
        [
            (r"\boxed{7}", SEVEN, "stop"),
            (r"\boxed{8}", SEVEN, "stop"),
            ("Let me think about 7", SEVEN, "length"),
            ("", SEVEN, "error"),
            (r"\boxed{7}", SEVEN, "stop"),
            ("The answer is (A).", SKY, "stop"),
        ]
    ):
        ledger.add(sample(number, response, problem, reason))
    run.seal(ledger)
    ledger.close()
    return run


def test_every_sample_gets_a_verdict_in_its_row(run):
    assert verify_run(run, CONFIG) == (1, 0)
    verdicts = run.read("verdicts", 0)
    assert verdicts.schema == SampleVerdict.polars_schema()
    assert verdicts["sample_id"].equals(run.read("samples", 0)["sample_id"])
    assert verdicts["outcome"].to_list() == ["correct", "wrong", "truncated", "no_answer", "correct", "correct"]


def test_fresh_verdicts_are_left_and_another_deadline_makes_them_stale(run):
    verify_run(run, CONFIG)
    assert verify_run(run, VerifyConfig(workers=2)) == (0, 1)
    assert verify_run(run, VerifyConfig(deadline_seconds=4)) == (1, 0)


def test_verdicts_sealed_while_sampling_are_fresh(tmp_path):
    run = RunFolder.create(tmp_path / "run", Recipe(), problem_frame(SEVEN))
    ledger = run.ledger()
    ledger.add(sample(0, r"\boxed{7}"), judge(r"\boxed{7}", SEVEN, "stop"))
    run.seal(ledger, judging_fingerprint(CONFIG))
    ledger.close()
    assert verify_run(run, CONFIG) == (0, 1)


def test_only_the_shards_of_the_part_are_judged(run):
    assert verify_run(run, CONFIG, Part(1, 2)) == (0, 0)
    assert run.fingerprint("verdicts", 0) is None


def test_equal_responses_are_judged_once(run, tmp_path, monkeypatch):
    from cotkit.pipelines.verification import verify

    log = tmp_path / "judged"
    (tmp_path / "counting.py").write_text(
        f"from cotkit.verifiers import judge as ours\ndef judge(*item):\n    open({str(log)!r}, 'a').write('x')\n    return ours(*item)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with VerifierPool(CONFIG, "counting:judge") as pool:
        verdicts = verify(run.read("samples", 0), run.problems(), pool)
    assert verdicts["outcome"].to_list() == ["correct", "wrong", "truncated", "no_answer", "correct", "correct"]
    assert log.read_text() == "x" * 5


def test_a_sample_of_no_known_problem_is_an_error_that_names_both(run):
    samples = run.read("samples", 0).with_columns(problem_id=pl.lit("gone"))
    run.write("samples", 0, samples, "other")
    with pytest.raises(CotkitError, match="sample s0: no problem gone"):
        verify_run(run, CONFIG)


def test_gold_answers_that_do_not_verify_themselves_are_listed():
    good = [
        SEVEN,
        SKY,
        Problem.make("?", r"\frac{x}{2}", "math"),
        Problem.make("?", "Saturday", "text"),
        Problem.make("?", r"\text{odd}", "math"),
    ]
    bad = [
        Problem.make("?", r"\frac{1}{", "math"),
        Problem.make("?", "blue", "choice"),
        Problem.make("?", "", "math"),
        Problem.make("?", "seven", "number"),
    ]
    listed = check_gold(problem_frame(*good, *bad), CONFIG)
    assert listed.columns == ["problem_id", "outcome", "answer"]
    assert listed["problem_id"].to_list() == [problem.problem_id for problem in bad]
    assert "correct" not in listed["outcome"].to_list()
    assert check_gold(problem_frame(*good), CONFIG).is_empty()
