"""What `cotkit push` refuses before it builds or sends anything, and what a dry run prints; pushes are in tests/pipelines/hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cotkit.cli import app
from cotkit.schemas.recipe import ExportConfig, Recipe, SftExportConfig
from huggingface_hub import DatasetCard
from typer.testing import CliRunner, Result


def push(*words: object) -> Result:
    return CliRunner().invoke(app, ["push", *map(str, words)])


@pytest.fixture
def run(make_run: Any) -> Path:
    return make_run(problems=4).path


@pytest.mark.parametrize(
    "name",
    [
        "https://huggingface.co/datasets/me/sums",
        "datasets/me/sums",
        "me/",
        "/sums",
        "me/su ms",
        "me/sums.git",
        "me/a--b",
        "me/a..b",
        "mé/sums",
        "-me/sums",
        "../sums",
        "",
        "me/" + "x" * 97,
    ],
)
def test_what_is_no_name_of_a_repo_is_told(run: Path, name: str) -> None:
    result = push("--dry-run", "--", run, name)
    assert result.exit_code == 1
    assert f"error: {name!r} is no name of a Hub repo" in result.stderr
    assert "hint: write OWNER/NAME" in result.stderr
    assert not (run / "hub").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--branch", "a", "--create-pr"], "--branch and --create-pr do not go together"),
        (["--branch", "a..b"], "'a..b' is no name of a branch"),
        (["--license", "Apache 2"], "--license Apache 2: no licence"),
        (["--language", "English"], "--language English: no language"),
        (["--config", "sft"], "unknown config 'sft'"),
        (["--every", "30m"], "--every goes with neither --dry-run nor --create-pr"),
    ],
)
def test_options_that_cannot_be_are_told(run: Path, words: list[str], says: str) -> None:
    result = push(run, "me/sums", "--dry-run", *words)
    assert (result.exit_code, says in result.stderr, "hint: " in result.stderr) == (1, True, True), result.stderr
    assert not (run / "hub").exists()


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    assert "not a run folder" in push(tmp_path, "me/sums", "--dry-run").stderr


def test_a_run_that_is_not_curated_is_told_how_to_go_on(make_run: Any) -> None:
    run = make_run(stages=("samples", "verdicts", "tags"))
    assert f"hint: run `cotkit curate {run.path}` first" in push(run.path, "me/sums", "--dry-run").stderr


def test_a_dry_run_prints_a_card_that_the_hubs_parser_reads(run: Path) -> None:
    result = push(run, "me/sums", "--dry-run", "--json", "--license", "cc-by-4.0", "--language", "en", "--language", "zh")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    data = DatasetCard(told["card"]).data.to_dict()
    assert (data["license"], data["language"]) == ("cc-by-4.0", ["en", "zh"])
    assert told["rows"]["all_generations/train"] == 4
    assert set(told["files"]) >= {"README.md", "recipe.toml", "provenance.json", "problems.parquet"}


def test_a_dry_run_proves_for_the_student_that_is_named_or_the_recipes(make_run: Any, tmp_path: Path) -> None:
    template = tmp_path / "chatml.jinja"
    template.write_text(
        "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
        "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}{% if deep %}{% endif %}"
    )
    recipe = Recipe(name="sums", export=ExportConfig(sft=SftExportConfig(student=str(template))))
    named = push(make_run(problems=2).path, "me/sums", "--dry-run", "--student", template, "--template-kwargs", "deep=true")
    assert "**Proven for `chatml.jinja`**, its chat template being given `deep = true`" in named.stdout, named.stderr
    assert (
        "**Proven for `chatml.jinja`** (template"
        in push(make_run(name="other", problems=2, recipe=recipe).path, "me/sums", "--dry-run").stdout
    )
    wrong = push(make_run(name="third", problems=2).path, "me/sums", "--dry-run", "--student", tmp_path / "none.jinja")
    assert (wrong.exit_code, "no such file" in wrong.stderr) == (1, True)
