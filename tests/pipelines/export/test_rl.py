"""RL prompt sets hold each problem of the band once, with its bare gold, in the columns that each trainer reads."""

import json
from pathlib import Path
from typing import Any, get_args

import polars as pl
import pytest
from cotkit.pipelines.export import Exported, export_rl
from cotkit.pipelines.run_folder import RunFolder
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import CurateConfig, Recipe, RlExportConfig, RlFormat, SampleConfig, Shot

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
    if (exported.path / "train.jsonl").exists():
        return [json.loads(line) for line in (exported.path / "train.jsonl").read_text(encoding="utf-8").splitlines()]
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


LONG = (
    "A farmer has {} hens that each lay {} eggs a day, eats {} of the eggs himself and sells all the rest at the market for {} coins each."
)
DOUBLED = [
    Problem.make(LONG.format(9, 2, 4, 3) + " How much does he earn?", "42", "number"),
    Problem.make(LONG.format(9, 2, 4, 3) + " How much does he earn ?", "42", "number"),
    Problem.make("What is 1 + 1? The answer is 2.", "2", "number"),
    Problem.make("What is the sum of 2 and 3?", "5", "number"),
    Problem.make("What is 4 + 4?", "8", "number"),
]


def test_what_curation_drops_as_a_problem_is_no_prompt_whatever_its_samples_were_dropped_for(make_run: Any, tmp_path: Path) -> None:
    held_out = tmp_path / "held_out.jsonl"
    held_out.write_text(json.dumps({"question": DOUBLED[3].prompt}) + "\n")
    curate = CurateConfig(keep_leaked=False, max_problem_similarity=0.8, decontaminate=[str(held_out)])
    samples = {(p, i): {"outcome": "correct", "kept": False, "reason": "finish reason is length"} for p in range(5) for i in range(2)}
    run = make_run(recipe=RECIPE.model_copy(update={"curate": curate}), problems=DOUBLED, samples=samples)
    exported = export_rl(run, RlExportConfig(formats=["trl", "slime"]))
    left_out = {
        "their prompt states the answer": 1,
        "they are much like an earlier problem": 1,
        "they stand in a benchmark (held_out)": 1,
    }
    for item in exported:
        assert item.notes == tuple(f"{count} problems left out: {reason}" for reason, count in left_out.items())
        assert json.loads((item.path / "export.json").read_text()) == {"format": item.format, "problems": 2, "left_out": left_out}
    assert [row["problem_id"] for row in rows_of(exported[0])] == [DOUBLED[0].problem_id, DOUBLED[4].problem_id]


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
    assert row["extra_info"] == {"index": 1, "split": "train", **ABOUT, "problem_id": problem["problem_id"]}


ABOUT = {"kind": "number", "options": [], "pass_rate": 0.5, "judged": 2, "samples": 2, "learnability": 0.25, "source": "sums.jsonl"}
USER = {"role": "user", "content": "What is 18 + 4? Use \\boxed{}."}
CHAT = [{"role": "system", "content": "Think."}, USER]
ONE_TEXT = "Think.\n\nWhat is 18 + 4? Use \\boxed{}."
SHAPES = {
    "trl": {"prompt": CHAT, "solution": "$22$", "answer": "22"},
    "openrlhf": {
        "prompt": CHAT,
        "label": "22",
        "problem": '{"answer":"22","kind":"number","options":[]}',
        "datasource": "sums.jsonl",
    },
    "nemo-rl": {"input": ONE_TEXT, "output": "22"},
    "open-instruct": {"messages": [{"role": "user", "content": ONE_TEXT}], "ground_truth": "22", "dataset": "math"},
    "prime-rl": {"prompt": USER["content"], "system_prompt": "Think.", "answer": "22"},
    "areal": {"messages": CHAT, "answer": "22"},
}


@pytest.mark.parametrize("format", SHAPES)
def test_a_flat_row_has_its_trainers_columns_then_what_is_known_of_the_problem(run: RunFolder, format: str) -> None:
    (exported,) = export_rl(run, RlExportConfig(formats=[format]))  # pyright: ignore[reportArgumentType]
    row = rows_of(exported)[1]
    assert row == SHAPES[format] | ABOUT | {"problem_id": run.problems()["problem_id"][1]}
    assert list(row)[: len(SHAPES[format])] == list(SHAPES[format])


def test_nested_rows_have_their_trainers_columns(run: RunFolder) -> None:
    skyrl, slime = (rows_of(exported)[1] for exported in export_rl(run, RlExportConfig(formats=["skyrl", "slime"])))
    about = ABOUT | {"problem_id": run.problems()["problem_id"][1]}
    spec = {"method": "rule", "ground_truth": "22"}
    named = {"data_source": "cotkit", "prompt": CHAT, "env_class": "cotkit", "reward_spec": spec}
    assert skyrl == named | {"extra_info": {"index": 1, "split": "train", **about}}
    assert slime == {"prompt": CHAT, "label": "22", "metadata": about}


def test_without_a_system_prompt_one_text_is_the_users_alone(make_run: Any) -> None:
    run = make_run(
        recipe=Recipe(sample=SampleConfig(n=1, prompt_template="{prompt}")), problems=1, samples={(0, 0): {"outcome": "correct"}}
    )
    nemo, prime = (rows_of(exported)[0] for exported in export_rl(run, RlExportConfig(formats=["nemo-rl", "prime-rl"])))
    assert (nemo["input"], prime["system_prompt"]) == ("What is 11 + 3?", None)


def test_learnability_is_a_floor_and_an_order(run: RunFolder) -> None:
    def rates(**settings: Any) -> list[float]:
        return [row["pass_rate"] for row in rows_of(*export_rl(run, RlExportConfig(formats=["trl"], **settings)))]

    assert rates(min_learnability=0.2) == [0.5]
    assert rates(top_learnability=2) == [0.5, 1.0]
    assert rates(top_learnability=9) == [0.5, 1.0, 0.0, 1.0]
    (exported,) = export_rl(run, RlExportConfig(formats=["trl"], top_learnability=3))
    assert "1 problems left out: the learnability of others is higher" in exported.notes


def test_a_gold_answer_that_does_not_verify_itself_is_left_out_and_said(make_run: Any) -> None:
    problems = [Problem.make("?", "7", "math"), Problem.make("??", "\\frac{", "math")]
    run = make_run(recipe=RECIPE, problems=problems, samples={(p, i): {"outcome": "correct"} for p in (0, 1) for i in (0, 1)})
    (exported,) = export_rl(run, TRL)
    assert [row["answer"] for row in rows_of(exported)] == ["7"]
    assert exported.notes == ("1 problems left out: the gold answer does not verify itself",)
    (unchecked,) = export_rl(run, RlExportConfig(formats=["trl"], check_gold=False))
    assert unchecked.rows == 2


def test_a_problem_of_a_benchmark_is_left_out_though_its_samples_were_dropped_for_another_reason(make_run: Any, tmp_path: Path) -> None:
    asked = "What is the smallest positive integer that is divisible by each of the first ten positive integers?"
    (tmp_path / "held_out.jsonl").write_text(json.dumps({"problem": asked, "answer": "2520"}) + "\n")
    recipe = RECIPE.model_copy(update={"curate": CurateConfig(decontaminate=[str(tmp_path / "held_out.jsonl")])})
    problems = [Problem.make(asked, "2520", "number"), Problem.make("What is 3 + 4?", "7", "number")]
    run = make_run(recipe=recipe, problems=problems, samples={(p, i): {"outcome": "wrong"} for p in (0, 1) for i in (0, 1)})
    (exported,) = export_rl(run, TRL)
    assert [row["answer"] for row in rows_of(exported)] == ["7"]
    assert exported.notes == ("1 problems left out: they stand in a benchmark (held_out)",)


@pytest.mark.parametrize("format", get_args(RlFormat))
def test_beside_the_rows_lie_the_reward_module_and_a_launch_line(run: RunFolder, format: str) -> None:
    (exported,) = export_rl(run, RlExportConfig(formats=[format]))  # pyright: ignore[reportArgumentType]
    module = (exported.path / "cotkit_reward.py").read_text(encoding="utf-8")
    compile(module, "cotkit_reward.py", "exec")
    assert "from cotkit.pipelines.reward import" in module
    launch = (exported.path / "launch.sh").read_text(encoding="utf-8")
    assert "256" in launch  # the longest right response, rounded up
    assert not {name for name in ("{prompt}", "{response}", "{total}", "{listed}", "{trainer}") if name in launch}
    assert all(name in launch for name in ([] if format in ("prime-rl", "areal", "trl", "openrlhf") else [rows_file(exported)]))


def rows_file(exported: Exported) -> str:
    return next(path.name for path in exported.path.iterdir() if path.name.startswith("train"))


def test_a_changed_reward_module_is_left_as_it_is_and_said(run: RunFolder) -> None:
    (exported,) = export_rl(run, TRL)
    (exported.path / "cotkit_reward.py").write_text("mine")
    (again,) = export_rl(run, TRL)
    assert (exported.path / "cotkit_reward.py").read_text() == "mine"
    assert again.notes[-1].endswith("cotkit_reward.py was changed and is left as it is")


@pytest.mark.parametrize("format", ["slime", "verl"])
def test_a_set_that_becomes_empty_leaves_nothing_of_ours_behind(run: RunFolder, format: str) -> None:
    (exported,) = export_rl(run, RlExportConfig(formats=[format]))  # pyright: ignore[reportArgumentType]
    (empty,) = export_rl(run, RlExportConfig(formats=[format], min_pass_rate=0.6, max_pass_rate=0.7))  # pyright: ignore[reportArgumentType]
    assert empty.rows == 0
    assert list(exported.path.iterdir()) == []


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
        every = RlExportConfig(formats=["trl", "verl", "slime"])
        return [path.stat().st_mtime_ns for item in export_rl(run, every) for path in sorted(item.path.glob("train*"))]

    before = written()
    assert len(before) == 3
    assert written() == before
    run.write("verdicts", 1, run.read("verdicts", 1).with_columns(outcome=pl.lit("wrong")), "changed")
    assert all(new != old for new, old in zip(written(), before, strict=True))


@pytest.mark.slow
def test_many_problems_make_several_pieces_that_hold_each_once(make_run: Any) -> None:
    recipe = RECIPE.model_copy(update={"sample": SAMPLE.model_copy(update={"n": 1})})
    run = make_run(recipe=recipe, problems=34_000, shards=2, stages=("samples", "verdicts"))
    (exported,) = export_rl(run, RlExportConfig(formats=["trl"], check_gold=False))
    assert sorted(path.name for path in exported.path.glob("train*")) == ["train-00000-of-00002.parquet", "train-00001-of-00002.parquet"]
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
    about = {"problem_id": text, "kind": text, "options": datasets.List(text), "pass_rate": share, "judged": number, "samples": number}
    about |= {"learnability": share, "source": text}
    extra = {"index": number, "split": text, **about}
    verl = {"data_source": text, "prompt": prompt, "ability": text, "reward_model": {"style": text, "ground_truth": text}}
    features = {"trl": {"prompt": prompt, "solution": text, "answer": text, **about}, "verl": {**verl, "extra_info": extra}}
    for exported in export_rl(run, RlExportConfig()):
        loaded = datasets.load_dataset(
            "parquet", data_files=str(exported.path / "*.parquet"), split="train", cache_dir=str(tmp_path / "cache")
        )
        assert loaded.features == features[exported.format]
        assert loaded.num_rows == exported.rows == 4
