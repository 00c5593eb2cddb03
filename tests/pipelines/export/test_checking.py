"""Anybody's dataset is read by its columns and proven row by row."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cotkit.cli import app
from cotkit.pipelines.export.checking import CheckSettings, check_dataset
from cotkit.pipelines.rendering import load_student
from cotkit.schemas.errors import CotkitError
from typer.testing import CliRunner

USER, ANSWER = {"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "<think>\nfour\n</think>\n\n4"}
LAYOUTS = [
    pytest.param({"messages": [USER, ANSWER]}, "messages", id="messages"),
    pytest.param({"prompt": [USER], "completion": [ANSWER], "answer": "4"}, "trl", id="prompt-completion"),
    pytest.param({"prompt": "2+2?\n<think>\n", "completion": "four\n</think>\n\n4"}, "trl", id="plain-strings"),
    pytest.param(
        {"conversations": [{"from": "human", "value": "2+2?"}, {"from": "gpt", "value": ANSWER["content"]}]}, "llamafactory", id="sharegpt"
    ),
    pytest.param({"conversations": [USER, ANSWER]}, "llamafactory", id="conversations-of-roles"),
    pytest.param({"instruction": "Add.", "input": "2+2", "output": ANSWER["content"], "system": None}, "llamafactory", id="alpaca"),
]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    if path.suffix == ".parquet":
        pl.DataFrame(rows).write_parquet(path)
    else:
        path.write_text(json.dumps(rows) if path.suffix == ".json" else "".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl", ".json"])
@pytest.mark.parametrize(("row", "format"), LAYOUTS)
def test_every_layout_is_read_from_every_kind_of_file(
    tmp_path: Path, model_folder: Path, row: dict[str, Any], format: str, suffix: str
) -> None:
    checked = check_dataset(write(tmp_path / f"rows{suffix}", [row, row]), load_student(str(model_folder)))
    assert (checked.rows, checked.refused, checked.format) == (2, {}, format)
    assert checked.longest_row > 20


def test_failures_are_counted_by_reason_with_the_first_row_of_each(tmp_path: Path, model_folder: Path) -> None:
    bad = [
        {"messages": [USER, {"role": "assistant", "content": "4<|im_end|>"}]},
        {"messages": None},
        {"messages": [USER, {"role": "assistant", "content": "4 and " + "so on " * 400}]},
        {"messages": [USER, {"role": "assistant", "content": "four</think>4"}]},
    ]
    path = write(tmp_path / "rows.jsonl", [{"messages": [USER, ANSWER]}, *bad, *bad])
    checked = check_dataset(path, load_student(str(model_folder)), CheckSettings(max_length=1000, refused=tmp_path / "refused.parquet"))
    assert (checked.rows, sum(checked.refused.values())) == (9, 8)
    assert sorted(checked.examples.values()) == [1, 2, 3, 4]
    assert checked.failure is not None
    assert "--reasoning inline keeps it" in checked.failure
    assert pl.read_parquet(tmp_path / "refused.parquet")["row"].to_list() == [1, 2, 3, 4, 5, 6, 7, 8]


def test_a_history_that_loses_its_reasoning_is_found(tmp_path: Path, template_file: Callable[[str], str]) -> None:
    path = write(tmp_path / "rows.jsonl", [{"messages": [USER, ANSWER, USER, ANSWER]}])
    checked = check_dataset(path, load_student(template_file("qwen3")), CheckSettings(format="open-instruct"))
    assert list(checked.refused) == ["the template drops the reasoning of turns that are not the last one"]
    assert check_dataset(path, load_student(template_file("qwen3_training"))).refused == {}
    assert check_dataset(path, load_student(template_file("qwen3"))).refused == {}  # TRL swaps that twin in


def test_a_null_column_of_tool_calls_is_named(tmp_path: Path, template_file: Callable[[str], str]) -> None:
    path = write(tmp_path / "rows.parquet", [{"messages": [USER | {"tool_calls": None}, ANSWER | {"tool_calls": None}]}])
    (reason,) = check_dataset(path, load_student(template_file("llama3_1"))).refused
    assert "null tool_calls" in reason


def test_the_trainer_can_be_named(tmp_path: Path, template_file: Callable[[str], str]) -> None:
    path = write(tmp_path / "rows.jsonl", [{"messages": [USER, ANSWER]}])
    student = load_student(template_file("qwen3"))
    assert check_dataset(path, student, CheckSettings(format="trl")).refused == {}
    assert check_dataset(path, student, CheckSettings(format="verl")).refused == {
        "the template drops the reasoning, even in the last turn": 1
    }


NO_DATASETS = [
    pytest.param("absent.jsonl", None, "no such file", id="absent"),
    pytest.param("rows.bin", "x", "not a dataset", id="another-kind"),
    pytest.param("rows.jsonl", '{"text": "x"}\n', "no conversation in the columns text", id="no-conversation"),
    pytest.param("rows.jsonl", '{"messages": []}\n{', "rows.jsonl:2: not valid JSON", id="torn"),
    pytest.param("rows.parquet", "x", "not a Parquet file", id="not-parquet"),
    pytest.param("", None, "no Parquet and no JSON lines", id="an-empty-folder"),
]


@pytest.mark.parametrize(("name", "text", "words"), NO_DATASETS)
def test_what_is_no_dataset_is_an_error(
    tmp_path: Path, template_file: Callable[[str], str], name: str, text: str | None, words: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    if text is not None:
        (folder / name).write_text(text)
    with pytest.raises(CotkitError, match=words):
        check_dataset(folder / name, load_student(template_file("qwen2_5")))


def test_the_command_says_what_fails_and_exits_1(tmp_path: Path, template_file: Callable[[str], str]) -> None:
    path = write(
        tmp_path / "rows.jsonl", [{"messages": [USER, ANSWER]}, {"messages": [USER, {"role": "assistant", "content": "four</think>4"}]}]
    )
    result = CliRunner().invoke(app, ["export", "check", str(path), "--student", template_file("qwen2_5"), "--json"])
    assert result.exit_code == 1
    assert "1 of 2 rows proven for messages" in result.stderr
    assert "1 rows fail, the first is row 1: the rendered turn has an orphan tag: </think>" in result.stderr
    assert json.loads(result.stdout)["refused"] == {"the rendered turn has an orphan tag: </think>": 1}


def test_the_command_exits_0_when_every_row_is_proven(tmp_path: Path, template_file: Callable[[str], str]) -> None:
    path = write(tmp_path / "rows.jsonl", [{"messages": [USER, ANSWER]}])
    assert CliRunner().invoke(app, ["export", "check", str(path), "--student", template_file("qwen2_5")]).exit_code == 0
