"""Variables of the chat template are honoured by the proof, written for the trainer, and refused where a trainer has no place for them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest
from cotkit.cli import app
from cotkit.pipelines.export import export_sft
from cotkit.pipelines.export.checking import check_dataset
from cotkit.pipelines.export.formats import FORMATS
from cotkit.pipelines.export.proof import Proof
from cotkit.pipelines.rendering import load_student
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import CurateConfig, Recipe, SampleConfig, SftExportConfig, SftFormat, dump_recipe, load_recipe
from typer.testing import CliRunner

TemplateFile = Callable[[str], str]
NOT_THINKING = {"enable_thinking": False}
RECIPE = Recipe(name="short", sample=SampleConfig(teacher="scripted:short", n=2), curate=CurateConfig(outcomes=["correct"]))
ROW = {"outcome": "correct", "reasoning": None, "response": "So \\boxed{7}."}
TOLD = {
    "llamafactory": ("launch.sh", "--enable_thinking false"),
    "axolotl": ("sft.yaml", 'chat_template_kwargs: {"enable_thinking": false}'),
    "verl": ("launch.sh", "++data.apply_chat_template_kwargs.enable_thinking=false"),
    "nemo-rl": ("launch.sh", "++policy.tokenizer.chat_template_kwargs.enable_thinking=false"),
    "ms-swift": ("launch.sh", "--enable_thinking false --loss_scale default+ignore_empty_think"),
    "unsloth": ("train.py", "{'enable_thinking': False}"),
}
"""Where each trainer is told; TRL reads a column of the rows."""
SHORT = [{"role": "user", "content": "2+2?"}, {"role": "assistant", "content": "Four."}]
THOUGHT = [SHORT[0], {"role": "assistant", "content": "<think>\nTwo and two.\n</think>\n\nFour."}]


@pytest.fixture
def run(make_run: Any) -> Any:
    """A run of short samples, which have no reasoning."""
    return make_run(recipe=RECIPE, problems=2, samples={(p, i): ROW for p in range(2) for i in range(2)})


@pytest.mark.parametrize("format", ["trl", *TOLD])
def test_short_rows_are_proven_for_a_student_that_is_asked_not_to_think(run: Any, template_file: TemplateFile, format: SftFormat) -> None:
    # verl renders each turn alone, and Qwen 3 then as history, in which no block is written: there is nothing to prove with
    student = None if format == "verl" else template_file("qwen3")
    asked = SftExportConfig(formats=[format], student=student, chat_template_kwargs=NOT_THINKING)
    (exported,) = export_sft(run, asked)
    assert (exported.rows, json.loads((exported.path / "export.json").read_text())["chat_template_kwargs"]) == (4, NOT_THINKING)
    name, words = TOLD.get(format, ("launch.sh", "enable_thinking = false"))
    assert words in (exported.path / name).read_text()
    if format == "trl":
        assert pl.read_parquet(exported.path / "*.parquet")["chat_template_kwargs"].to_list() == [NOT_THINKING] * 4


@pytest.mark.parametrize("format", ["trl", "llamafactory", "nemo-rl", "ms-swift", "unsloth"])
def test_without_the_variable_the_empty_block_is_refused_and_the_way_out_named(
    run: Any, template_file: TemplateFile, format: SftFormat
) -> None:
    with pytest.raises(CotkitError, match="empty think block") as raised:
        export_sft(run, SftExportConfig(formats=[format], student=template_file("qwen3")))
    assert "--template-kwargs enable_thinking=false keeps it" in raised.value.message


@pytest.mark.parametrize("format", [name for name in get_args(SftFormat) if FORMATS[name].kwargs == "never"])
def test_a_trainer_that_cannot_pass_them_on_is_refused_with_those_that_can(run: Any, format: SftFormat) -> None:
    with pytest.raises(CotkitError, match=f"{format} gives the chat template no variables") as raised:
        export_sft(run, SftExportConfig(formats=[format], chat_template_kwargs=NOT_THINKING))
    assert raised.value.hint is not None
    assert "trl, messages, axolotl" in raised.value.hint


@pytest.mark.parametrize("kwargs", [{"enable_thinking": "no"}, {"reasoning_effort": "low"}], ids=["not a truth value", "another name"])
def test_a_trainer_with_an_option_for_thinking_alone_takes_no_other(run: Any, kwargs: dict[str, Any]) -> None:
    with pytest.raises(CotkitError, match="llamafactory knows enable_thinking = true or false alone"):
        export_sft(run, SftExportConfig(formats=["llamafactory"], chat_template_kwargs=kwargs))


WRONG = [
    pytest.param({"enable_thinkin": False}, "does not read the variable 'enable_thinkin'", "did you mean enable_thinking", id="misspelled"),
    pytest.param({"verbose": 1}, "does not read the variable 'verbose'", "enable_thinking", id="unknown"),
    pytest.param({"tools": "x"}, "tools is set by the trainer itself", "leave it out", id="the trainer's own"),
]


@pytest.mark.parametrize(("kwargs", "message", "hint"), WRONG)
def test_a_variable_that_the_template_does_not_read_is_told(
    template_file: TemplateFile, kwargs: dict[str, Any], message: str, hint: str
) -> None:
    with pytest.raises(CotkitError) as raised:
        load_student(template_file("qwen3"), kwargs)
    assert message in raised.value.message
    assert hint in (raised.value.hint or "")


LOSING = [
    pytest.param("derived", "drops the reasoning", id="llama-factory-removes-it"),
    pytest.param("common_prefix", "does not start as", id="trl-starts-elsewhere"),
    pytest.param("prefixed", "doubled tags|does not start as", id="ms-swift"),
]


@pytest.mark.parametrize(("reads", "reason"), LOSING)
def test_reasoning_is_refused_for_a_student_that_is_asked_not_to_think(template_file: TemplateFile, reads: str, reason: str) -> None:
    import re

    (proven,) = Proof(load_student(template_file("qwen3"), NOT_THINKING), reads).prove([(THOUGHT, 1)])
    assert re.search(reason, proven.reason or "")


def test_a_check_gives_each_row_the_variables_of_its_own_column(tmp_path: Path, template_file: TemplateFile) -> None:
    rows = [
        {"prompt": SHORT[:1], "completion": SHORT[1:], "chat_template_kwargs": NOT_THINKING},
        {"prompt": THOUGHT[:1], "completion": THOUGHT[1:], "chat_template_kwargs": None},
        {"prompt": SHORT[:1], "completion": SHORT[1:], "chat_template_kwargs": {"enable_thinking": True}},
        {"prompt": SHORT[:1], "completion": SHORT[1:], "chat_template_kwargs": {"thinking": True}},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    checked = check_dataset(path, load_student(template_file("qwen3")))
    assert sorted(checked.examples.values()) == [2, 3]
    assert any("empty think block" in reason for reason in checked.refused)
    assert any("does not read the variable 'thinking'" in reason for reason in checked.refused)


def test_the_options_say_it_and_a_changed_variable_writes_anew(run: Any, template_file: TemplateFile, tmp_path: Path) -> None:
    student = template_file("qwen3")
    words = ["export", "sft", str(run.path), "--format", "trl", "--student", student, "-o", str(tmp_path)]
    refused = CliRunner().invoke(app, words)
    assert refused.exit_code == 1
    told = ["--template-kwargs", "enable_thinking=false"]
    assert CliRunner().invoke(app, [*words, *told]).exit_code == 0
    folder = str(tmp_path / "sft-trl-all")
    assert CliRunner().invoke(app, ["export", "check", folder, "--student", student]).exit_code == 0
    messages = tmp_path / "messages.jsonl"
    messages.write_text(json.dumps({"messages": SHORT}))
    check = ["export", "check", str(messages), "--student", student, "--format", "llamafactory"]
    assert [CliRunner().invoke(app, [*check, *more]).exit_code for more in ([], told)] == [1, 0]
    assert CliRunner().invoke(app, [*check, "--template-kwargs", "enable_thinking"]).exit_code == 1


def test_a_recipe_keeps_them(tmp_path: Path) -> None:
    text = '[export.sft]\nchat_template_kwargs = {enable_thinking = false, budget = 3, effort = "low"}\n'
    (tmp_path / "a.toml").write_text(text)
    recipe = load_recipe(tmp_path / "a.toml")
    assert recipe.export.sft.chat_template_kwargs == {"enable_thinking": False, "budget": 3, "effort": "low"}
    (tmp_path / "b.toml").write_text(dump_recipe(recipe))
    assert load_recipe(tmp_path / "b.toml") == recipe
