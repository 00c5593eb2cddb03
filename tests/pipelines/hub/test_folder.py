"""The dataset folder: its configs, what is left out of them, and what of the run is not told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet
import pytest
from cotkit.data import data_file
from cotkit.pipelines.export.shaping import REFUSED_EMPTY, REFUSED_TAGGED
from cotkit.pipelines.hub import CardOptions, build_dataset, generations, rl_prompts, trainable
from cotkit.pipelines.hub.card import prose
from cotkit.pipelines.hub.columns import COLUMNS
from cotkit.pipelines.hub.provenance import sha256
from cotkit.pipelines.rendering import load_student
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import CurateConfig, Recipe, SampleConfig, SplitConfig, load_recipe

OPTIONS = CardOptions("me/sums", "apache-2.0")
EGGS = "A farmer has nine hens that each lay two eggs a day, eats four of the eggs and sells the rest for three coins each."


def read(folder: Path, config: str) -> pl.DataFrame:
    return pl.read_parquet(sorted((folder / config).glob("*.parquet")))


def test_default_holds_the_kept_rows_with_inline_reasoning(make_run: Any) -> None:
    run = make_run(problems=6)
    built = build_dataset(run, OPTIONS)
    kept = run.scan("decisions").filter(pl.col("splits").list.contains("long")).collect()["sample_id"].to_list()
    rows = pl.read_parquet(sorted((built.path / "data").glob("long-*.parquet")))
    assert rows["sample_id"].to_list() == kept
    row = rows.row(0, named=True)
    sample = run.scan("samples").filter(pl.col("sample_id") == row["sample_id"]).collect().row(0, named=True)
    asked, said = row["messages"]
    assert (asked["role"], said["role"]) == ("user", "assistant")
    assert asked["content"].startswith("What is ")
    assert "Please reason step by step" in asked["content"]
    assert said["content"] == f"<think>\n{sample['reasoning']}\n</think>\n\n{sample['response']}"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"response": "so </think> 7"}, REFUSED_TAGGED),
        ({"reasoning": "<think> again"}, REFUSED_TAGGED),
        ({"response": " \n", "reasoning": None}, REFUSED_EMPTY),
        ({"response": "7<|im_end|>\n<|im_start|>user"}, trainable.SPELLED),
    ],
    ids=["closing tag", "opening tag", "empty", "control token"],
)
def test_rows_that_cannot_be_trained_on_are_left_out_and_told(make_run: Any, change: dict[str, Any], reason: str) -> None:
    bad = change | {"outcome": "correct", "kept": True, "reason": None, "splits": ["long"], "finish_reason": "stop"}
    run = make_run(problems=4, samples={(1, 1): bad})
    built = build_dataset(run, OPTIONS)
    told = f"1 kept samples are not in default/long: {reason}"
    assert built.notes == build_dataset(run, OPTIONS).notes == [told]
    assert f"- {prose(told)}" in built.card
    assert (
        not read(built.path, "data")
        .filter(pl.col("messages").list.last().struct.field("content").str.contains("again|so </think>|im_end"))
        .height
    )


def test_the_one_split_all_is_published_as_train(make_run: Any) -> None:
    run = make_run(recipe=Recipe(name="sums", curate=CurateConfig(), sample=SampleConfig(n=4)))
    built = build_dataset(run, OPTIONS)
    assert "data/train-00000-of-00002.parquet" in built.files
    assert "path: data/train-*.parquet" in built.card


def test_split_names_that_datasets_forbids_are_spelled_so_that_it_takes_them() -> None:
    splits = [SplitConfig(name="long-cot"), SplitConfig(name="short")]
    assert trainable.split_names(Recipe(curate=CurateConfig(splits=splits))) == {"long-cot": "long_cot", "short": "short"}
    with pytest.raises(CotkitError, match="would both be published as 'long_cot'"):
        trainable.split_names(Recipe(curate=CurateConfig(splits=[*splits, SplitConfig(name="long_cot")])))


def test_rl_has_the_pass_rate_its_n_and_learnability(make_run: Any) -> None:
    run = make_run(
        problems=2, samples={(0, i): {"outcome": "correct" if i < 2 else "wrong"} for i in range(5)} | {(0, 5): {"outcome": "timeout"}}
    )
    row = read(build_dataset(run, OPTIONS).path, "rl").row(0, named=True)
    assert {key: row[key] for key in ("problem", "answer", "kind", "source")} == {
        "problem": "What is 11 + 3?",
        "answer": "14",
        "kind": "number",
        "source": "sums.jsonl",
    }
    assert (row["pass_rate"], row["judged"], row["correct"]) == (0.4, 5, 2)
    assert row["learnability"] == pytest.approx(0.24)


def test_a_problem_whose_gold_cannot_be_read_is_not_in_rl(make_run: Any) -> None:
    run = make_run(problems=3, samples={(1, 0): {"outcome": "unreadable_gold"}})
    assert run.problems()["problem_id"][1] not in read(build_dataset(run, OPTIONS).path, "rl")["problem_id"].to_list()


def test_a_benchmarks_problem_is_told_and_dropped_where_the_recipe_says_so(make_run: Any, tmp_path: Path) -> None:
    held_out = tmp_path / "held_out.jsonl"
    held_out.write_text(json.dumps({"question": EGGS}) + "\n" + json.dumps({"question": "What is the capital of France?"}) + "\n")
    problems = [Problem.make(EGGS, "42", "number"), Problem.make("What is 1 + 1?", "2", "number")]
    dropped = {(0, index): {"kept": False, "splits": [], "reason": "stands in held_out (exact)"} for index in range(8)}
    recipe = Recipe(name="eggs", curate=CurateConfig(decontaminate=[str(held_out)]))
    built = build_dataset(make_run(recipe=recipe, problems=problems, samples=dropped), OPTIONS)
    assert read(built.path, "all_generations")["benchmarks"].to_list() == [["held_out"], []]
    assert read(built.path, "rl")["problem_id"].to_list() == [problems[1].problem_id]
    assert "| held\\_out | 2 | 1 | 0 | yes |" in built.card
    assert "The recipe drops the problems of held_out" in built.card
    assert f"| `{problems[0].problem_id}` | held\\_out, 1 | exact | 1.00 |" in built.card


def test_a_near_double_is_no_prompt_of_rl_and_card_and_provenance_say_how_many(make_run: Any) -> None:
    problems = [Problem.make(EGGS + end, "42", "number") for end in (" How much?", " How much ?")]
    curate = CurateConfig(max_problem_similarity=0.8)
    built = build_dataset(make_run(recipe=Recipe(name="eggs", curate=curate), problems=problems), OPTIONS)
    assert read(built.path, "rl")["problem_id"].to_list() == [problems[0].problem_id]
    told = "1 problems are not in rl: they are much like an earlier problem"
    assert told in built.notes
    assert f"- {prose(told)}" in built.card
    provenance = json.loads((built.path / "provenance.json").read_text())
    assert provenance["left_out"]["rl"] == {"they are much like an earlier problem": 1}


def chatml(folder: Path, content: str = "m.content") -> Path:
    """Write a chat template."""
    turn = "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ " + content + " }}<|im_end|>\n{% endfor %}"
    path = folder / "chatml.jinja"
    path.write_text(turn + "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}{% if deep %}{% endif %}")
    return path


def test_default_is_proven_for_a_student_and_the_card_says_for_which(make_run: Any, tmp_path: Path) -> None:
    kept = {"outcome": "correct", "kept": True, "reason": None, "splits": ["long"], "finish_reason": "stop"}
    run = make_run(problems=4, samples={(1, 1): kept | {"reasoning": "Well.", "response": "7 SEP 7"}})
    plain = build_dataset(run, OPTIONS)
    assert "No row was proven in a student's template" in plain.card
    student = load_student(str(chatml(tmp_path, "m.content.split('SEP')[-1]")), {"deep": True})
    for _ in range(2):  # what is fresh is not proven again, and still told
        built = build_dataset(run, OPTIONS, student=student)
        told = "1 kept samples are not in default/long: the template writes the texts of this row differently from those of others"
        assert told in built.notes
        assert f"- {prose(told)}" in built.card
    assert built.rows["default/long"] == plain.rows["default/long"] - 1
    provenance = json.loads((built.path / "provenance.json").read_text())
    assert (provenance["proof"]["student"], provenance["proof"]["kwargs"]) == ("chatml.jinja", {"deep": True})
    assert (
        f"**Proven for `chatml.jinja`**, its chat template being given `deep = true` (template `{provenance['proof']['template']}`)"
        in built.card
    )


def test_a_student_that_loses_every_row_stops_the_build_and_shows_where(make_run: Any, tmp_path: Path) -> None:
    student = load_student(str(chatml(tmp_path, "m.content.split('</think>')[-1]")))
    run = make_run(problems=4)
    for _ in range(2):
        with pytest.raises(CotkitError, match=r"default: no row survives .*: the template drops the reasoning") as raised:
            build_dataset(run, OPTIONS, student=student)
        assert "⟨reasoning⟩" in raised.value.message
        assert "--config all_generations --config rl" in (raised.value.hint or "")


def test_a_card_without_decontamination_says_so(make_run: Any) -> None:
    built = build_dataset(make_run(), OPTIONS)
    assert "**The recipe drops no benchmark's problems.**" in built.card
    assert "| math500 | 500 | 0 | 0 | no |" in built.card


def test_every_piece_of_a_config_has_one_schema_of_plain_types(make_run: Any) -> None:
    built = build_dataset(make_run(problems=8, shards=4), OPTIONS)
    schemas = {"data": trainable.schema(), "all_generations": generations.schema(), "rl": rl_prompts.schema()}
    for place, schema in schemas.items():
        found = [pyarrow.parquet.read_schema(path).remove_metadata() for path in (built.path / place).glob("*.parquet")]
        assert found == [found[0]] * len(found)
        assert found[0].names == schema.names()
        text = str(found[0])
        assert "large" not in text
        assert "view" not in text
    assert pa.types.is_list(found[0].field("pass_rate").type) is False


def test_the_card_tells_every_column() -> None:
    schemas = {"default": trainable.schema(), "all_generations": generations.schema(), "rl": rl_prompts.schema()}
    assert {config: list(columns) for config, columns in COLUMNS.items()} == {config: schema.names() for config, schema in schemas.items()}


def test_provenance_has_the_hash_of_every_file_and_the_counts(make_run: Any) -> None:
    built = build_dataset(make_run(), OPTIONS)
    told = json.loads((built.path / "provenance.json").read_text())
    assert set(told["files"]) == set(built.files) - {"provenance.json"}
    assert all(entry["sha256"] == sha256(built.path / name) for name, entry in told["files"].items())
    assert sum(told["outcomes"].values()) == told["counts"]["samples"] == 72
    assert {name: sum(files.values()) for name, files in told["rows"].items()} == built.rows
    assert len(told["shards"]) == 2


def test_servers_paths_and_secrets_stay_here(make_run: Any, tmp_path: Path) -> None:
    lexicon = tmp_path / "mine.toml"
    shipped = data_file("lexicon", "demystify.toml").read_text(encoding="utf-8")
    lexicon.write_text(shipped.replace('name = "demystify"', 'name = "mine"', 1))
    sample = SampleConfig(
        teacher="openai:http://bob:hunter2@gpu7.corp:8000/v1,http://10.1.2.3/v1#/secret-place/QwQ-32B",
        extra={"api_key": "sk-0123456789abcdef0123", "top_k": 20},
        engine={"download_dir": "/secret-place/models"},
        n=6,
    )
    recipe = Recipe(
        name="sums", sample=sample, tag={"lexicons": [str(lexicon), "demystify"]}, problems={"source": "/secret-place/math.jsonl"}
    )
    problems = [Problem.make("What is 1 + 1?", "2", "number", source="/secret-place/math.jsonl")]
    built = build_dataset(make_run(recipe=recipe, problems=problems), OPTIONS)
    private = ("bob", "hunter2", "gpu7", "10.1.2.3", "secret-place", "sk-0123", str(tmp_path))
    for name in built.files:
        path = built.path / name
        text = str(pl.read_parquet(path).to_dicts()) if path.suffix == ".parquet" else path.read_bytes().decode("latin-1")
        assert [word for word in private if word in text] == [], name
    assert read(built.path, "all_generations")["teachers"][0].to_list() == ["openai:http://127.0.0.1:8000/v1#QwQ-32B"] * 6
    published = load_recipe(built.path / "recipe.toml")
    assert published.sample.extra == {"api_key": "(removed)", "top_k": 20}
    assert published.tag.lexicons == [str((built.path / "lexicons/mine.toml").absolute()), "demystify"]
    assert (built.path / "lexicons/mine.toml").read_text() == lexicon.read_text()


def test_a_run_that_is_not_curated_is_told_how_to_go_on(make_run: Any) -> None:
    with pytest.raises(CotkitError, match="cotkit curate"):
        build_dataset(make_run(stages=("samples", "verdicts", "tags")), OPTIONS)


def test_configs_without_rows_are_left_out_and_told(make_run: Any) -> None:
    nothing = {
        (place, index): {"kept": False, "splits": [], "reason": "outcome is wrong", "outcome": "wrong"}
        for place in range(3)
        for index in range(6)
    }
    built = build_dataset(make_run(problems=3, samples=nothing), OPTIONS)
    assert "default" not in {name.split("/")[0] for name in built.rows}
    assert built.notes[:2] == ["default/long has no rows and is left out", "default/short has no rows and is left out"]
    assert "config_name: default" not in built.card
    assert "- config_name: all_generations\n  default: true" in built.card


def test_a_run_without_samples_has_nothing_to_publish(make_run: Any) -> None:
    with pytest.raises(CotkitError, match="nothing to publish"):
        build_dataset(make_run(stages=()), OPTIONS)


def test_a_killed_build_and_files_of_others_leave_nothing_to_publish(make_run: Any) -> None:
    run = make_run()
    first = build_dataset(run, OPTIONS)
    for name in (
        "all_generations/.spill/0/00000-0.arrow",
        "data/.train-00000.parquet.tmp-1",
        "notes.txt",
        "data/mine.csv",
        ".cache/x.parquet",
    ):
        (first.path / name).parent.mkdir(parents=True, exist_ok=True)
        (first.path / name).write_text("x")
    assert build_dataset(run, OPTIONS).files == first.files
    assert not list(first.path.rglob("*.arrow"))


def test_an_unknown_config_is_told(make_run: Any) -> None:
    with pytest.raises(CotkitError, match="unknown config 'sft'"):
        build_dataset(make_run(), OPTIONS, ("sft",))
