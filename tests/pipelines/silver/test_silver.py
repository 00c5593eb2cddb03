"""Silver problems: what is kept follows the error rates of the models, every row has its one reason, and silver stays marked."""

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from cotkit.cli import app
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.silver.extraction import read_answer
from cotkit.pipelines.silver.making import Origin, make_silver
from cotkit.schemas.asking import ModelConfig
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import SampleConfig, VerifyConfig
from cotkit.schemas.silver import SILVER, Dropped, SilverConfig
from typer.testing import CliRunner

COUNT = 300
RIGHT, SAME_ERROR = 0.5, 0.1
"""Shares of the teacher's responses that are right, and that make the extractor's error; the others are wrong in their own way."""


def write_lines(path: Path, rows: list[dict]) -> Path:
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def truth(number: int) -> str:
    return str(10 * number + 3)


def extracted(number: int) -> str | None:
    """Give what the scripted extractor says: wrong at every 5th row, not short at every 10th from the second."""
    return None if number % 10 == 1 else str(10 * number + 4) if number % 5 == 0 else truth(number)


def question(number: int) -> str:
    return f"Row [q{number:04}]: what is {10 * number} plus three, in digits?"


def config(extractor: Path, teacher: Path, **settings) -> SilverConfig:
    sample = SampleConfig(teacher=f"scripted:{teacher}", n=settings.pop("n", 2), seed=1)
    model = ModelConfig(teacher=f"scripted:{extractor}", max_tokens=512)
    return SilverConfig(extractor=model, sample=sample, verify=VerifyConfig(workers=1), **settings)


def make_inputs(path: Path, count: int) -> tuple[Origin, Path, Path]:
    pairs = [{"question": question(number), "solution": f"Add them: {truth(number)}."} for number in range(count)]
    reads = [{"when": f"[q{number:04}]", "response": f"It ends there.\n\\boxed{{{extracted(number) or ''}}}"} for number in range(count)]
    answers = {
        lambda number: truth(number): RIGHT,
        lambda number: str(10 * number + 4): SAME_ERROR,
        lambda number: "-1": 1 - RIGHT - SAME_ERROR,
    }
    responds = [
        {"when": f"[q{number:04}]", "response": f"So \\boxed{{{answer(number)}}}.", "weight": weight}
        for number in range(count)
        for answer, weight in answers.items()
    ]
    source = write_lines(path / "pairs.jsonl", pairs)
    return Origin(str(source)), write_lines(path / "extractor.jsonl", reads), write_lines(path / "teacher.jsonl", responds)


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("silver")
    origin, extractor, teacher = make_inputs(path, COUNT)
    make_silver(origin, path / "out", config(extractor, teacher))
    return path


def number_of(prompt: str) -> int:
    return int(re.findall(r"\[q(\d+)\]", prompt)[0])


def test_precision_and_recall_follow_the_error_rates(made: Path) -> None:
    """A right answer is kept with probability 1 - (1 - p)^k, a wrong one with 1 - (1 - e)^k: 0.75 and 0.19 here."""
    kept = pl.read_parquet(made / "out" / "problems.parquet")
    right = sum(row["answer"] == truth(number_of(row["prompt"])) for row in kept.iter_rows(named=True))
    wrong = kept.height - right
    shown, mistaken = 0.7 * COUNT, 0.2 * COUNT
    for seen, among, chance in ((right, shown, 1 - (1 - RIGHT) ** 2), (wrong, mistaken, 1 - (1 - SAME_ERROR) ** 2)):
        assert abs(seen - among * chance) < 4 * (among * chance * (1 - chance)) ** 0.5
    expected = shown * 0.75 / (shown * 0.75 + mistaken * 0.19)
    assert right / kept.height == pytest.approx(expected, abs=0.05)
    assert right / COUNT == pytest.approx(0.7 * 0.75, abs=0.11)


def test_what_is_kept_is_what_the_responses_say(made: Path) -> None:
    run = RunFolder.open(made / "out" / "run")
    rows = run.scan("samples").collect().join(run.problems(), on="problem_id")
    agree = rows.filter(pl.col("response").str.contains(pl.format("\\boxed{{}}".replace("{{}}", "{{{}}}"), pl.col("answer")), literal=True))
    kept = pl.read_parquet(made / "out" / "problems.parquet")
    assert set(kept["problem_id"]) == set(agree["problem_id"])
    assert rows.height == 2 * run.problems().height


def test_the_funnel_adds_up_and_every_other_row_has_one_reason(made: Path) -> None:
    funnel = json.loads((made / "out" / "funnel.json").read_text())
    kept, dropped = pl.read_parquet(made / "out" / "problems.parquet"), pl.read_parquet(made / "out" / "dropped.parquet")
    assert (funnel["rows"], funnel["short"], funnel["dropped"]["not_short"]) == (COUNT, 0.9 * COUNT, 0.1 * COUNT)
    assert dropped.schema == Dropped.polars_schema()
    numbers = [json.loads(meta)["silver"]["row"] for meta in kept["meta"]] + dropped["row"].to_list()
    assert sorted(numbers) == list(range(1, COUNT + 1))


def test_a_majority_keeps_fewer_and_purer_problems(tmp_path: Path) -> None:
    origin, extractor, teacher = make_inputs(tmp_path, 60)
    some = make_silver(origin, tmp_path / "any", config(extractor, teacher, n=3))
    most = make_silver(origin, tmp_path / "majority", config(extractor, teacher, n=3, agree="majority"))
    assert 0 < most.kept < some.kept
    run = RunFolder.open(tmp_path / "majority" / "run")
    correct = run.scan("samples").collect().join(run.scan("verdicts").collect(), on="sample_id").filter(pl.col("outcome") == "correct")
    twice = correct.group_by("problem_id").len().filter(pl.col("len") >= 2)["problem_id"]
    assert set(pl.read_parquet(tmp_path / "majority" / "problems.parquet")["problem_id"]) == set(twice)


def test_silver_stays_marked_in_samples_and_in_every_export(made: Path, tmp_path: Path) -> None:
    kept = pl.read_parquet(made / "out" / "problems.parquet")
    assert kept["source"].str.starts_with(SILVER).all()
    extractor = {json.loads(meta)["silver"]["extractor"].rpartition("/")[2] for meta in kept["meta"]}
    assert extractor == {"extractor.jsonl"}
    few = tmp_path / "few.parquet"
    kept.head(5).write_parquet(few)
    for words in (
        ["sample", str(few), "--teacher", "scripted:mixed", "-n", "8", "-o", str(tmp_path / "run"), "--progress", "none"],
        ["tag", str(tmp_path / "run")],
        ["curate", str(tmp_path / "run")],
        ["export", "all", str(tmp_path / "run")],
    ):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    problems = RunFolder.open(tmp_path / "run").problems()
    assert problems["source"].str.starts_with(SILVER).all()
    exported = [file for file in (tmp_path / "run" / "exports").rglob("*.parquet") if "sft" in str(file) or "rl" in str(file)]
    assert len(exported) >= 4
    for file in exported:
        assert SILVER in json.dumps(pl.read_parquet(file).row(0), default=str), file


def test_near_doubles_bad_rows_and_unreadable_golds_have_their_reasons(tmp_path: Path) -> None:
    story = "A farmer sells seven baskets with twelve apples each on the market in the morning, how many apples does he sell?"
    pairs = [
        {"question": story, "solution": "84"},
        {"question": story.upper(), "solution": "it is 84"},
        {"question": "", "solution": "84"},
        {"question": "What?", "solution": None},
        {"question": "Prove the theorem of Pythagoras.", "solution": "Draw squares."},
        {"question": "Which set is it, then?", "solution": "The set."},
        {"question": r"What is 1 + 1? The answer is \boxed{2}.", "solution": "2"},
        {"question": "A question whose answer nobody reads in the right form?", "solution": "3"},
        {"question": "Too long for the engine, is it not?", "solution": "3"},
    ]
    reads = [
        {"when": "farmer", "response": r"\boxed{84}"},
        {"when": "Pythagoras", "response": r"\boxed{}"},
        {"when": "Which set", "response": r"\boxed{\frac{1}{}"},
        {"when": "1 + 1", "response": r"\boxed{2}"},
        {"when": "nobody reads", "response": "It is three."},
        {"when": "Too long", "error": "context exceeded"},
    ]
    teacher = write_lines(tmp_path / "t.jsonl", [{"response": r"\boxed{84}"}])
    extractor = write_lines(tmp_path / "e.jsonl", reads)
    funnel = make_silver(Origin(str(write_lines(tmp_path / "p.jsonl", pairs))), tmp_path / "out", config(extractor, teacher))
    reasons = dict(pl.read_parquet(tmp_path / "out" / "dropped.parquet").select("row", "reason").iter_rows())
    expected = ["near_duplicate", "no_question", "no_solution", "not_short", "unreadable_reply", "leaked", "unreadable_reply", "refused"]
    assert [reasons[row] for row in range(2, 10)] == expected
    assert (funnel.rows, funnel.kept) == (9, 1)


def test_equal_problems_count_once_where_doubles_are_not_looked_for(tmp_path: Path) -> None:
    pairs = [{"question": "What is 3 + 4?", "solution": "7"}] * 2
    files = [write_lines(tmp_path / f"{name}.jsonl", [{"response": r"\boxed{7}"}]) for name in "et"]
    origin = Origin(str(write_lines(tmp_path / "p.jsonl", pairs)))
    funnel = make_silver(origin, tmp_path / "out", config(files[0], files[1], max_similarity=None))
    assert (funnel.distinct, funnel.short, funnel.dropped) == (2, 1, {"near_duplicate": 1})


@pytest.mark.parametrize(
    ("reply", "answer"),
    [
        (r"So \boxed{7}", "7"),
        ("\\boxed{1}\nno, \\boxed{2}.\n", "2"),
        (r"\boxed{\frac{1}{2}} and more", r"\frac{1}{2}"),
        (r"\boxed{\{1, 2\}}", r"\{1, 2\}"),
        (r"\boxed{ }", ""),
        ("\\boxed{7}\nThat is it.", None),
        (r"\boxed{\frac{1}{2}", None),
        ("7", None),
        ("", None),
    ],
    ids=repr,
)
def test_the_answer_is_the_last_box_of_the_last_line(reply: str, answer: str | None) -> None:
    assert read_answer(reply).answer == answer


def test_columns_are_guessed_or_mapped_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "p.jsonl", [{"q": "What is 3 + 4?", "worked": "7", "orig_answer": "7"}])
    file = write_lines(tmp_path / "m.jsonl", [{"response": r"\boxed{7}"}])
    with pytest.raises(CotkitError, match="which column is the question"):
        make_silver(Origin(str(source)), tmp_path / "out", config(file, file))
    with pytest.raises(CotkitError, match="no column 'nonsuch'"):
        make_silver(Origin(str(source), {"question": "nonsuch"}), tmp_path / "out", config(file, file))
    assert make_silver(Origin(str(source), {"question": "q", "solution": "worked"}), tmp_path / "out", config(file, file)).kept == 1


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    origin, extractor, teacher = make_inputs(tmp_path, 40)
    slow = [json.loads(line) | {"seconds": 0.05} for line in extractor.read_text().splitlines()]
    extractor = write_lines(tmp_path / "slow.jsonl", slow)
    models = ["--extractor", f"scripted:{extractor}", "--teacher", f"scripted:{teacher}", "--concurrency", "2", "--progress", "none"]
    words = ["silver", origin.source, *models, "-o", str(tmp_path / "out"), "--json"]
    child = subprocess.Popen([sys.executable, "-m", "cotkit", *words])
    deadline = time.monotonic() + 30
    while not (tmp_path / "out" / "replies.sqlite-wal").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.2)
    child.kill()
    child.wait()
    assert not (tmp_path / "out" / "funnel.json").exists()
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    whole = json.loads(CliRunner().invoke(app, [word.replace(str(tmp_path / "out"), str(tmp_path / "whole")) for word in words]).stdout)
    assert said | {"out": ""} == whole | {"out": ""}
    again = CliRunner().invoke(app, words)
    assert json.loads(again.stdout) == said
