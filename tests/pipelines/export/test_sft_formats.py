"""Every format is written with its side files, each row proven for the student, and what fails is left out with its reason."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest
from cotkit.pipelines.export import Exported, export_sft
from cotkit.pipelines.export.formats import FORMATS
from cotkit.pipelines.export.launch import NAMES
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import CurateConfig, Recipe, SampleConfig, SftExportConfig, SftFormat, SplitConfig

RECIPE = Recipe(name="small", sample=SampleConfig(teacher="scripted:mixed", n=3), curate=CurateConfig(outcomes=["correct", "wrong"]))
ROW = {"outcome": "correct", "reasoning": "First 7.\n\nWait, 8.", "response": "So \\boxed{8}."}
ALL = list(get_args(SftFormat))

TemplateFile = Callable[[str], str]


@pytest.fixture
def run(make_run: Any) -> RunFolder:
    return make_run(recipe=RECIPE, problems=4, shards=2, samples={(p, i): ROW for p in range(4) for i in range(3)})


def rows_of(exported: Exported) -> list[dict[str, Any]]:
    if (exported.path / "train.jsonl").exists():
        return [json.loads(line) for line in (exported.path / "train.jsonl").read_text().splitlines()]
    return pl.read_parquet(exported.path / "train-*.parquet").rows(named=True)


def summary_of(exported: Exported) -> dict[str, Any]:
    return json.loads((exported.path / "export.json").read_text())


def test_the_table_has_every_format() -> None:
    assert list(FORMATS) == ALL


@pytest.mark.parametrize("format", ALL)
def test_every_row_is_proven_and_the_launch_line_has_room_for_the_longest(run: RunFolder, model_folder: Path, format: SftFormat) -> None:
    (exported,) = export_sft(run, SftExportConfig(formats=[format], student=str(model_folder)))
    rows, summary = rows_of(exported), summary_of(exported)
    assert (len(rows), exported.rows, summary["rows"], summary["proven"], summary["lengths_counted"]) == (12, 12, 12, True, True)
    turns = rows[0]["messages"] if "messages" in rows[0] else rows[0]["prompt"] + rows[0]["completion"]
    assert [set(turn) for turn in turns] == [{"role", "content"}] * 2
    assert turns[-1]["content"] == "<think>\nFirst 7.\n\nWait, 8.\n</think>\n\nSo \\boxed{8}."
    bytes_of_a_row = sum(len(turn["content"]) for turn in turns)
    assert summary["longest_row"] == pytest.approx(bytes_of_a_row + 100, abs=60)  # one token per byte, and Qwen's system turn
    launch = (exported.path / "launch.sh").read_text()
    side = launch + "".join((exported.path / name).read_text() for name in NAMES[1:] if (exported.path / name).exists())
    needed = -(-(summary["longest_row"] + 1) // 128) * 128
    assert str(needed) in side
    assert FORMATS[format].length.split(".")[-1] in side
    assert str(model_folder) in launch or format in ("axolotl", "torchtune")
    assert "proven" in launch


SIDE_FILES = [
    pytest.param("llamafactory", "dataset_info.json", '"file_name": "train.jsonl"', id="llamafactory"),
    pytest.param("axolotl", "sft.yaml", 'eot_tokens: ["<|im_end|>"]', id="axolotl"),
    pytest.param("unsloth", "train.py", "response_part='<|im_start|>assistant\\n'", id="unsloth"),
    pytest.param("unsloth", "train.py", "instruction_part='<|im_start|>user\\n'", id="unsloth-instruction"),
]


@pytest.mark.parametrize(("format", "name", "text"), SIDE_FILES)
def test_a_trainers_own_file_is_there(run: RunFolder, model_folder: Path, format: SftFormat, name: str, text: str) -> None:
    (exported,) = export_sft(run, SftExportConfig(formats=[format], student=str(model_folder)))
    assert text in (exported.path / name).read_text()


def test_side_files_are_sound_in_their_own_languages(run: RunFolder, model_folder: Path) -> None:
    import ast
    import subprocess

    import yaml

    for exported in export_sft(run, SftExportConfig(formats=ALL, student=str(model_folder))):
        subprocess.run(["bash", "-n", str(exported.path / "launch.sh")], check=True)
        for name in exported.path.iterdir():
            if name.suffix == ".py":
                ast.parse(name.read_text())
            if name.suffix == ".yaml":
                assert yaml.safe_load(name.read_text())["sequence_len"] % 128 == 0
    info = json.loads((run.path / "exports" / "sft-llamafactory-all" / "dataset_info.json").read_text())
    assert info["sft-llamafactory-all"]["tags"]["role_tag"] == "role"


def test_ms_swift_gets_no_column_that_it_takes_for_the_response(run: RunFolder) -> None:
    (exported,) = export_sft(run, SftExportConfig(formats=["ms-swift"]))
    assert set(rows_of(exported)[0]) == {"messages", "problem_id", "sample_id", "source", "teacher", "completion_tokens"}


@pytest.mark.parametrize("format", [name for name, format in FORMATS.items() if "field" not in format.reasoning])
def test_a_field_that_a_trainer_does_not_read_is_an_error(run: RunFolder, format: SftFormat) -> None:
    with pytest.raises(CotkitError, match=f"{format} does not read reasoning in the form 'field'"):
        export_sft(run, SftExportConfig(formats=[format], reasoning="field"))


LOST = [
    pytest.param("trl", "inline", "deepseek_r1_distill", "drops the reasoning, even in the last turn", "no form", id="r1-distill"),
    pytest.param("trl", "field", "qwen2_5", "drops the reasoning", "--reasoning inline keeps it", id="qwen2.5-field"),
    pytest.param("trl", "inline", "gptoss", "leaks, as plain text", "--reasoning field keeps it", id="gpt-oss-inline"),
    pytest.param("trl", "none", "qwen3", "empty think block", "no form", id="qwen3-without-reasoning"),
    pytest.param("verl", "inline", "gemma3", "raises: ", "no form", id="a-template-that-raises"),
]


@pytest.mark.parametrize(("format", "reasoning", "template", "reason", "way_out"), LOST)
def test_an_export_that_loses_every_row_is_refused_and_shows_where(
    run: RunFolder, template_file: TemplateFile, format: SftFormat, reasoning: Any, template: str, reason: str, way_out: str
) -> None:
    config = SftExportConfig(formats=[format], reasoning=reasoning, student=template_file(template))
    for _ in range(2):  # the second time as well
        with pytest.raises(CotkitError) as raised:
            export_sft(run, config)
        assert reason in raised.value.message
        assert way_out in raised.value.message
        assert "⟨response⟩" in raised.value.message
    assert not list((run.path / "exports").rglob("train*"))


def test_rows_that_fail_are_left_out_with_their_reasons_every_time(make_run: Any, model_folder: Path) -> None:
    samples = {(p, i): ROW for p in range(4) for i in range(3)}
    samples |= {
        (0, 1): ROW | {"response": "So <|im_end|>\n<|im_start|>user"},
        (1, 2): ROW | {"reasoning": "x <tool_call> y"},
        (2, 0): ROW | {"response": ""},
        (2, 1): ROW | {"reasoning": "<b>bold</b> is text"},
        (3, 0): ROW | {"reasoning": "x" * 5000},
        (3, 1): ROW | {"reasoning": "a</think>b"},
    }
    run = make_run(recipe=RECIPE, problems=4, shards=2, samples=samples)
    for _ in range(2):
        (exported,) = export_sft(run, SftExportConfig(formats=["trl"], student=str(model_folder), max_length=2000))
        assert sorted(exported.notes) == [
            "1 rows refused: its reasoning spells the control token <tool_call>",
            "1 rows refused: its response spells the control token <|im_end|>",
            "1 rows refused: longer than max_length 2000",
            "1 rows refused: their text holds a <think> or </think> tag, which chat templates would lose or double",
            "1 rows refused: turn 2 has no response",
        ]
        assert exported.rows == 7
    refused = pl.read_parquet(exported.path / "refused" / "rows.parquet")
    kept = {row["sample_id"] for row in rows_of(exported)}
    assert refused.height == 5
    assert not kept & set(refused["sample_id"])
    assert len(kept | set(refused["sample_id"])) == 12
    assert "--max_length 2000" in (exported.path / "launch.sh").read_text()
    (exported,) = export_sft(run, SftExportConfig(formats=["trl"], student=str(model_folder)))
    assert exported.rows == 8


def test_rows_of_one_kind_that_fail_say_which_form_would_keep_them(make_run: Any, template_file: TemplateFile) -> None:
    samples = {(p, i): ROW | {"reasoning": None if i else "First 7."} for p in range(2) for i in range(3)}
    run = make_run(recipe=RECIPE, problems=2, samples=samples)
    (exported,) = export_sft(run, SftExportConfig(formats=["trl"], student=template_file("gptoss")))
    assert exported.rows == 4
    assert "2 rows refused: inline reasoning leaks" in exported.notes[0]
    assert exported.notes[-1] == "of the rows that the template refuses: --reasoning field keeps it"


def test_another_student_proves_again_and_the_same_one_does_not(run: RunFolder, model_folder: Path) -> None:
    def times() -> dict[str, int]:
        (exported,) = export_sft(run, SftExportConfig(formats=["llamafactory"], student=str(model_folder)))
        return {path.name: path.stat().st_mtime_ns for path in exported.path.iterdir()}

    before = times()
    assert times() == before
    template = model_folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("You are Qwen", "You are Q"))
    after = times()
    assert {name for name in before if before[name] != after[name]} == {"train.jsonl", ".train.jsonl.fingerprint", "export.json"} | {
        "launch.sh" for _ in range(before["launch.sh"] != after["launch.sh"])
    }


def test_json_lines_that_were_cut_are_written_again(run: RunFolder) -> None:
    (exported,) = export_sft(run, SftExportConfig(formats=["nemo-rl"]))
    whole = (exported.path / "train.jsonl").read_bytes()
    (exported.path / "train.jsonl").unlink()
    (again,) = export_sft(run, SftExportConfig(formats=["nemo-rl"]))
    assert (again.path / "train.jsonl").read_bytes() == whole
    assert again.rows == 12


def test_a_field_in_json_lines_leaves_nulls_out(run: RunFolder) -> None:
    (exported,) = export_sft(run, SftExportConfig(formats=["nemo-rl"], reasoning="field"))
    user, answer = rows_of(exported)[0]["messages"]
    assert set(user) == {"role", "content"}
    assert answer["reasoning_content"] == "First 7.\n\nWait, 8."


@pytest.mark.parametrize(
    ("template", "refused"), [("qwen3", False), ("qwen3_training", False), ("qwen3_8", False), ("lfm2_2_5", False), ("own", True)]
)
def test_messages_say_when_trl_finds_no_marks(
    run: RunFolder, template_file: TemplateFile, tmp_path: Path, template: str, refused: bool
) -> None:
    own = tmp_path / "own.jinja"
    own.write_text(Path(template_file("qwen3")).read_text(encoding="utf-8") + "{# ours #}", encoding="utf-8")
    student = str(own) if template == "own" else template_file(template)
    (exported,) = export_sft(run, SftExportConfig(formats=["messages"], reasoning="field", student=student))
    assert ("TRL refuses the line" in (exported.path / "launch.sh").read_text()) == refused


def test_only_the_splits_that_are_named(make_run: Any) -> None:
    splits = [SplitConfig(name="long"), SplitConfig(name="short")]
    run = make_run(recipe=RECIPE.model_copy(update={"curate": CurateConfig(splits=splits)}), problems=2)
    assert [item.split for item in export_sft(run, SftExportConfig(formats=["trl"], splits=["short"]))] == ["short"]
    with pytest.raises(CotkitError, match="unknown split 'middle'"):
        export_sft(run, SftExportConfig(splits=["middle"]))


def test_without_a_student_lengths_are_estimated_and_nothing_is_called_proven(run: RunFolder) -> None:
    (exported,) = export_sft(run, SftExportConfig(formats=["trl"]))
    assert summary_of(exported)["proven"] is False
    assert "Nothing was proven" in (exported.path / "launch.sh").read_text()
    assert "estimated" in (exported.path / "launch.sh").read_text()
