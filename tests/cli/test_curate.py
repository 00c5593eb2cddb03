"""`cotkit curate` on the command line: splits and their totals, token budgets, parts of a job array."""

import json

import pytest
from cotkit.cli import app
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.recipe import CurateConfig, Recipe, SampleConfig, SplitConfig
from typer.testing import CliRunner


def curate(run: RunFolder, *words: object) -> tuple[dict, str]:
    result = CliRunner().invoke(app, ["curate", str(run.path), "--json", *map(str, words)])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), result.stderr


@pytest.fixture
def run(make_run):
    stages = ("samples", "verdicts", "tags")
    return make_run(
        problems=20, stages=stages, recipe=Recipe(sample=SampleConfig(n=12), curate=CurateConfig(splits=[SplitConfig(name="all")]))
    )


def kept(run: RunFolder) -> set[str]:
    decisions = run.scan("decisions").collect()
    return set(decisions.filter("kept")["sample_id"])


def test_the_papers_recipe_draws_subsets_nested_by_n_and_says_their_tokens(run):
    said, told = curate(run, "--recipe", "long_cot_scaling")
    assert [split["name"] for split in said["splits"]] == ["n32", "n64", "n128", "n192", "n256"]
    curate(run, "--recipe", "short_cot_scaling")
    recipe = run.path / "small.toml"
    recipe.write_text("[curate]\nsplits = [" + ", ".join(f'{{ name = "n{n}", first_n = {n} }}' for n in (3, 6, 12)) + "]\n")
    said, told = curate(run, "--recipe", recipe)
    tokens = [split["tokens"] for split in said["splits"]]
    assert 0 < tokens[0] < tokens[1] < tokens[2]
    for split in said["splits"]:
        assert f"{split['name']}: {split['samples']:,} samples of {split['problems']:,} problems, {split['tokens']:,} tokens" in told
    names = run.scan("decisions").collect()["splits"].to_list()
    assert {tuple(name) for name in names} == {(), ("n12",), ("n6", "n12"), ("n3", "n6", "n12")}


def test_token_budgets_draw_nested_subsets(run):
    sets = []
    for budget in ("500", "1.5K", "0.003M"):
        said, _ = curate(run, "--tokens", budget)
        assert said["splits"][0]["tokens"] <= {"500": 500, "1.5K": 1500, "0.003M": 3000}[budget]
        sets.append(kept(run))
    assert sets[0] < sets[1] < sets[2]
    assert RunFolder.open(run.path).recipe.curate.splits[0].token_budget == 3000


def test_reasons_that_name_a_sample_are_counted_as_one_kind(run):
    rows = run.read("samples", 0)
    run.write("samples", 0, rows.with_columns(reasoning=rows["reasoning"].first() + rows["sample_id"]), "alike")
    recipe = run.path / "alike.toml"
    recipe.write_text("[curate]\nmax_similarity = 0.5\n")
    said, _ = curate(run, "--recipe", recipe)
    assert said["counts"]["much like an earlier sample"] > 5
    assert len([reason for reason in said["counts"] if "much like" in reason]) == 1


def test_parts_read_texts_and_the_whole_decides(run):
    for part in (1, 0):
        said, _ = curate(run, "--shard", f"{part}/2", "--workers", 1)
        assert said["counts"] == {f"shards of part {part}/2": 1}
        assert not (run.path / "decisions").exists()
    said, _ = curate(run)
    assert said["computed"] == 2


def test_a_benchmark_in_a_recipe_is_looked_for_beside_it(run, tmp_path, monkeypatch):
    folder = tmp_path / "recipes"
    folder.mkdir()
    question = run.problems()["prompt"][0]
    (folder / "held_out.jsonl").write_text(json.dumps({"question": question}) + "\n")
    (folder / "clean.toml").write_text('[curate]\ndecontaminate = ["held_out.jsonl", "aime24"]\n')
    said, _ = curate(run, "--recipe", folder / "clean.toml")
    assert sum(count for reason, count in said["counts"].items() if reason == "stands in held_out (exact)") > 0
    monkeypatch.chdir(tmp_path)
    assert curate(run)[0]["computed"] == 0
