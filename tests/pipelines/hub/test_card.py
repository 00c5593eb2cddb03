"""The card: what the Hub's own parser reads of it, what the text claims, and that texts of others cannot break it."""

from __future__ import annotations

import re
import struct
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cotkit.pipelines.hub import CardOptions, build_dataset
from cotkit.pipelines.hub.card import fenced, row_lengths
from cotkit.pipelines.hub.licence import Terms, licence_fields, parse_licence, teacher_terms
from cotkit.pipelines.hub.plots import length_counts
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import Recipe, SampleConfig
from datasets import DatasetInfo, load_dataset
from huggingface_hub import DatasetCard

OPTIONS = CardOptions("me/sums", "apache-2.0")


@pytest.fixture
def built(make_run: Any) -> Any:
    return build_dataset(make_run(problems=20), OPTIONS)


def test_the_hubs_own_parser_reads_the_head_and_every_config_is_listed(built: Any) -> None:
    data = DatasetCard(built.card).data.to_dict()
    assert data["license"] == "apache-2.0"
    assert data["language"] == ["en"]
    assert data["size_categories"] == ["n<1K"]
    assert data["task_categories"] == ["text-generation", "reinforcement-learning"]
    assert data["annotations_creators"] == ["machine-generated"]
    assert data["pretty_name"] == "sums"
    assert {"synthetic", "reasoning", "math", "cotkit"} <= set(data["tags"])
    assert [entry["config_name"] for entry in data["configs"]] == ["default", "all_generations", "rl"]
    assert [entry.get("default") for entry in data["configs"]] == [True, None, None]
    assert [entry["config_name"] for entry in data["dataset_info"]] == ["default", "all_generations", "rl"]


def test_declared_features_rows_and_sizes_are_those_of_the_files(built: Any, tmp_path: Path) -> None:
    data = DatasetCard(built.card).data.to_dict()
    for entry, declared in zip(data["configs"], data["dataset_info"], strict=True):
        files = {part["split"]: str(built.path / part["path"]) for part in entry["data_files"]}
        loaded = load_dataset("parquet", data_files=files, cache_dir=str(tmp_path / "cache"))
        info = DatasetInfo._from_yaml_dict(declared)
        assert info.splits is not None
        for split, rows in loaded.items():
            assert rows.features == info.features
            assert rows.num_rows == info.splits[split].num_examples == built.rows[f"{entry['config_name']}/{split}"]
        sizes = [path.stat().st_size for part in entry["data_files"] for path in built.path.glob(part["path"])]
        assert declared["download_size"] == sum(sizes)


def test_the_text_says_what_the_run_holds(make_run: Any) -> None:
    run = make_run(problems=20)
    card = build_dataset(run, OPTIONS).card
    outcomes = run.count("verdicts", "outcome")
    for outcome, count in outcomes.items():
        assert re.search(rf"^\| {outcome} \| {count} \|", card, re.MULTILINE)
    kept = run.scan("decisions").filter("kept").select(pl.len()).collect().item()
    assert f"**{kept} verified reasoning traces** of `mixed`" in card
    assert "cotkit run --from-hub me/sums" in card
    assert "| `number/1`" not in card
    assert "`number/1` (120)" in card
    assert "| demystify | wait |" in card
    assert "(plots/lengths.png)" in card


def test_the_maximum_length_holds_the_longest_row(make_run: Any) -> None:
    run = make_run(problems=2, samples={(0, 0): {"outcome": "correct", "kept": True, "finish_reason": "stop", "completion_tokens": 20_000}})
    lengths = row_lengths(run)
    assert lengths is not None
    assert lengths.longest_with_prompt == 20_024
    assert lengths.longest_with_prompt < lengths.needed <= lengths.longest_with_prompt + 576
    card = build_dataset(run, OPTIONS).card
    assert f"--max_length {lengths.needed}" in card
    assert "The defaults of trainers are below that" in card


def test_an_outcome_that_is_kept_though_wrong_is_not_called_verified(make_run: Any) -> None:
    recipe = Recipe(name="sums", sample=SampleConfig(n=4), curate={"outcomes": ["correct", "wrong"]})
    card = build_dataset(make_run(recipe=recipe), OPTIONS).card
    assert "verified reasoning traces" not in card
    assert " reasoning traces** of " in card


def test_texts_of_others_cannot_break_the_card(make_run: Any) -> None:
    sample = SampleConfig(n=2, prompt_template="```\n{prompt}\n```\n---\n| a | b |", system_prompt="a | b\n# head")
    recipe = Recipe(name="a---b", description="<script>alert(1)</script>\n\n# not a head\n---\nlicense: mit", sample=sample)
    built = build_dataset(make_run(recipe=recipe), OPTIONS)
    card = DatasetCard(built.card)
    assert card.data.to_dict()["license"] == "apache-2.0"
    assert "<script>" not in card.text
    assert "\n# not a head" not in card.text
    assert "````text\n```\n{prompt}" in card.text
    assert "`a \\| b # head`" in card.text


def test_a_fence_is_longer_than_what_it_holds() -> None:
    assert fenced("a ``` b ````") == "`````text\na ``` b ````\n`````"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("apache-2.0", {"license": "apache-2.0"}),
        ("acme-1=https://acme.example/terms", {"license": "other", "license_name": "acme-1", "license_link": "https://acme.example/terms"}),
        (None, {"license": "other", "license_name": "gemma-terms", "license_link": "https://ai.google.dev/gemma/terms"}),
    ],
)
def test_the_licence_is_the_one_asked_for_else_the_teachers_terms(text: str | None, expected: dict[str, str]) -> None:
    assert licence_fields(text, teacher_terms(["vllm:google/gemma-3-27b-it"])) == expected


@pytest.mark.parametrize("text", ["other", "Apache 2.0", "acme=", "acme=ftp://x", "acme=https://", "x\ny", "", "acme=https://a b"])
def test_what_is_no_licence_is_told(text: str) -> None:
    with pytest.raises(CotkitError, match=r"licence|link"):
        parse_licence(text)


def test_a_teachers_terms_stand_in_the_card(make_run: Any) -> None:
    recipe = Recipe(name="sums", sample=SampleConfig(teacher="vllm:meta-llama/Llama-3.1-8B-Instruct", n=2))
    card = build_dataset(make_run(recipe=recipe), CardOptions("me/sums")).card
    data = DatasetCard(card).data.to_dict()
    terms = ("other", "llama3.1-community", "https://www.llama.com/llama3_1/license/")
    assert tuple(data[name] for name in ("license", "license_name", "license_link")) == terms
    assert "The teacher's terms apply to what it wrote: [llama3.1-community](" in card
    assert teacher_terms(["vllm:Qwen/QwQ-32B", "embedded"]) == []
    assert teacher_terms(["openai:https://api.openai.com/v1#gpt-4o"]) == [
        Terms("openai-terms", "https://openai.com/policies/terms-of-use/")
    ]


def test_plots_are_pictures_of_all_samples(make_run: Any) -> None:
    run = make_run(problems=20)
    built = build_dataset(run, OPTIONS)
    for name in ("plots/lengths.png", "plots/pass_rates.png"):
        data = (built.path / name).read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n"
        width, height = struct.unpack(">II", data[16:24])
        assert 800 < width < 2000
        assert 400 < height < 1200
    counts = length_counts(run)
    assert counts["count"].sum() == 120
    assert (counts["low"] < counts["high"]).all()


def test_without_the_plots_extra_the_card_says_nothing_of_plots(make_run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vl_convert", None)  # as if it were not installed
    built = build_dataset(make_run(), OPTIONS)
    assert built.notes == ["the card has no plots: pip install 'cotkit[plots]'"]
    assert "plots/" not in built.card
    assert "## Outcomes" in built.card
