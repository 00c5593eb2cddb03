"""Benchmark files: what ships is sound, a copy that differs is noticed, and the real copies are what the files say."""

from functools import cache
from pathlib import Path

import polars as pl
import pytest
from cotkit.data import data_file
from cotkit.pipelines.evaluation.benchmarks import (
    LoadedBenchmark,
    asked_and_answered,
    content_of,
    draw_problems,
    find_benchmark,
    load_problems,
    shipped_benchmarks,
)
from cotkit.pipelines.execute.gold_check import check_gold
from cotkit.schemas.benchmark import Benchmark, Draw, load_benchmark
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import SampleConfig, VerifyConfig

COPIES = Path(__file__).parents[3] / "../shared/data/benchmarks"
FILES = {
    "math500": "math500",
    "math_levels": "math_test_5000",
    "aime24": "aime24",
    "aime25": "aime25",
    "theoremqa": "theoremqa",
    "mmlu_pro": "mmlu_pro_test",
    "mmlu_pro_1k": "mmlu_pro_test",
    "gsm8k": "gsm8k_test",
    "olympiadbench": "olympiadbench_math_en_oe",
}
BAD_GOLDS = {"olympiadbench": 1}
"""Golds that are broken in the source: an interval left open; docs/evaluation.md lists all."""
ROWS = [{"problem": f"What is {n} + {n}?", "answer": str(2 * n), "topic": "even" if n % 2 else "odd", "figure": None} for n in range(1, 13)]


@cache
def real_copy(name: str) -> LoadedBenchmark:
    return load_problems(find_benchmark(name), COPIES / f"{FILES[name]}.parquet")


def write_rows(path: Path, rows=ROWS) -> Path:
    pl.DataFrame(rows, schema_overrides={"figure": pl.String}).write_parquet(path)
    return path


def benchmark(**fields) -> Benchmark:
    return Benchmark.model_validate({"name": "sums", "description": "Sums", "columns": {"subject": "topic"}} | fields)


@pytest.mark.parametrize("name", sorted(shipped_benchmarks()))
def test_every_shipped_benchmark_says_what_it_must_have_and_how_it_is_asked(name):
    found = find_benchmark(name)
    assert found.name == name
    assert found.hub
    assert found.license
    assert None not in (found.rows, found.problems, found.content)
    SampleConfig.model_validate(found.sample)


def test_no_problem_of_a_benchmark_ships_in_its_file():
    sizes = {path.stem: path.stat().st_size for path in data_file("benchmarks").glob("*.toml")}
    assert max(sizes.values()) < 1500, "a file that says where problems are needs no more"


@pytest.mark.shared
@pytest.mark.skipif(not COPIES.exists(), reason="no ../shared/data beside the checkout")
@pytest.mark.parametrize("name", FILES)
def test_the_real_copies_have_the_rows_problems_and_content_that_are_known(name):
    loaded = real_copy(name)
    assert loaded.origin.as_expected, loaded.notes
    assert loaded.origin.left_out == {
        "theoremqa": {"asks about a picture": 53},
        "mmlu_pro": {"asked twice": 159},
        "mmlu_pro_1k": {"asked twice": 159},
    }.get(name, {})


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.skipif(not COPIES.exists(), reason="no ../shared/data beside the checkout")
@pytest.mark.parametrize("name", sorted({*FILES} - {"mmlu_pro", "math_levels"}))
def test_every_gold_of_the_real_copies_verifies_itself_or_is_known_to_be_broken(name):
    loaded = real_copy(name)
    failures = check_gold(loaded.problems, VerifyConfig())
    assert failures.height == BAD_GOLDS.get(name, 0), failures.rows()


@pytest.mark.shared
@pytest.mark.skipif(not COPIES.exists(), reason="no ../shared/data beside the checkout")
def test_the_thousand_of_mmlu_pro_keep_the_shares_of_its_categories():
    whole, part = (real_copy(name).problems["subject"].value_counts() for name in ("mmlu_pro", "mmlu_pro_1k"))
    both = whole.join(part, on="subject", suffix="_drawn")
    assert both.height == 14
    assert (both["count_drawn"] - both["count"] * 1000 / both["count"].sum()).abs().max() < 1


def test_the_demo_benchmark_is_what_ships():
    loaded = load_problems(find_benchmark("demo"))
    assert (loaded.problems.height, loaded.origin.as_expected, loaded.notes) == (72, True, [])


def test_another_number_of_rows_is_an_error_unless_it_is_accepted(tmp_path):
    copy = write_rows(tmp_path / "copy.parquet")
    asked = benchmark(rows=13, problems=12)
    with pytest.raises(CotkitError, match="12 rows, and it must be 13") as refused:
        load_problems(asked, copy)
    assert "--accept-changed" in refused.value.hint
    accepted = load_problems(asked, copy, accept_changed=True)
    assert not accepted.origin.as_expected
    assert accepted.notes == ["sums: 12 rows, and it must be 13"]


def test_another_content_is_a_warning_and_order_and_spacing_are_no_other_content(tmp_path):
    first = load_problems(benchmark(), write_rows(tmp_path / "first.parquet"))
    known = benchmark(rows=12, problems=12, content=first.origin.content)
    spaced = [row | {"problem": row["problem"].replace(" ", "  ").upper(), "answer": f"0{row['answer']}"} for row in reversed(ROWS)]
    assert load_problems(known, write_rows(tmp_path / "spaced.parquet", spaced)).origin.as_expected
    other = load_problems(known, write_rows(tmp_path / "other.parquet", [*ROWS[:-1], ROWS[-1] | {"answer": "25"}]))
    assert not other.origin.as_expected
    assert "its texts or answers are not those of the known copy" in other.notes[0]


def test_rows_are_left_out_by_what_they_have_and_counted(tmp_path):
    rows = [row | {"figure": "a.png" if place < 2 else ""} for place, row in enumerate([*ROWS, ROWS[-1]])]
    loaded = load_problems(
        benchmark(leave_out={"figure": "asks about a picture"}, problems=10), write_rows(tmp_path / "rows.parquet", rows)
    )
    assert loaded.origin.left_out == {"asks about a picture": 2, "asked twice": 1}
    assert loaded.problems.height == 10


def test_a_drawn_part_is_the_same_for_any_order_and_keeps_the_shares_of_its_groups():
    problems = pl.DataFrame(
        [Problem.make(f"{n}?", str(n), "math", subject="many" if n % 4 else "few").model_dump() for n in range(100)],
        schema=Problem.polars_schema(),
    )
    drawn = draw_problems(problems, Draw(problems=12))
    assert dict(drawn["subject"].value_counts().rows()) == {"many": 9, "few": 3}
    assert sorted(drawn["problem_id"]) == sorted(draw_problems(problems.reverse(), Draw(problems=12))["problem_id"])
    assert content_of(drawn) == content_of(drawn.reverse()) != content_of(draw_problems(problems, Draw(problems=12, seed=1)))
    assert asked_and_answered("Is $3 > 2$?", "000") == "is32=0"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('name = "a"', "description: Field required"),
        ("name = ", "not valid TOML"),
        ('name = "a"\ndescription = "b"\nurl = "c"', "url: Extra"),
    ],
)
def test_a_wrong_benchmark_file_says_what_is_wrong(tmp_path, text, said):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(CotkitError, match=said):
        load_benchmark(path)
    with pytest.raises(CotkitError, match="unknown benchmark 'mth500'"):
        find_benchmark("mth500")
    with pytest.raises(CotkitError, match="no such benchmark"):
        find_benchmark(str(tmp_path / "none.toml"))


def test_a_local_file_may_stand_beside_the_benchmark_file(tmp_path):
    write_rows(tmp_path / "rows.parquet")
    (tmp_path / "mine.toml").write_text('name = "mine"\ndescription = "My sums"\nfile = "rows.parquet"\nrows = 12\n')
    assert load_problems(find_benchmark(str(tmp_path / "mine.toml"))).origin.origin == "rows.parquet"
    with pytest.raises(CotkitError, match="neither a dataset nor a file"):
        load_problems(benchmark())
