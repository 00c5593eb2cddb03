"""RL prompt sets hold each problem of the band once, with its bare gold, in the columns that TRL and verl read."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from cotkit.pipelines.export import Exported, export_rl
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, RlExportConfig, SampleConfig, Shot

SAMPLE = SampleConfig(n=2, system_prompt="Think.", prompt_template="{prompt} Use \\boxed{}.", shots=[Shot(prompt="1?", response="1.")])
RECIPE = Recipe(name="small", sample=SAMPLE)
OUTCOMES = {  # per problem
    0: ("correct", "correct"),
    1: ("correct", "wrong"),
    2: ("wrong", "truncated"),
    3: ("timeout", "crashed"),
    4: ("unreadable_gold", "wrong"),
    5: ("correct", "timeout"),
}
TRL = RlExportConfig(formats=["trl"])


def rows_of(exported: Exported) -> list[dict[str, Any]]:
    return pl.read_parquet(exported.path / "*.parquet").rows(named=True)


@pytest.fixture
def run(make_run: Any) -> RunFolder:
    samples = {(p, i): {"outcome": outcome} for p, outcomes in OUTCOMES.items() for i, outcome in enumerate(outcomes)}
    return make_run(recipe=RECIPE, problems=6, shards=2, samples=samples)


BANDS = [
    pytest.param(0.0, 1.0, [1.0, 0.5, 0.0, 1.0], id="all-that-were-judged"),
    pytest.param(0.1, 0.9, [0.5], id="neither-always-nor-never"),
    pytest.param(0.5, 1.0, [1.0, 0.5, 1.0], id="bounds-are-in"),
    pytest.param(0.6, 0.7, [], id="none"),
]


@pytest.mark.parametrize(("low", "high", "rates"), BANDS)
@pytest.mark.parametrize("format", ["trl", "verl"])
def test_the_band_chooses_the_problems(run: RunFolder, format: str, low: float, high: float, rates: list[float]) -> None:
    (exported,) = export_rl(run, RlExportConfig(formats=[format], min_pass_rate=low, max_pass_rate=high))
    assert exported[1:5] == (format, "train", len(rates), 0)
    assert exported.path == run.path / "exports" / f"rl-{format}"
    rows = rows_of(exported) if rates else []
    assert [row["pass_rate"] if format == "trl" else row["extra_info"]["pass_rate"] for row in rows] == rates
    assert rates or not list(exported.path.glob("*.parquet"))


def test_what_is_left_out_is_said(run: RunFolder) -> None:
    (exported,) = export_rl(run, RlExportConfig(formats=["trl"], max_pass_rate=0.9))
    assert exported.notes == (
        "1 problems left out: the gold answer cannot be read",
        "1 problems left out: no sample was judged",
        "2 problems left out: the pass rate is not within 0 and 0.9",
    )


def test_the_prompt_is_the_students(run: RunFolder) -> None:
    for exported in export_rl(run, RlExportConfig()):
        expected = [{"role": "system", "content": "Think."}, {"role": "user", "content": "What is 11 + 3? Use \\boxed{}."}]
        assert rows_of(exported)[0]["prompt"] == expected


def test_verl_rows_have_its_columns_and_a_bare_gold(run: RunFolder) -> None:
    (exported,) = export_rl(run, RlExportConfig(formats=["verl"], data_source="math_dapo"))
    row = rows_of(exported)[1]
    problem = run.problems().row(1, named=True)
    assert list(row) == ["data_source", "prompt", "ability", "reward_model", "extra_info"]
    assert (row["data_source"], row["ability"]) == ("math_dapo", "math")
    assert row["reward_model"] == {"style": "rule", "ground_truth": problem["answer"]}
    assert row["extra_info"] == {
        "index": 1, "split": "train", "problem_id": problem["problem_id"], "kind": "number", "pass_rate": 0.5, "samples": 2,
    }  # fmt: skip


GOLDS = [
    ("math", r"\frac{1}{2}", r"\frac12", r"\frac13"),
    ("math", r"2\sqrt{3}", r"\sqrt{12}", "2"),
    ("math", "6 - 5i", "6-5i", "5"),
    ("math", r"1\frac{2}{3}", r"\frac{5}{3}", r"\frac{2}{3}"),
    ("number", "841", "841.0", "842"),
    ("choice", "B", "B", "C"),
    ("choice", "E", "E", "D"),
    ("text", "listen", "listen", "silent"),
    ("text", "New York", "New York", "New Jersey"),
]


@pytest.mark.parametrize(("kind", "gold", "right", "wrong"), GOLDS, ids=[f"{kind}-{gold}" for kind, gold, *_ in GOLDS])
def test_math_verify_reads_the_solution_as_the_gold(make_run: Any, kind: str, gold: str, right: str, wrong: str) -> None:
    from math_verify import parse, verify

    run = make_run(recipe=RECIPE, problems=[Problem.make("?", gold, kind)], samples={(0, 0): {"outcome": "correct"}})  # pyright: ignore[reportArgumentType]
    (row,) = rows_of(*export_rl(run, TRL))
    assert row["answer"] == gold
    read = parse(row["solution"], parsing_timeout=None)
    assert read
    assert verify(read, parse(f"So \\boxed{{{right}}}.", parsing_timeout=None), timeout_seconds=None)
    assert not verify(read, parse(f"So \\boxed{{{wrong}}}.", parsing_timeout=None), timeout_seconds=None)


def test_a_fresh_set_is_not_written_again_and_a_changed_verdict_writes_it(run: RunFolder) -> None:
    def written() -> list[int]:
        return [path.stat().st_mtime_ns for item in export_rl(run, RlExportConfig()) for path in item.path.iterdir()]

    before = written()
    assert len(before) == 2
    assert written() == before
    run.write("verdicts", 1, run.read("verdicts", 1).with_columns(outcome=pl.lit("wrong")), "changed")
    assert all(new != old for new, old in zip(written(), before, strict=True))


@pytest.mark.slow
def test_many_problems_make_several_pieces_that_hold_each_once(make_run: Any) -> None:
    recipe = RECIPE.model_copy(update={"sample": SAMPLE.model_copy(update={"n": 1})})
    run = make_run(recipe=recipe, problems=34_000, shards=2, stages=("samples", "verdicts"))
    (exported,) = export_rl(run, TRL)
    assert sorted(path.name for path in exported.path.iterdir()) == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]
    judged = run.scan("verdicts").filter(~pl.col("outcome").is_in(["timeout", "crashed"])).collect().height
    ids = pl.read_parquet(exported.path / "*.parquet")["problem_id"]
    assert len(ids) == ids.n_unique() == exported.rows == judged


def test_no_format_writes_nothing(run: RunFolder) -> None:
    assert export_rl(run, RlExportConfig(formats=[])) == []
    assert not (run.path / "exports").exists()


def test_a_run_that_is_not_verified_is_an_error(make_run: Any) -> None:
    with pytest.raises(CotkitError, match="no verdicts yet"):
        export_rl(make_run(stages=("samples",)), TRL)


@pytest.mark.slow
def test_datasets_loads_both_with_plain_features(run: RunFolder, tmp_path: Path) -> None:
    import datasets

    text, number, share = datasets.Value("string"), datasets.Value("int64"), datasets.Value("float64")
    prompt = datasets.List({"role": text, "content": text})
    flat = {"solution": text, "answer": text, "kind": text, "problem_id": text, "pass_rate": share, "samples": number, "source": text}
    extra = {"index": number, "split": text, "problem_id": text, "kind": text, "pass_rate": share, "samples": number}
    verl = {"data_source": text, "prompt": prompt, "ability": text, "reward_model": {"style": text, "ground_truth": text}}
    features = {"trl": {"prompt": prompt, **flat}, "verl": {**verl, "extra_info": extra}}
    for exported in export_rl(run, RlExportConfig()):
        loaded = datasets.load_dataset(
            "parquet", data_files=str(exported.path / "*.parquet"), split="train", cache_dir=str(tmp_path / "cache")
        )
        assert loaded.features == features[exported.format]
        assert loaded.num_rows == exported.rows == 4
