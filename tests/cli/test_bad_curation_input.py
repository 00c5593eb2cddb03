"""Bad input to tag, curate, contamination and report: a clear error with a hint, or a recorded outcome."""

import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cotkit.cli import app
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.recipe import CurateConfig, Recipe, SplitConfig
from typer.testing import CliRunner, Result

NEAR = Recipe(curate=CurateConfig(max_similarity=0.9, max_boxes=3, splits=[SplitConfig(name="d", per_problem=1, prefer="diverse")]))


def cotkit(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def done(*words: object) -> Result:
    result = cotkit(*words)
    assert result.exit_code == 0, result.output
    return result


def refused(*words: object) -> str:
    result = cotkit(*words)
    assert result.exit_code == 1, result.output
    assert "Traceback" not in result.output
    assert "hint: " in result.stderr
    return result.stderr


@pytest.mark.parametrize("recipe", [Recipe(), NEAR], ids=["default", "with signatures"])
def test_a_run_without_samples_is_tagged_curated_and_reported(make_run, recipe):
    run = make_run(recipe=recipe, stages=())
    done("tag", run.path)
    said = json.loads(done("curate", run.path, "--json").stdout)
    assert (said["counts"], said["splits"]) == ({}, [{"name": recipe.curate.splits[0].name, "samples": 0, "problems": 0, "tokens": 0}])
    assert json.loads(done("curate", run.path, "--shard", "1/3", "--json").stdout)["computed"] == 0
    done("report", run.path)
    assert "No samples yet" in (run.path / "report.html").read_text()


def test_a_response_of_5_mb_is_tagged_curated_and_reported(make_run):
    text = "".join(f"Line {number}: wait, {number} + 1 is {number + 1}.\n" for number in range(170_000))
    assert len(text) > 5_000_000
    run = make_run(
        recipe=NEAR, problems=1, shards=1, stages=("samples", "verdicts"), samples={(0, 0): {"reasoning": text, "outcome": "correct"}}
    )
    done("tag", run.path)
    tags = run.read("tags", 0).row(0, named=True)
    assert {entry["behaviour"]: entry["count"] for entry in tags["behaviours"]}["wait"] == 170_000
    done("curate", run.path)
    assert run.read("decisions", 0)["reason"][0] in (None, "over the per-problem cap")
    done("report", run.path)
    assert (run.path / "report.html").stat().st_size < 1_000_000


def test_null_responses_are_left_out_and_said(tmp_path):
    rows = [{"problem": "3 + 4?", "gold": "7", "raw": raw, "teacher": "m"} for raw in ("7", None, "8")]
    for name in ("null.parquet", "null.jsonl"):
        path = tmp_path / name
        pl.DataFrame(rows).write_parquet(path) if path.suffix == ".parquet" else pl.DataFrame(rows).write_ndjson(path)
        run = tmp_path / path.stem / path.suffix[1:]
        said = done("samples", "import", path, "-o", run)
        assert "1 row left out: no response" in said.output
        for step in ("verify", "tag", "curate"):
            done(step, run)
        assert RunFolder.open(run).read("decisions", 0)["reason"].to_list() == [None, "outcome is wrong"]


def invalid_parquet(path: Path) -> None:
    texts = pa.array([b"7", b"\xff\xfe 7"]).cast(pa.binary())
    strings = pa.Array.from_buffers(pa.string(), 2, texts.buffers())
    pq.write_table(pa.table({"problem": ["3 + 4?", "3 + 4?"], "gold": ["7", "7"], "raw": strings}), path)


def invalid_lines(path: Path) -> None:
    path.write_bytes(b'{"problem": "3 + 4?", "gold": "7", "raw": "7"}\n{"problem": "3 + 4?", "gold": "7", "raw": "\xff 7"}\n')


@pytest.mark.parametrize(("name", "write"), [("bad.parquet", invalid_parquet), ("bad.jsonl", invalid_lines)])
def test_invalid_utf_8_is_an_error_that_names_the_file(tmp_path, name, write):
    write(tmp_path / name)
    said = refused("samples", "import", tmp_path / name, "-o", tmp_path / "run")
    assert f"{name}: " in said
    assert "utf-8" in said.lower()


def test_a_lone_surrogate_becomes_a_replacement(tmp_path):
    (tmp_path / "lone.jsonl").write_text('{"problem": "3 + 4?", "gold": "7", "raw": "\\ud800 it is \\\\boxed{7}"}\n')
    run = tmp_path / "run"
    done("samples", "import", tmp_path / "lone.jsonl", "-o", run)
    for step in ("verify", "tag", "curate", "report"):
        done(step, run)
    assert RunFolder.open(run).read("decisions", 0)["kept"].to_list() == [True]


def test_a_broken_pattern_names_file_and_line_and_nothing_is_written(make_run, tmp_path):
    path = tmp_path / "mine.toml"
    head = 'name = "mine"\nversion = 1\ndescription = "Mine."\nlanguage = "en"\n\n[[behaviour]]\nname = "a"\ndescription = "A."\n'
    path.write_text(head + 'patterns = ["(wait"]\nexamples = ["wait"]\ncounterexamples = ["go"]\n')
    run = make_run(stages=("samples", "verdicts"))
    assert "mine.toml:9: " in refused("tag", run.path, "--lexicon", path)
    assert not (run.path / "tags").exists()


def test_a_benchmark_file_without_the_column_stops_curation_before_anything_is_read(make_run, tmp_path):
    (tmp_path / "bench.csv").write_text("text,gold\nWhat is 2 + 2?,4\n")
    run = make_run(recipe=Recipe(curate=CurateConfig(decontaminate=[str(tmp_path / "bench.csv")])), stages=("samples", "verdicts", "tags"))
    said = refused("curate", run.path)
    assert "bench.csv: no column that is a question; columns: text, gold" in said
    assert "--column" not in said
    assert not (run.path / "keys").exists()
    assert not (run.path / "decisions").exists()


@pytest.mark.parametrize("tokens", ["0", "-5", "many", "1.5X", "", "nan", "inf"])
def test_what_is_no_number_of_tokens_is_an_error(make_run, tokens):
    assert f"--tokens {tokens}: not a number of tokens" in refused("curate", make_run().path, "--tokens", tokens)


@pytest.mark.parametrize("shard", ["4/4", "x", "1"])
def test_a_wrong_part_is_an_error(make_run, shard):
    assert "not a part" in refused("curate", make_run().path, "--shard", shard)
