"""Any file of problems becomes a problem set: columns guessed, bad rows rejected with a reason, bad files refused."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.importing import import_problems
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem, problem_id
from cotkit.schemas.recipe import ProblemsConfig

BENCHMARKS = Path(__file__).parents[3] / "../shared/data/benchmarks"
ROW = {"problem": "What is 3 + 4?", "answer": "7"}


def write(path: Path, rows: list) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return str(path)


def imported(tmp_path: Path, *rows: dict, **config):
    return import_problems(ProblemsConfig(source=write(tmp_path / "set.jsonl", list(rows)), **config))


def only(tmp_path: Path, row: dict, **config) -> dict:
    return imported(tmp_path, row, **config).problems.row(0, named=True)


def test_a_problem_has_our_columns_and_the_id_its_content_gives(tmp_path: Path) -> None:
    result = imported(tmp_path, ROW | {"type": "Algebra", "level": 4, "year": 1999, "empty": None})
    assert result.problems.schema == Problem.polars_schema()
    assert result.problems.row(0, named=True) == {
        "problem_id": problem_id("math", "What is 3 + 4?", "7"),
        "prompt": "What is 3 + 4?",
        "answer": "7",
        "kind": "math",
        "options": [],
        "source": "set",
        "subject": "Algebra",
        "level": "4",
        "meta": '{"row":1,"year":1999}',
    }
    assert result.columns == {"prompt": "problem", "answer": "answer", "subject": "type", "level": "level"}


SYSTEM = {"role": "system", "content": "Be brief."}
GREETED = {"role": "user", "content": "Hi"}
ASKED = {"role": "user", "content": "3+4?"}
COLUMNS = {
    "case does not matter": ({"Question": "3+4?", "Answer": "7"}, "3+4?", "7"),
    "problem comes before question": ({"question": "no", "problem": "3+4?", "answer": 7}, "3+4?", "7"),
    "answer comes before solution": ({"prompt": "3+4?", "solution": r"\boxed{8}", "answer": "7"}, "3+4?", "7"),
    "a solution's box": ({"problem": "3+4?", "solution": r"So $\boxed{7}$."}, "3+4?", "7"),
    "verl": ({"prompt": [SYSTEM, ASKED], "reward_model": {"style": "rule", "ground_truth": "7"}}, "3+4?", "7"),
    "a chat of several turns": ({"prompt": [GREETED, {"role": "assistant", "content": "Hi"}, ASKED], "answer": "7"}, "3+4?", "7"),
    "a chat of content parts": ({"prompt": [{"role": "user", "content": [{"type": "text", "text": "3+4?"}]}], "answer": "7"}, "3+4?", "7"),
    "an empty answer beside a solution": ({"problem": "3+4?", "answer": "", "solution": r"\boxed{7}"}, "3+4?", "7"),
}


@pytest.mark.parametrize(("row", "prompt", "answer"), COLUMNS.values(), ids=COLUMNS.keys())
def test_columns_are_guessed(tmp_path: Path, row: dict, prompt: str, answer: str) -> None:
    problem = only(tmp_path, row)
    assert (problem["prompt"], problem["answer"]) == (prompt, answer)


def test_the_map_wins_over_the_guess(tmp_path: Path) -> None:
    row = ROW | {"final": {"value": "8"}, "origin": "a book"}
    problem = only(tmp_path, row, map={"answer": "final.value", "source": "origin"})
    assert (problem["answer"], problem["source"]) == ("8", "a book")


def test_a_worked_answer_is_kept_in_meta(tmp_path: Path) -> None:
    problem = only(tmp_path, {"question": "3+4?", "answer": "3 and 4 make 7.\n#### 7"})
    assert problem["answer"] == "7"
    assert json.loads(problem["meta"])["answer"] == "3 and 4 make 7.\n#### 7"


CHOICES = {
    "index": ({"question": "Which?", "choices": ["one", "two"], "answer": 1}, "B"),
    "letter": ({"question": "Which?", "options": ["one", "two"], "answer": "B"}, "B"),
    "text": ({"question": "Which?", "options": ["one", "two"], "answer": "two"}, "B"),
    "labels": ({"question": "Which?", "choices": {"text": ["one", "two"], "label": ["1", "2"]}, "answerKey": "2"}, "B"),
    "dict": ({"question": "Which?", "options": {"A": "one", "B": "two"}, "answer": "$B$"}, "B"),
}


@pytest.mark.parametrize(("row", "letter"), CHOICES.values(), ids=CHOICES.keys())
def test_a_choice_shows_its_lettered_options_and_has_a_letter(tmp_path: Path, row: dict, letter: str) -> None:
    problem = only(tmp_path, row)
    assert problem["prompt"] == "Which?\n\nA. one\nB. two"
    assert (problem["kind"], problem["answer"], problem["options"]) == ("choice", letter, ["one", "two"])


def test_indices_written_as_text_are_indices_when_the_whole_column_is(tmp_path: Path) -> None:
    rows = [{"question": f"{n}?", "options": "['5', '6', '0']", "answer": answer} for n, answer in enumerate("012")]
    assert imported(tmp_path, *rows).problems["answer"].to_list() == ["A", "B", "C"]
    texts = [{"question": f"{n}?", "options": ["5", "6", "0"], "answer": answer} for n, answer in enumerate("560")]
    assert imported(tmp_path, *texts).problems["answer"].to_list() == ["A", "B", "C"]


def test_a_kind_that_is_given_is_taken(tmp_path: Path) -> None:
    assert only(tmp_path, ROW, kind="number")["kind"] == "number"
    with pytest.raises(CotkitError, match="no option's letter"):
        imported(tmp_path, ROW, kind="choice")


def test_a_row_that_is_no_problem_is_rejected_with_its_reason(tmp_path: Path) -> None:
    rows = [
        ROW,
        {"problem": "  ", "answer": "7"},
        {"problem": "3+5?", "answer": None},
        {"problem": "Which?", "answer": "E", "options": ["one", "two"]},
        {"problem": "Prove it.", "answer": ""},
    ]
    result = imported(tmp_path, *rows)
    assert result.problems.height == 1
    assert result.rejected.select("row", "reason").rows() == [
        (2, "no prompt"),
        (3, "no answer"),
        (4, "the answer 'E' is none of the 2 options"),
        (5, "no answer"),
    ]
    assert [json.loads(record) for record in result.rejected["record"]] == rows[1:]


def test_a_worked_solution_that_states_no_answer_is_none(tmp_path: Path) -> None:
    result = imported(tmp_path, {"problem": "3+4?", "solution": "$7$"}, {"problem": "Prove it.", "solution": "Clear.\n" * 9})
    assert result.problems["answer"].to_list() == ["7"]
    assert result.rejected["reason"].to_list() == ["no answer"]


def test_doubles_are_counted_and_contested_prompts_noted(tmp_path: Path) -> None:
    result = imported(tmp_path, ROW, ROW, ROW | {"answer": "8"}, {"problem": "3+5?", "answer": "", "solution": r"\boxed{8}"})
    assert result.problems["answer"].to_list() == ["7", "8", "8"]
    assert result.notes == [
        "1 double left out",
        "1 prompt stands there with different answers",
        "1 empty answer was taken from the solution's box",
    ]


def test_the_limit_counts_distinct_problems(tmp_path: Path) -> None:
    rows = [ROW, ROW, *({"problem": f"{n}+1?", "answer": n + 1} for n in range(9))]
    assert imported(tmp_path, *rows, limit=3).problems["answer"].to_list() == ["7", "1", "2"]


def test_the_demo_imports_itself_to_the_same_problems(tmp_path: Path) -> None:
    first = import_problems(ProblemsConfig(source="demo"))
    first.problems.write_parquet(tmp_path / "again.parquet")
    again = import_problems(ProblemsConfig(source=str(tmp_path / "again.parquet")))
    assert first.problems.height > 20
    assert first.rejected.height == 0
    assert again.problems.drop("meta").equals(first.problems.drop("meta"))


def test_images_and_lone_surrogates_stay_out(tmp_path: Path) -> None:
    frame = pl.DataFrame({"problem": ["3+4?"], "answer": ["7"], "image": [{"bytes": b"\x89PNG", "path": "a.png"}]})
    frame.write_parquet(tmp_path / "set.parquet")
    problem = import_problems(ProblemsConfig(source=str(tmp_path / "set.parquet"))).problems.row(0, named=True)
    assert json.loads(problem["meta"]) == {"row": 1, "image": {"path": "a.png"}}
    assert only(tmp_path, {"problem": "3+4\ud800?", "answer": "7", "note": "\ud800"})["prompt"] == "3+4??"


def as_json(path: Path) -> Path:
    path.write_text(json.dumps([ROW]))
    return path


def as_compressed(path: Path) -> Path:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(json.dumps(ROW).encode()))
    else:
        import pyarrow

        with pyarrow.output_stream(str(path), compression="zstd") as stream:
            stream.write(json.dumps(ROW).encode())
    return path


def as_frame(path: Path) -> Path:
    frame = pl.DataFrame([ROW | {"answer": "007"}])
    {".csv": frame.write_csv, ".parquet": frame.write_parquet}.get(path.suffix, lambda to: frame.write_csv(to, separator="\t"))(path)
    return path


@pytest.mark.parametrize(
    ("name", "make", "answer"),
    [
        ("a.json", as_json, "7"),
        ("a.csv", as_frame, "007"),
        ("a.tsv", as_frame, "007"),
        ("a.parquet", as_frame, "007"),
        ("a.jsonl.gz", as_compressed, "7"),
        ("a.jsonl.zst", as_compressed, "7"),
    ],
)
def test_every_format_is_read(tmp_path: Path, name: str, make, answer: str) -> None:
    problem = import_problems(ProblemsConfig(source=str(make(tmp_path / name)))).problems.row(0, named=True)
    assert (problem["prompt"], problem["answer"], problem["source"]) == ("What is 3 + 4?", answer, "a")


BAD_FILES = {
    "torn line": ("a.jsonl", b'{"problem": "3+4?", "answer": "7"}\n{"problem": "3+', r"a\.jsonl:2: not valid JSON"),
    "not an object": ("a.jsonl", b"[1]\n", r"a\.jsonl:1: not a JSON object"),
    "a number of too many digits": ("a.jsonl", b'{"answer": ' + b"9" * 5000 + b"}\n", r"a\.jsonl:1: not valid JSON"),
    "empty": ("a.jsonl", b"\n", r"a\.jsonl: no rows"),
    "not UTF-8": ("a.jsonl", b'{"problem": "\xff"}', r"a\.jsonl: not UTF-8"),
    "torn gzip": ("a.jsonl.gz", gzip.compress(b"{}" * 999)[:-9], r"a\.jsonl\.gz: cannot be read"),
    "not gzip": ("a.jsonl.gz", b"{}", r"a\.jsonl\.gz: cannot be read"),
    "not zstd": ("a.jsonl.zst", b"{}", r"a\.jsonl\.zst: cannot be read"),
    "torn json": ("a.json", b'[{"problem":\n', r"a\.json:2: not valid JSON"),
    "not a list": ("a.json", b"{}", r"a\.json: not a list"),
    "not Parquet": ("a.parquet", b"PAR1 nothing", r"a\.parquet: (not a valid parquet file|cannot be read)"),
    "empty csv": ("a.csv", b"", r"a\.csv: no rows"),
    "ragged csv": ("a.csv", b"problem,answer\n1,2,3\n", r"a\.csv: not a valid csv file"),
    "unknown ending": ("a.xlsx", b"x", r"a\.xlsx: cannot tell the format"),
}


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES.values(), ids=BAD_FILES.keys())
def test_a_bad_file_is_refused_by_name(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CotkitError, match=message):
        import_problems(ProblemsConfig(source=str(tmp_path / name)))


@pytest.mark.parametrize("source", ["missing.jsonl", "./missing", "/no/such/set", "data/sub/set", "~/missing.csv"])
def test_a_path_that_is_not_there_is_not_looked_for_on_the_hub(source: str) -> None:
    with pytest.raises(CotkitError, match="no such file"):
        import_problems(ProblemsConfig(source=source))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CotkitError, match="a folder"):
        import_problems(ProblemsConfig(source=str(tmp_path)))


def test_a_missing_column_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(CotkitError, match=r"which column is the answer; columns: problem, result") as error:
        imported(tmp_path, {"problem": "3+4?", "result": "7"})
    assert "--map answer=COLUMN" in error.value.hint
    with pytest.raises(CotkitError, match="no column 'nope'") as error:
        imported(tmp_path, ROW, map={"answer": "nope"})
    assert "problem, answer" in error.value.hint
    with pytest.raises(CotkitError, match="'gold' is no column of a problem"):
        imported(tmp_path, ROW, map={"gold": "answer"})


def test_a_set_without_one_problem_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CotkitError, match="none of its 1 rows is a problem: no answer"):
        imported(tmp_path, {"problem": "Prove it.", "answer": None})


# distinct problems, kinds; no row is rejected
COUNTS = {
    "aime24": (30, {"math"}),
    "aime25": (30, {"math"}),
    "aime_1983_2023_train": (975, {"math"}),
    "amc23": (40, {"math"}),
    "college_math": (2805, {"math", "text", "boolean"}),
    "deepscaler_difficulty_1": (7766, {"math", "text", "choice"}),
    "deepscaler_difficulty_2": (7784, {"math", "text", "boolean"}),
    "deepscaler_difficulty_3": (7823, {"math", "text", "choice", "boolean"}),
    "deepscaler_difficulty_4": (7807, {"math", "choice", "boolean"}),
    "deepscaler_difficulty_5": (7799, {"math", "text", "choice", "boolean", "list"}),
    "gsm8k_test": (1319, {"math"}),
    "gsm8k_train": (7473, {"math"}),
    "math500": (500, {"math", "text", "choice"}),
    "math_test_5000": (5000, {"math", "text", "choice"}),
    "math_train_7500": (7500, {"math", "text", "choice"}),
    "minerva_math": (272, {"math"}),
    "mmlu_pro_test": (11873, {"choice"}),
    "mmlu_stem": (3006, {"choice"}),
    "olympiadbench_math_en_oe": (675, {"math", "text"}),
    "omni_math_num_500": (500, {"math"}),
    "theoremqa": (800, {"number", "list", "boolean", "choice"}),
}


@pytest.mark.shared
@pytest.mark.skipif(not BENCHMARKS.exists(), reason="no ../shared/data beside the checkout")
@pytest.mark.parametrize("name", COUNTS)
def test_every_known_benchmark_imports_without_a_map(name: str) -> None:
    result = import_problems(ProblemsConfig(source=str(BENCHMARKS / f"{name}.parquet")))
    problems, (count, kinds) = result.problems, COUNTS[name]
    assert problems.height == count
    assert set(problems["kind"]) == kinds
    assert result.rejected.height == 0
    answers = problems["answer"]
    assert answers.str.len_chars().min() > 0
    formulas = problems.filter(pl.col("kind") != "text")["answer"]
    assert formulas.str.contains(r"(?:^|[^\\])\$|\\boxed|####").sum() == 0
    choices = problems.filter(pl.col("kind") == "choice")
    assert choices["answer"].str.contains("^[A-Z]$").all()
    with_options = choices.filter(pl.col("options").list.len() > 0)
    assert (with_options["answer"].map_elements(ord, pl.Int64) - ord("A") < with_options["options"].list.len()).all()
    if name.startswith("gsm8k"):
        assert answers.str.contains(r"^-?\d+(\.\d+)?$").all()
    if name in ("amc23", "aime25", "aime_1983_2023_train"):
        assert answers.str.contains(r"^-?\d+$").all()


@pytest.mark.shared
@pytest.mark.skipif(not BENCHMARKS.exists(), reason="no ../shared/data beside the checkout")
def test_golds_taken_from_solutions_are_those_the_source_states() -> None:
    """math500 states its answers and has the worked solutions too: the boxes of the latter must give the former."""
    path = str(BENCHMARKS / "math500.parquet")
    stated = import_problems(ProblemsConfig(source=path)).problems["answer"]
    boxed = import_problems(ProblemsConfig(source=path, map={"answer": "solution"})).problems["answer"]
    assert (stated == boxed).mean() > 0.98
