import json
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.pipelines.verification import check_gold, judge_all
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import VerifyConfig
from cotkit.schemas.verdict import OUTCOMES
from cotkit.verifiers import VERSION, verify
from hypothesis import given, settings
from hypothesis import strategies as st

SHARED = Path(__file__).parents[2] / "../shared"
CASES = SHARED / "verification/cases.jsonl"
BENCHMARKS = SHARED / "data/benchmarks"


def judged(gold, answer):
    return verify(rf"so \boxed{{{answer}}}", Problem.make("?", gold, "math"))


SAME = [
    ("7", "7.0"),
    ("1000", "1,000"),
    ("1000", r"1{,}000"),
    ("1000", r"1\,000"),
    ("1000", "1 000"),
    ("x=1000", "1,000"),
    (r"\frac{1}{2}", "0.5"),
    (r"\text{y_{1}=x^{2}(1-x)}", "y_1=x^2(1-x)"),
    (r"\frac12", "1/2"),
    (r"\dfrac{3}{4}", "0.75"),
    ("2.5", r"2\frac{1}{2}"),
    ("5/4", "1 1/4"),
    ("-1/2", r"\frac{-1}{2}"),
    ("1/3", "0.333333333"),
    ("1/3", r"0.\overline{3}"),
    ("6.02e23", r"6.02\times10^{23}"),
    (r"10^{40}", "1" + "0" * 40),
    ("28%", "28"),
    ("28%", "0.28"),
    ("90^\\circ", "90"),
    ("5", r"5\text{ cm}"),
    ("5 cm", "5 centimeters"),
    (r"\$5", "5"),
    ("12", "12 apples"),
    ("1,2", "2,1"),
    (r"\{1,2\}", "2, 1"),
    ("(1,2)", r"\left( 1, 2 \right)"),
    ("(0,1]", r"(0,\frac{2}{2}]"),
    (r"\pm 3", "-3, 3"),
    ("3,4", r"3 \text{ or } 4"),
    (r"(1,2)\cup(3,4)", r"(3,4)\cup(1,2)"),
    (r"\begin{pmatrix}1\\2\end{pmatrix}", r"\begin{bmatrix}1.0\\2\end{bmatrix}"),
    (r"\sqrt{8}", r"2\sqrt{2}"),
    ("(x+1)^2", "x^2+2x+1"),
    ("y=3x", "3x-y=0"),
    ("x>5", r"(5,\infty)"),
    (r"\frac{\sqrt3}{2}", "0.8660254"),
    (r"\text{even}", "Even"),
    ("x^2", "x²"),
    ("7", "７"),
    ("7", "7\u200b"),
    ("-7", "–7"),
    (r"\frac{1}{2}", "½"),
    ("7", "((7))"),
    ("2", r"17\bmod 5=2"),
    ("1010_2", "1010"),
    ("7", "m+n=7"),
    ("7", "f(2)=3+4=7"),
    ("9" * 5000, "9" * 5000),
    ("7", "0" * 5000 + "7"),
]


@pytest.mark.parametrize(("gold", "answer"), SAME, ids=[f"{gold[:30]} is {answer[:30]}" for gold, answer in SAME])
def test_right_answers_are_correct_however_written(gold, answer):
    verdict = judged(gold, answer)
    assert (verdict.outcome, verdict.answer[:2000]) == ("correct", answer[:2000]), verdict.decided_by


DIFFERENT = [
    ("7", "8"),
    ("7", "7.0000001"),
    ("1/3", "0.3333335"),
    ("1/3", "0.33"),
    ("0.1", "0.1000004"),
    ("7", "0.07"),
    ("2 2/3", "2"),
    ("2 2/3", "22/3"),
    ("0.0000001", "0.0000002"),
    (r"6.63\times10^{-34}", r"9.11\times10^{-31}"),
    (r"\frac{1}{2^{99}}", r"\frac{1}{2^{98}}"),
    (r"\frac{1}{2004!}", r"\frac{1}{2006!}"),
    (r"\sqrt{10^{40}+1}", r"10^{20}"),
    (r"e^{\pi\sqrt{163}}", "262537412640768744"),
    ("3t", "3"),
    (r"\pi r^2 h", r"\pi r^2"),
    ("2n+3m", "2n+3l"),
    (r"2\pi r", r"2\pi R"),
    ("ABC", "CBA"),
    ("1010_2", "1010_3"),
    ("50 cm", "50 m"),
    (r"15\text{ cm}^2", r"15\text{ cm}^3"),
    ("2", "1=2"),
    ("x=1,y=2", "(2,1)"),
    (r"\{1,2\}", "(2,1)"),
    ("(1,2)", "(2,1)"),
    ("(0,1]", "(0,1)"),
    ("(0,1]", "[0,1]"),
    ("1,2", "1,2,3"),
    ("1,2", "2"),
    ("32349", "32, 349"),
    ("x^2+1=0", "x^2+5=0"),
    ("e^x=-1", "e^x=-2"),
    ("x=x+1", "x=x+2"),
    (r"\sin x=2", r"\cos x=3"),
    ("x^2+y^2=4", "x^2+y^2=-4"),
    ("x>5", r"x\ge 5"),
    (r"1-\frac{1}{\mathrm{e}}", r"1+\frac{1}{\mathrm{e}}"),
    ("1/0", "2/0"),
    (r"\text{even}", "odd"),
    ("3x-y+13=0", "3x+4y+14=0"),
    (r"4\sqrt{2}", "4"),
    ("6", "2x=6"),
    ("0", "-x=0"),
]


@pytest.mark.parametrize(("gold", "answer"), DIFFERENT, ids=[f"{gold[:30]} is not {answer[:30]}" for gold, answer in DIFFERENT])
def test_known_false_positives_of_graders_are_not_correct(gold, answer):
    assert judged(gold, answer).outcome in ("wrong", "unreadable_answer", "unreadable_gold")


@pytest.mark.parametrize(
    ("gold", "response", "outcome"),
    [
        ("3", "The answer is either 3 or 4.", "ambiguous"),
        ("3", r"\boxed{3 \text{ or } 4}", "ambiguous"),
        ("3", r"\boxed{3} and \boxed{4}", "ambiguous"),
        ("3,4", r"\boxed{3} and \boxed{4}", "correct"),
        ("8", r"not \boxed{7}", "ambiguous"),
        ("7", "I do not know.", "no_answer"),
        ("7", "", "no_answer"),
        ("7", r"\boxed{\text{it depends on the weather}}", "unreadable_answer"),
        ("7", "There are 3 and 4, in all there are 7", "correct"),
        ("7", r"\boxed{9^{9^{9}}}", "wrong"),
        ("9^{9^{9}}", r"\boxed{3}", "wrong"),
        ("7", r"\boxed{9^{9^{9^{9}}}}", "unreadable_answer"),
        ("9^{9^{9^{9}}}", r"\boxed{3}", "unreadable_gold"),
        ("9^{9^{9}}", r"\boxed{9^{9^9}}", "correct"),
        ("", r"\boxed{3}", "unreadable_gold"),
        (r"\frac{", r"\boxed{3}", "unreadable_gold"),
    ],
)
def test_what_is_neither_correct_nor_wrong_has_its_own_outcome(gold, response, outcome):
    assert verify(response, Problem.make("?", gold, "math")).outcome == outcome


def test_a_verdict_says_how_it_came_about():
    verdict = judged("0.5", r"\frac{1}{2}")
    assert verdict.model_dump() == {
        "outcome": "correct",
        "answer": r"\frac{1}{2}",
        "found_by": "boxed",
        "decided_by": "exact",
        "verifier": f"math/{VERSION}",
    }


FRAGMENTS = st.lists(
    st.sampled_from(
        [
            "\\boxed{",
            "}",
            "{",
            "(",
            ")",
            "\\frac",
            "\\sqrt",
            "1",
            "2.5",
            "x",
            "=",
            ",",
            "^",
            "_",
            "\\",
            "$",
            "answer is ",
            "\\cup",
            "%",
            " or ",
            "²",
            "\ud800",
        ]
    ),
    max_size=12,
).map("".join)


@settings(max_examples=150, deadline=None)
@given(response=FRAGMENTS | st.text(max_size=60), gold=st.sampled_from(["7", r"\frac{x}{2}", "(1,2)", "x=3", r"\text{no}", "1,2"]))
def test_no_response_makes_the_verifier_raise(response, gold):
    verdict = verify(response, Problem.make("?", gold, "math"))
    assert verdict.outcome in OUTCOMES
    verdict.model_dump_json()


@settings(max_examples=60, deadline=None)
@given(gold=st.fractions(max_denominator=10**6) | st.integers() | st.decimals(-(10**6), 10**6, places=4))
def test_every_number_verifies_itself_and_not_its_successor(gold):
    assert judged(str(gold), str(gold)).outcome == "correct"
    assert judged(str(gold), str(gold + 1)).outcome == "wrong"


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.skipif(not CASES.exists(), reason="the cases to measure on are not beside the checkout")
def test_accuracy_on_the_cases_of_other_graders_has_a_floor():
    cases = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    cases = [
        case
        for case in cases
        if not case["questionable"] and case["gold_form"] == "bare" and case["kind"] != "expr24" and case["expected"] is not None
    ]
    with VerifierPool(VerifyConfig(workers=2)) as pool:
        verdicts = [judged.result() for judged in judge_all(pool, (_item(case) for case in cases))]
    false_positives = [
        case["id"] for case, verdict in zip(cases, verdicts, strict=True) if verdict.outcome == "correct" and not case["expected"]
    ]
    right = [verdict.outcome == "correct" for case, verdict in zip(cases, verdicts, strict=True) if case["expected"]]
    assert len(cases) > 400
    assert false_positives == []
    assert sum(right) / len(right) >= 0.94


def _item(case):
    kind = "choice" if "mcq" in case["kind"] else "math"
    prediction = case["prediction"]
    return (
        (rf"\boxed{{{prediction}}}" if case["pred_form"] == "answer" else prediction),
        Problem.make("?", case["gold"].strip("$"), kind),
        "stop",
    )


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.skipif(not BENCHMARKS.exists(), reason="the benchmarks are not beside the checkout")
@pytest.mark.parametrize("name", ["math500", "math_train_7500"])
def test_gold_answers_of_math_verify_themselves(name):
    answers = pl.read_parquet(BENCHMARKS / f"{name}.parquet")["answer"].sample(400, seed=0)
    problems = pl.DataFrame([Problem.make("?", answer, "math").model_dump() for answer in answers.unique()], schema=Problem.polars_schema())
    failures = check_gold(problems, VerifyConfig(workers=2))
    assert failures.height <= problems.height * 0.01, failures["answer"].to_list()
