"""`cotkit problems make`, and that what it makes goes through sampling, verification and grading as any problem set does."""

import json
from pathlib import Path

import polars as pl
import pytest
from cotkit.cli import app
from typer.testing import CliRunner, Result


def cotkit(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert result.exit_code == code, (result.stdout, result.stderr)
    return result


def test_hands_are_sampled_verified_and_graded_like_any_problem_set(tmp_path: Path) -> None:
    hands, script, run = tmp_path / "hands.parquet", tmp_path / "script.jsonl", tmp_path / "run"
    made = json.loads(cotkit("problems", "make", "game24", "--n", 12, "--split", "train", "-o", hands, "--json").stdout)
    assert made == {"out": str(hands), "problems": 12, "images": 0}
    assert "0 of 12 gold answers" in cotkit("verify", "--check-gold", hands).stderr
    replies = ['{"cards": ["A"], "number": [1], "formula": "{answer}"}', "So \\boxed{{answer}}.", '{"formula": "1+1=24"}', "1+(", "", "24"]
    script.write_text("".join(json.dumps({"response": reply}) + "\n" for reply in replies))
    cotkit("sample", hands, "--teacher", f"scripted:{script}", "-n", 6, "--prompt-template", "{prompt}", "-o", run, "--progress", "none")
    verdicts, samples = (pl.read_parquet(run / stage / "*.parquet") for stage in ("verdicts", "samples"))
    assert verdicts.height == 72
    right = samples["response"].str.contains("24", literal=True) & (samples["response"].str.len_chars() > 25)
    right |= samples["response"].str.starts_with("So ")
    assert (verdicts["outcome"] == "correct").to_list() == right.to_list()
    assert {"solved", "wrong_numbers", "illegal_formula", "no_formula"} <= set(verdicts["decided_by"])
    assert json.loads(cotkit("verify", run, "--json").stdout)["computed"] == 0
    rows = samples.join(pl.read_parquet(hands).select("problem_id", gold="answer"), on="problem_id", maintain_order="left")
    rows.select("response", "gold").write_ndjson(tmp_path / "rows.jsonl")
    graded = tmp_path / "graded.jsonl"
    cotkit("grade", tmp_path / "rows.jsonl", "--kind", "game24", "--gold", "gold", "--response", "response", "-o", graded)
    assert pl.read_ndjson(graded)["outcome"].to_list() == verdicts["outcome"].to_list()


def test_steps_are_imported_with_their_kind_and_meta_and_verify_themselves(tmp_path: Path) -> None:
    steps, again = tmp_path / "steps.parquet", tmp_path / "again.parquet"
    cotkit("problems", "make", "navigation", "--n", 2, "--space", "relative", "--city", "dunmere", "-o", steps)
    assert "0 of" in cotkit("verify", "--check-gold", steps).stderr
    cotkit("problems", "import", steps, "-o", again)
    before, after = pl.read_parquet(steps), pl.read_parquet(again)
    assert before["problem_id"].equals(after["problem_id"])
    assert set(after["kind"]) == {"navigation"}
    assert json.loads(after["meta"][0])["route"] == json.loads(before["meta"][0])["route"]


def test_images_stand_beside_the_problem_set(tmp_path: Path) -> None:
    pytest.importorskip("PIL")
    cotkit("problems", "make", "game24", "--n", 2, "--vision", "--suits", "red", "--layout", "grid", "-o", tmp_path / "hands.parquet")
    metas = [json.loads(meta) for meta in pl.read_parquet(tmp_path / "hands.parquet")["meta"]]
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == sorted(Path(meta["image"]).name for meta in metas)


@pytest.mark.parametrize(
    ("words", "said", "hint"),
    [
        (["game24", "--n", 10**6], "20876 different ones have a solution", "--n to 20876"),
        (["game24", "--target", 0], "--target", "it is set to 0"),
        (["navigation", "--city", "rome"], "unknown city 'rome'", "ashford"),
        (["navigation", "--routes", "missing.json"], "missing.json: no such file", "route_infos.json"),
        (["navigation", "--routes", "missing.json", "--vision"], "panoramas are not read", ""),
    ],
)
def test_what_cannot_be_made_is_an_error_that_says_so(tmp_path: Path, words: list[object], said: str, hint: str) -> None:
    told = cotkit("problems", "make", *words, "-o", tmp_path / "p.parquet", code=1).stderr
    assert said in told
    assert hint in told
    assert not (tmp_path / "p.parquet").exists()


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    out = tmp_path / "hands.parquet"
    cotkit("problems", "make", "game24", "--n", 1, "-o", out)
    assert "exists" in cotkit("problems", "make", "game24", "--n", 2, "-o", out, code=1).stderr
    cotkit("problems", "make", "game24", "--n", 2, "-o", out, "--force")
    assert pl.read_parquet(out).height == 2
