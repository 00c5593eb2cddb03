"""A file of foreign samples becomes shards of a run; importing it again adds nothing."""

import json
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.importing import import_samples, problems_of
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import Recipe
from cotkit.schemas.record import content_hash
from cotkit.schemas.sample import Sample

TRACES = Path(__file__).parents[3] / "../shared/data/traces/real_traces.parquet"


def row(raw: str | None, problem: str = "What is 3 + 4?", gold: str | None = "7", **fields) -> dict:
    return {"problem": problem, "gold": gold, "raw": raw, "teacher": "m-1", **fields}


def write(path: Path, rows: list[dict]) -> Path:
    path.write_text("".join(json.dumps(each) + "\n" for each in rows), encoding="utf-8")
    return path


def new_run(tmp_path: Path, source: Path, mapping: dict[str, str] | None = None) -> RunFolder:
    return RunFolder.create(tmp_path / "run", Recipe(), problems_of(source, mapping or {}))


def stored(tmp_path: Path, rows: list[dict], mapping: dict[str, str] | None = None) -> pl.DataFrame:
    source = write(tmp_path / "samples.jsonl", rows)
    run = new_run(tmp_path, source, mapping)
    import_samples(run, source, mapping or {})
    return run.scan("samples").collect()


def test_rows_become_problems_and_samples(tmp_path: Path) -> None:
    fields = {"finish_reason": "max_tokens", "tokens": 12, "temperature": 0.6, "id": 5, "source_correct": True}
    source = write(tmp_path / "samples.jsonl", [row("<think>Add.</think>7", **fields), row("8"), row("9", problem="4 + 5?", gold="9")])
    run = new_run(tmp_path, source)
    result = import_samples(run, source, {})
    assert (result.added, result.present, result.rejected, result.notes) == (3, 0, 0, [])
    assert run.problems().select("prompt", "answer", "kind", "source").rows() == [
        ("What is 3 + 4?", "7", "math", "samples"),
        ("4 + 5?", "9", "math", "samples"),
    ]
    samples = run.read("samples", 0)
    assert samples.schema == Sample.polars_schema()
    assert run.fingerprint("samples", 0) == content_hash(samples["sample_id"].to_list())
    first = samples.row(0, named=True)
    assert (first["reasoning"], first["response"], first["delimiter"], first["index"]) == ("Add.", "7", "think", 0)
    assert (first["finish_reason"], first["completion_tokens"], first["prompt_tokens"]) == ("length", 12, None)
    says = {"source_says": {"source_correct": True}}  # kept for the audit; it is no verdict
    assert json.loads(first["parameters"]) == {"imported_from": "samples.jsonl", "temperature": 0.6, **says}
    assert samples["index"].to_list() == [0, 1, 0]
    assert samples["finish_reason"].to_list() == ["length", "unknown", "unknown"]


def test_importing_again_adds_nothing_and_a_longer_file_only_what_is_new(tmp_path: Path) -> None:
    rows = [row("7"), row("7"), row("8")]
    source = write(tmp_path / "samples.jsonl", rows)
    run = new_run(tmp_path, source)
    assert import_samples(run, source, {})[:2] == (3, 0)
    assert import_samples(run, source, {})[:2] == (0, 3)
    longer = write(tmp_path / "longer.jsonl", [row("10", teacher="m-2"), *reversed(rows), row("9"), row("1", problem="0 + 1?", gold="1")])
    assert import_samples(run, longer, {})[:2] == (3, 3)
    samples = run.scan("samples").collect()
    assert samples["sample_id"].n_unique() == samples.height == 6
    assert sorted(samples.select("teacher", "index").rows()) == [("m-1", 0), ("m-1", 0), ("m-1", 1), ("m-1", 2), ("m-1", 3), ("m-2", 0)]
    assert run.problems()["prompt"].to_list() == ["What is 3 + 4?", "0 + 1?"]
    assert run.shard_numbers() == [0, 1]


def test_samples_of_a_shard_are_ordered_by_problem_and_index(tmp_path: Path) -> None:
    samples = stored(tmp_path, [row("7"), row("9", problem="4 + 5?", gold="9"), row("8")])
    assert samples["response"].to_list() == ["7", "8", "9"]


COLUMNS = {
    "raw is split whatever stands beside it": ({"raw": "a</think>7", "reasoning": "x", "final": "y"}, {}, ("a", "7", "think_close_only")),
    "reasoning and response are taken": ({"reasoning": "a", "response": "7"}, {}, ("a", "7", "field")),
    "an empty reasoning is none": ({"reasoning": "", "response": "7"}, {}, (None, "7", "field")),
    "a null reasoning leaves the response to be split": ({"reasoning": None, "response": "a</think>7"}, {}, ("a", "7", "think_close_only")),
    "a mapped response is split": ({"out": "a</think>7", "reasoning": "x"}, {"response": "out"}, ("a", "7", "think_close_only")),
    "both mapped": ({"cot": "a", "out": "7", "raw": "x"}, {"reasoning": "cot", "response": "out"}, ("a", "7", "field")),
    "text mapped": ({"cot": "a</think>7", "raw": "x"}, {"text": "cot"}, ("a", "7", "think_close_only")),
}


@pytest.mark.parametrize(("fields", "mapping", "expected"), COLUMNS.values(), ids=COLUMNS.keys())
def test_the_text_is_found(tmp_path: Path, fields: dict, mapping: dict[str, str], expected: tuple) -> None:
    samples = stored(tmp_path, [{"problem": "3 + 4?", "gold": "7", "teacher": "m", **fields}], mapping)
    assert samples.select("reasoning", "response", "delimiter").row(0) == expected


def test_a_choice_keeps_its_prompt_and_its_options_are_read(tmp_path: Path) -> None:
    prompt = "Which?\n  Options: {'A': 'one', 'B': 'two'}"
    source = write(tmp_path / "samples.jsonl", [row("<think>a</think>B", problem=prompt, gold="B", kind="mcq")])
    assert problems_of(source, {}).select("prompt", "answer", "kind", "options").row(0) == (prompt, "B", "choice", ["one", "two"])


def test_unusable_rows_are_counted_with_their_reason(tmp_path: Path) -> None:
    source = write(tmp_path / "samples.jsonl", [row("7"), row(None), row("7", gold=""), row("7", gold=""), row("", gold="7")])
    run = new_run(tmp_path, source)
    result = import_samples(run, source, {})
    assert (result.added, result.rejected) == (2, 3)
    assert result.notes == ["2 rows left out: no answer", "1 row left out: no response"]


def test_a_file_without_a_teacher_says_so(tmp_path: Path) -> None:
    source = write(tmp_path / "samples.jsonl", [{"problem": "3 + 4?", "gold": "7", "raw": "7"}])
    run = new_run(tmp_path, source)
    assert "--map teacher=COLUMN" in import_samples(run, source, {}).notes[0]
    assert run.read("samples", 0)["teacher"].to_list() == ["unknown"]


@pytest.mark.parametrize(
    ("rows", "mapping", "message"),
    [
        ([{"problem": "3 + 4?", "gold": "7"}], {}, "which column is the response; columns: problem, gold"),
        ([row("7")], {"text": "nope"}, "no column 'nope'"),
        ([row("7")], {"words": "raw"}, "--map words=raw: no column of a sample"),
        ([row(None)], {}, "none of its 1 rows is a sample: no response"),
        ([{"raw": "7", "teacher": "m"}], {}, "which column is the prompt and the answer"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, rows: list[dict], mapping: dict[str, str], message: str) -> None:
    with pytest.raises(CotkitError, match=message):
        problems_of(write(tmp_path / "samples.jsonl", rows), mapping)


def test_an_import_waits_for_no_other_writer(tmp_path: Path) -> None:
    source = write(tmp_path / "samples.jsonl", [row("7")])
    run = new_run(tmp_path, source)
    with run.lock(), pytest.raises(CotkitError, match="another cotkit is writing"):
        import_samples(run, source, {})


@pytest.mark.slow
@pytest.mark.shared
@pytest.mark.skipif(not TRACES.exists(), reason="no ../shared/data beside the checkout")
def test_real_traces_become_a_run_in_which_nothing_is_lost(tmp_path: Path) -> None:
    traces = pl.read_parquet(TRACES, columns=["raw", "gold", "source", "kind"])
    run = new_run(tmp_path, TRACES)
    result = import_samples(run, TRACES, {})
    without_gold = (traces["gold"].str.strip_chars() == "").sum()
    assert (result.added, result.rejected) == (traces.height - without_gold, without_gold)
    assert import_samples(run, TRACES, {})[:2] == (0, result.added)
    assert [run.read("samples", number).height for number in run.shard_numbers()] == [8192, 8192, result.added - 2 * 8192]
    samples = run.scan("samples").join(run.problems().lazy().select("problem_id", "kind", "options"), on="problem_id").collect()
    assert samples.select(pl.struct("problem_id", "teacher", "index").is_unique().all()).item()
    assert samples.filter(pl.col("kind") == "choice").height == (traces["kind"] == "mcq").sum()
    assert samples.filter(pl.col("kind") == "choice")["options"].list.len().unique().to_list() == [4]
    letters = traces.filter(pl.col("gold").str.strip_chars() != "")["raw"].str.count_matches("[0-9]").sum()
    assert samples.select(pl.concat_str(pl.col("reasoning").fill_null(""), "response").str.count_matches("[0-9]").sum()).item() == letters
