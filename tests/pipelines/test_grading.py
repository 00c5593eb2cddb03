import csv
import gzip
import io
import json
import tracemalloc

import polars as pl
import pytest
from cotkit.pipelines.grading import RowReader, added_names, choose_columns, grade_file, grade_one, response_text
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import VerifyConfig

CONFIG = VerifyConfig(workers=1)
ROWS = [
    {"id": 1, "gold": r"\frac12", "response": r"so it is \boxed{0.5}.", "score": 0.1},
    {"id": 2, "gold": "7", "response": "<think>8? no</think>The answer is 8", "score": None},
    {"id": 3, "gold": None, "response": r"\boxed{8}", "score": 0.3},
    {"id": 4, "gold": "7", "response": None, "score": 0.4},
    {"id": 5, "gold": "", "response": "", "score": 0.5},
    {"id": 6, "gold": "$18$", "response": r"\boxed{18}", "score": 1e3},
]
OUTCOMES = ["correct", "wrong", "unreadable_gold", "no_answer", "no_answer", "correct"]


def reader(**mapping):
    return lambda names: RowReader(names, mapping, None, "here")


def graded(source, out, **mapping):
    *_, summary = grade_file(source, out, reader(**mapping), CONFIG)
    return summary


def write(path, rows):
    if path.suffix == ".parquet":
        pl.DataFrame(rows).write_parquet(path)
    elif path.suffix in (".csv", ".tsv"):
        pl.DataFrame(rows).write_csv(path, separator="\t" if path.suffix == ".tsv" else ",")
    else:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])
@pytest.mark.parametrize("source", ["in.jsonl", "in.jsonl.gz", "in.csv", "in.tsv", "in.parquet"])
def test_every_row_comes_out_in_its_place_with_its_columns_and_its_outcome(tmp_path, source, out):
    summary = graded(write(tmp_path / source, ROWS), tmp_path / out)
    read = pl.read_ndjson if out.endswith("jsonl") else pl.read_parquet
    frame = read(tmp_path / out)
    assert frame.columns == ["id", "gold", "response", "score", "outcome", "answer", "found_by", "decided_by", "milliseconds"]
    assert frame["outcome"].to_list() == OUTCOMES
    assert [int(number) for number in frame["id"]] == [1, 2, 3, 4, 5, 6]
    assert frame["response"].to_list()[:3] == [row["response"] for row in ROWS[:3]]
    assert frame["answer"].to_list()[:2] == ["0.5", "8"]
    assert all(milliseconds >= 0 for milliseconds in frame["milliseconds"])
    assert (summary.rows, summary.outcomes["correct"], summary.outcomes.total()) == (6, 2, 6)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_line_of_json_is_kept_to_the_letter(tmp_path):
    lines = [
        '{"gold":"7", "response":"\\u2028 \\\\boxed{7}",  "x": 1e5, "big": 123456789012345678901234567890, "x": 1.50}',
        "",
        '{  "response":"8" , "gold":7.0 }',
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    graded(tmp_path / "in.jsonl", tmp_path / "out.jsonl")
    first, second = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
    assert first.startswith(lines[0][:-1] + ', "outcome": "correct", ')
    assert second.startswith('{  "response":"8" , "gold":7.0, "outcome": "wrong", ')


def test_parquet_types_and_nested_columns_are_kept(tmp_path):
    frame = pl.DataFrame(
        {
            "solution": ["7", "8"],
            "completion": [[{"role": "assistant", "content": r"\boxed{7}"}]] * 2,
            "small": pl.Series([1, 2], dtype=pl.Int8),
        }
    )
    frame.write_parquet(tmp_path / "in.parquet")
    graded(tmp_path / "in.parquet", tmp_path / "out.parquet")
    out = pl.read_parquet(tmp_path / "out.parquet")
    assert out.select(frame.columns).equals(frame)
    assert out.schema["small"] == pl.Int8
    assert out["outcome"].to_list() == ["correct", "wrong"]


def test_a_column_of_the_file_keeps_its_name_and_ours_gives_way():
    assert added_names(["answer", "response"], "f")["answer"] == "graded_answer"
    with pytest.raises(CotkitError, match="graded_outcome already"):
        added_names(["outcome", "graded_outcome"], "f")


@pytest.mark.parametrize(
    ("names", "gold", "response"),
    [
        (["problem", "answer", "response"], "answer", "response"),
        (["Gold", "Output"], "Gold", "Output"),
        (["solution", "completion", "text"], "solution", "completion"),
        (["expected", "prediction"], "expected", "prediction"),
        (["reward_model", "reward_model.ground_truth", "generation"], "reward_model.ground_truth", "generation"),
        (["gold", "answer", "raw"], "gold", "raw"),
    ],
)
def test_columns_are_guessed_by_their_names(names, gold, response):
    columns = choose_columns(names, {}, "f")
    assert (columns["gold"], columns["response"]) == (gold, response)


def test_a_mapped_column_is_taken_and_one_that_is_not_there_is_an_error():
    assert choose_columns(["answer", "response", "mine"], {"response": "mine"}, "f")["response"] == "mine"
    with pytest.raises(CotkitError, match="f: no column 'mine'"):
        choose_columns(["answer", "response"], {"response": "mine"}, "f")
    with pytest.raises(CotkitError, match="cannot tell which column is the gold and the response; columns: x"):
        choose_columns(["x"], {}, "f")
    with pytest.raises(CotkitError, match="unknown column 'mine'"):
        choose_columns(["answer", "response"], {"mine": "answer"}, "f")


@pytest.mark.parametrize(
    ("row", "kind", "answer"),
    [
        ({"gold": r"\frac12"}, "math", r"\frac12"),
        ({"gold": "Saturday"}, "text", "Saturday"),
        ({"gold": "3.5", "answer_type": "float"}, "number", "3.5"),
        ({"gold": "3.5", "kind": "number"}, "number", "3.5"),
        ({"gold": "B", "options": ["red", "blue"]}, "choice", "B"),
        ({"gold": 1, "options": ["red", "blue"]}, "choice", "B"),
        ({"gold": "blue", "options": '["red", "blue"]'}, "choice", "B"),
        ({"gold": "B", "prompt": "Which? (A) red (B) blue"}, "choice", "B"),
        ({"gold": "so it is 7\n#### 7"}, "math", "7"),
        ({"gold": 7.0}, "math", "7"),
        ({"gold": None}, "math", ""),
    ],
)
def test_a_rows_kind_is_its_own_or_told_from_its_gold(row, kind, answer):
    problem = RowReader(["response", *row], {}, None, "f").problem(row)
    assert (problem.kind, problem.answer) == (kind, answer)


def test_a_worked_solution_that_states_no_answer_is_none():
    row = {"solution": "First we add.\nThen we subtract.", "response": "7"}
    assert RowReader(list(row), {}, None, "f").problem(row).answer == ""


def test_a_cut_off_row_is_truncated_and_of_a_chat_the_last_turn_counts():
    row = {"gold": "7", "response": "so 7", "finish_reason": "max_tokens"}
    assert RowReader(list(row), {}, None, "f").item(row)[2] == "length"
    assert response_text([{"role": "assistant", "content": "1"}, {"from": "gpt", "value": "2"}]) == "2"
    assert [response_text(value) for value in (None, [], 7)] == ["", "", "7"]


BAD = {
    "torn.jsonl": (b'{"gold": "7", "response": "7"}\n{"gold": "7", ', "torn.jsonl:2: not valid JSON"),
    "list.jsonl": (b"[1]\n", "list.jsonl:1: not a JSON object"),
    "empty.jsonl": (b"", "empty.jsonl: no rows"),
    "latin.jsonl": (b'{"gold": "\xe9"}\n', "latin.jsonl: not UTF-8"),
    "wide.csv": (b"gold,response\n7,7\n7,7,7\n", "wide.csv:3: not valid CSV"),
    "torn.parquet": (b"PAR1 no", "torn.parquet: not a valid Parquet file"),
    "file.txt": (b"7", "cannot tell the format"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_an_error_that_names_the_place_and_leaves_no_output(tmp_path, name):
    content, says = BAD[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CotkitError, match=says):
        graded(tmp_path / name, tmp_path / "out.jsonl")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_memory_does_not_grow_with_the_file(tmp_path):
    def peak(rows):
        path = tmp_path / f"{rows}.csv"
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["gold", "response"])
            writer.writerows([str(n % 50), "x" * 2000 + rf"\boxed{{{n % 50}}}"] for n in range(rows))
        tracemalloc.start()
        graded(path, tmp_path / "out.jsonl")
        held = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        (tmp_path / "out.jsonl").unlink()
        return held

    assert peak(12_000) < 1.3 * peak(4_000) + 2**20


def test_lines_go_to_a_stream(tmp_path):
    stream = io.StringIO()
    graded(write(tmp_path / "in.jsonl", ROWS), stream)
    assert [json.loads(line)["outcome"] for line in stream.getvalue().splitlines()] == OUTCOMES


def test_one_pair_is_graded_without_a_file():
    problem, judged = grade_one("1/2", r"<think>?</think>\boxed{0.5}", None, CONFIG)
    assert (problem.kind, judged.result().outcome) == ("math", "correct")
