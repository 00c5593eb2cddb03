"""SFT datasets hold every kept row once, with the reasoning exactly once, in columns that `datasets` reads as any other dataset's."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cotkit.pipelines.export import Exported, export_sft
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import CurateConfig, Recipe, SampleConfig, SftExportConfig, Shot, SplitConfig
from jinja2.sandbox import ImmutableSandboxedEnvironment

SAMPLE = SampleConfig(teacher="scripted:mixed", n=3, system_prompt="Think.", prompt_template="{prompt} Use \\boxed{}.")
RECIPE = Recipe(name="small", sample=SAMPLE, curate=CurateConfig(outcomes=["correct", "wrong"]))
FORMATS = ["trl", "messages"]
PLAIN = {"outcome": "correct", "reasoning": "First 7.\n\nWait, 8.", "response": "So \\boxed{8}."}
CHATML = (
    "{% for m in messages %}<|{{ m.role }}|>"
    "{% if m.reasoning_content %}<think>{{ m.reasoning_content }}</think>{% endif %}{{ m.content }}{% endfor %}"
)


def rows_of(exported: Exported) -> list[dict[str, Any]]:
    return pl.read_parquet(exported.path / "*.parquet").rows(named=True)


def names_in(exported: Exported) -> list[str]:
    return sorted(path.name for path in exported.path.iterdir())


def turns_of(row: dict[str, Any]) -> list[dict[str, Any]]:
    return row["messages"] if "messages" in row else row["prompt"] + row["completion"]


@pytest.fixture
def run(make_run: Any) -> RunFolder:
    samples = {(p, i): PLAIN for p in range(4) for i in range(3)}
    samples |= {
        (0, 1): PLAIN | {"reasoning": None},
        (1, 0): PLAIN | {"outcome": "no_answer", "kept": False, "reason": "outcome is no_answer"},
    }
    return make_run(recipe=RECIPE, problems=4, shards=2, samples=samples)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("reasoning", ["inline", "field", "none"])
def test_every_kept_sample_is_there_once(run: RunFolder, format: str, reasoning: str) -> None:
    (exported,) = export_sft(run, SftExportConfig(formats=[format], reasoning=reasoning))
    kept = run.scan("decisions").filter("kept").collect()["sample_id"].to_list()
    rows = rows_of(exported)
    assert [row["sample_id"] for row in rows] == kept
    assert exported[1:4] == (format, "all", 11)
    assert exported.tokens == sum(row["completion_tokens"] for row in rows) > 0
    assert names_in(exported) == ["export.json", "launch.sh", "train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]


CONTENTS = [
    pytest.param("inline", "a", "b", {"content": "<think>\na\n</think>\n\nb"}, id="inline"),
    pytest.param(
        "inline", "\n \n  a\n\nc \n\n", "\n\nb\r\n\r\n", {"content": "<think>\n  a\n\nc \n</think>\n\nb"}, id="outer-blank-lines-are-cut"
    ),
    pytest.param("inline", None, "b", {"content": "b"}, id="no-reasoning-no-tags"),
    pytest.param("inline", " \n\t", "b", {"content": "b"}, id="blank-reasoning-is-none"),
    pytest.param("inline", "{} {x} $0", "b", {"content": "<think>\n{} {x} $0\n</think>\n\nb"}, id="braces-stay"),
    pytest.param("field", "a", "b", {"content": "b", "reasoning_content": "a"}, id="field"),
    pytest.param("field", "\n", "b", {"content": "b", "reasoning_content": None}, id="null-never-empty"),
    pytest.param("none", "a", "b", {"content": "b"}, id="left-out"),
]


@pytest.mark.parametrize(("reasoning", "thought", "response", "turn"), CONTENTS)
@pytest.mark.parametrize("format", FORMATS)
def test_reasoning_is_joined_as_the_flavour_says(
    make_run: Any, format: str, reasoning: str, thought: str | None, response: str, turn: dict
) -> None:
    run = make_run(recipe=RECIPE, problems=1, shards=1, samples={(0, 0): PLAIN | {"reasoning": thought, "response": response}})
    (exported,) = export_sft(run, SftExportConfig(formats=[format], reasoning=reasoning))
    assert turns_of(rows_of(exported)[0])[-1] == {"role": "assistant", **turn}


@pytest.mark.parametrize("format", FORMATS)
def test_the_prompt_is_the_recipes_without_its_shots(make_run: Any, format: str) -> None:
    recipe = RECIPE.model_copy(update={"sample": SAMPLE.model_copy(update={"shots": [Shot(prompt="What is 1 + 1?", response="Two.")]})})
    (exported,) = export_sft(make_run(recipe=recipe, problems=1), SftExportConfig(formats=[format]))
    turns = [{key: turn[key] for key in ("role", "content")} for turn in turns_of(rows_of(exported)[0])[:-1]]
    assert turns == [{"role": "system", "content": "Think."}, {"role": "user", "content": "What is 11 + 3? Use \\boxed{}."}]


REFUSED = [
    pytest.param("inline", {"response": "a</think>b"}, "</think> tag", id="closing-tag-in-response"),
    pytest.param("inline", {"reasoning": "a<think>b"}, "<think> or", id="opening-tag-in-reasoning"),
    pytest.param("field", {"reasoning": "a</think>b"}, "</think> tag", id="closing-tag-in-field"),
    pytest.param("none", {"response": "a<think>"}, "<think> or", id="tag-in-lone-response"),
    pytest.param("inline", {"reasoning": None, "response": " \n"}, "empty", id="nothing-at-all"),
    pytest.param("none", {"response": ""}, "empty", id="empty-without-its-reasoning"),
]


@pytest.mark.parametrize(("reasoning", "texts", "reason"), REFUSED)
def test_rows_that_would_be_corrupt_are_refused_and_counted_every_time(make_run: Any, reasoning: str, texts: dict, reason: str) -> None:
    run = make_run(recipe=RECIPE, problems=2, samples={(p, i): PLAIN for p in range(2) for i in range(3)} | {(0, 1): PLAIN | texts})
    for _ in range(2):
        (exported,) = export_sft(run, SftExportConfig(formats=["trl"], reasoning=reasoning))
        assert exported.rows == len(rows_of(exported)) == 5
        assert len(exported.notes) == 1
        assert exported.notes[0].startswith("1 rows refused: ")
        assert reason in exported.notes[0]


def test_a_tag_in_reasoning_that_is_left_out_does_no_harm(make_run: Any) -> None:
    run = make_run(recipe=RECIPE, problems=1, samples={(0, i): PLAIN | {"reasoning": "a</think>b"} for i in range(3)})
    assert export_sft(run, SftExportConfig(formats=["trl"], reasoning="none"))[0].rows == 3


def test_a_fresh_export_is_not_written_again(run: RunFolder) -> None:
    before = [(path, path.stat().st_mtime_ns) for item in export_sft(run, SftExportConfig()) for path in item.path.iterdir()]
    again = [(path, path.stat().st_mtime_ns) for item in export_sft(run, SftExportConfig()) for path in item.path.iterdir()]
    assert len(before) == 8
    assert again == before


def test_a_changed_decision_rewrites_its_piece_alone(run: RunFolder) -> None:
    (exported,) = export_sft(run, SftExportConfig(formats=["trl"]))
    before = {path.name: path.stat().st_mtime_ns for path in exported.path.iterdir()}
    decisions = run.read("decisions", 1).with_columns(kept=pl.col("sample_id") != pl.col("sample_id").first())
    run.write("decisions", 1, decisions, "changed")
    (exported,) = export_sft(run, SftExportConfig(formats=["trl"]))
    changed = sorted(path.name for path in exported.path.iterdir() if path.stat().st_mtime_ns != before[path.name])
    assert changed == ["export.json", "train-00001-of-00002.parquet"]
    assert exported.rows == 10


def test_pieces_of_an_older_export_are_removed_and_other_files_stay(run: RunFolder) -> None:
    (exported,) = export_sft(run, SftExportConfig(formats=["trl"]))
    (exported.path / "README.md").write_text("mine")
    run.write("decisions", 0, run.read("decisions", 0).with_columns(kept=False), "none of shard 0")
    (exported,) = export_sft(run, SftExportConfig(formats=["trl"]))
    assert names_in(exported) == ["README.md", "export.json", "launch.sh", "train-00000-of-00001.parquet"]
    assert exported.rows == len(rows_of(exported)) == 6


def test_another_flavour_replaces_the_rows(run: RunFolder) -> None:
    export_sft(run, SftExportConfig(formats=["trl"]))
    (exported,) = export_sft(run, SftExportConfig(formats=["trl"], reasoning="field"))
    assert all(row["completion"][0]["reasoning_content"] != "" for row in rows_of(exported))
    assert "<think>" not in str(rows_of(exported))


def test_an_empty_split_is_reported_and_not_written(make_run: Any) -> None:
    splits = [SplitConfig(name="all"), SplitConfig(name="huge", min_tokens=10**6)]
    run = make_run(recipe=RECIPE.model_copy(update={"curate": CurateConfig(splits=splits)}), problems=2)
    whole, empty = export_sft(run, SftExportConfig(formats=["trl"]))
    assert (empty.split, empty.rows, empty.tokens) == ("huge", 0, 0)
    assert whole.rows > 0
    assert not list(empty.path.glob("*.parquet"))


def test_a_split_that_only_the_decisions_name_is_written(run: RunFolder) -> None:
    run.save_recipe(RECIPE.model_copy(update={"curate": CurateConfig(splits=[SplitConfig(name="renamed")])}))
    assert [(item.split, item.rows) for item in export_sft(run, SftExportConfig(formats=["trl"]))] == [("renamed", 0), ("all", 11)]


def test_a_run_that_is_not_curated_is_an_error(make_run: Any) -> None:
    with pytest.raises(CotkitError, match="no decisions yet"):
        export_sft(make_run(stages=("samples", "verdicts", "tags")), SftExportConfig())


def test_out_replaces_the_runs_own_folder(run: RunFolder, tmp_path: Path) -> None:
    (exported,) = export_sft(run, SftExportConfig(formats=["trl"]), tmp_path / "elsewhere")
    assert exported.path == tmp_path / "elsewhere" / "sft-trl-all"
    assert not (run.path / "exports").exists()


def test_row_groups_are_small(make_run: Any) -> None:
    run = make_run(recipe=RECIPE, problems=400, shards=1, samples={(p, i): PLAIN for p in range(400) for i in range(3)})
    (exported,) = export_sft(run, SftExportConfig(formats=["trl"]))
    import pyarrow.parquet

    (piece,) = exported.path.glob("*.parquet")
    metadata = pyarrow.parquet.read_metadata(piece)
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [512, 512, 176]
    assert metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.slow
@pytest.mark.parametrize("reasoning", ["inline", "field"])
def test_datasets_loads_it_with_plain_features_and_a_template_renders_the_reasoning_once(
    run: RunFolder, tmp_path: Path, reasoning: str
) -> None:
    import datasets

    template = ImmutableSandboxedEnvironment().from_string(CHATML)
    for exported in export_sft(run, SftExportConfig(reasoning=reasoning)):
        files = [str(path) for path in sorted(exported.path.glob("*.parquet"))]
        loaded = datasets.load_dataset("parquet", data_files=files, split="train", cache_dir=str(tmp_path / "cache"))
        assert loaded.num_rows == exported.rows
        turn = {name: datasets.Value("string") for name in ["role", "content"] + ["reasoning_content"] * (reasoning == "field")}
        prompt = {name: datasets.Value("string") for name in ("role", "content")}
        first = (
            {"prompt": datasets.List(prompt), "completion": datasets.List(turn)}
            if exported.format == "trl"
            else {"messages": datasets.List(turn)}
        )
        flat = ("problem_id", "sample_id", "source", "teacher", "kind", "answer", "outcome")
        assert loaded.features == first | {name: datasets.Value("string") for name in flat} | {"completion_tokens": datasets.Value("int64")}
        for row in loaded:
            assert all({"role", "content"} <= set(turn) for turn in turns_of(row))  # what TRL takes for a conversation
            text = template.render(messages=turns_of(row))
            thought = "Wait, 8." in text
            assert text.count("First 7.") == text.count("Wait, 8.") == text.count("<think>") == text.count("</think>") == thought
            assert text.count("So \\boxed{8}.") == 1
            assert text.index("<|user|>") < text.index("<|assistant|>") < text.index("So \\boxed{8}.")
            assert not thought or text.index("<|assistant|><think>") < text.index("</think>") < text.index("So \\boxed{8}.")
        assert sum("Wait, 8." in template.render(messages=turns_of(row)) for row in loaded) == exported.rows - 1
