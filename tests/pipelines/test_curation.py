"""Curation: one table per filter, an oracle row by row, and decisions that look across the shards of a run."""

import random
from collections import Counter

import polars as pl
import pytest
from cotkit.pipelines.curation import curate, curate_run, read_keys
from cotkit.pipelines.curation.filters import FILTERS, wanted_by_filters
from cotkit.pipelines.curation.problem_keys import leaked_problems
from cotkit.pipelines.execute.stages import Computed
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.run_folder.pass_rates import JUDGED, pass_rates, pass_rates_of
from cotkit.pipelines.similarity import signature_column
from cotkit.schemas.decision import Decision
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import CurateConfig, Recipe, SplitConfig
from cotkit.schemas.sample import Sample
from cotkit.schemas.tags import Tags
from cotkit.schemas.verdict import OUTCOMES, SampleVerdict
from pydantic import ValidationError

KEYS = {
    "sample_id": pl.String,
    "problem_id": pl.String,
    "index": pl.Int64,
    "finish_reason": pl.String,
    "outcome": pl.String,
    "tokens": pl.Int64,
    "compression_ratio": pl.Float64,
    "text_hash": pl.UInt64,
    "draw": pl.UInt64,
    "budget": pl.Int64,
    "teacher": pl.String,
    "repeated_share": pl.Float64,
    "foreign_share": pl.Float64,
    "boxes": pl.Int64,
    "has_reasoning": pl.Boolean,
    "doubled_reasoning": pl.Boolean,
    "answered_in_reasoning": pl.Boolean,
    "leaked": pl.Boolean,
    "behaviours": pl.List(pl.String),
    "densities": pl.List(pl.Float64),
    "signature": pl.Binary,
    "double_problem": pl.String,
    "contaminated": pl.String,
}


def keys(*rows: dict) -> pl.DataFrame:
    """Make keys: right, finished samples of problem `p`, each with its own text, but for what a row says."""
    full = [
        {
            "sample_id": f"s{number}",
            "problem_id": "p",
            "index": number,
            "finish_reason": "stop",
            "outcome": "correct",
            "tokens": 100,
            "compression_ratio": 0.4,
            "text_hash": number,
            "draw": number,
            "budget": 8192,
            "teacher": "t",
            "repeated_share": 0.0,
            "foreign_share": 0.0,
            "boxes": 1,
            "has_reasoning": True,
            "doubled_reasoning": False,
            "answered_in_reasoning": False,
            "leaked": False,
            "behaviours": [],
            "densities": [],
            "signature": bytes(128),
            "double_problem": None,
            "contaminated": None,
        }
        | row
        for number, row in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=KEYS)


def reasons(rows: list[dict], **config) -> list[str | None]:
    return curate(keys(*rows), CurateConfig(**config))["reason"].to_list()


def splits(rows: list[dict], *configs: SplitConfig) -> list[list[str]]:
    return curate(keys(*rows), CurateConfig(splits=list(configs)))["splits"].to_list()


CASES = [(f"{rule.fields[0]}-{number}", case) for rule in FILTERS for number, case in enumerate(rule.cases)]


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_every_filter_drops_and_keeps_the_rows_that_it_says(case):
    assert reasons([case.row], **case.settings) == [case.reason]


def test_every_filter_says_what_it_drops_and_what_it_keeps():
    for rule in FILTERS:
        assert {case.reason is None for case in rule.cases} == {True, False}, rule.fields


def test_a_filter_that_is_off_reads_no_keys_of_its_own():
    assert wanted_by_filters(CurateConfig()) == {"compression_ratio"}
    assert wanted_by_filters(CurateConfig(min_compression_ratio=0.0)) == set()
    everything = {"max_repeated_share": 0.1, "max_foreign_share": 0.1, "max_boxes": 1, "reasoning": "required", "keep_leaked": False}
    everything |= {"max_problem_similarity": 0.9, "decontaminate": ["math500"]}
    everything |= {"keep_doubled_reasoning": False, "keep_answered_in_reasoning": False, "required_behaviours": ["a.b"]}
    assert wanted_by_filters(CurateConfig(**everything)) == {key for rule in FILTERS for key in rule.keys}


@pytest.mark.parametrize(
    ("row", "config", "reason"),
    [
        ({"tokens": 9}, {"splits": [SplitConfig(name="long", min_tokens=10)]}, "outside every split's length band"),
        ({"tokens": 10}, {"splits": [SplitConfig(name="long", min_tokens=10)]}, None),
        ({"tokens": 10}, {"splits": [SplitConfig(name="short", max_tokens=10)]}, None),
        ({"tokens": 11}, {"splits": [SplitConfig(name="short", max_tokens=10)]}, "outside every split's length band"),
        ({"tokens": 11}, {"splits": [SplitConfig(name="a", max_tokens=10), SplitConfig(name="b", min_tokens=11)]}, None),
        ({"outcome": None}, {"outcomes": list(OUTCOMES)}, "no verdict"),
    ],
)
def test_the_first_rule_that_fails_is_the_reason(row, config, reason):
    assert reasons([row], **config) == [reason]


SAME = {"text_hash": 7}


@pytest.mark.parametrize(
    ("rows", "config", "expected"),
    [
        ([SAME, SAME, SAME], {}, [None, "double of an earlier sample", "double of an earlier sample"]),
        ([SAME, SAME], {"keep_duplicates": True}, [None, None]),
        ([SAME, SAME | {"problem_id": "q"}], {}, [None, None]),
        ([SAME | {"finish_reason": "length"}, SAME, SAME], {}, ["finish reason is length", None, "double of an earlier sample"]),
        ([SAME, SAME | {"outcome": "wrong"}], {}, [None, "outcome is wrong"]),
    ],
    ids=["the_first_stays", "kept_when_asked", "other_problem", "a_dropped_sample_has_no_doubles", "the_earlier_rule_is_the_reason"],
)
def test_doubles_are_of_earlier_samples_that_got_as_far(rows, config, expected):
    assert reasons(rows, **config) == expected


RIGHT, WRONG, CRASHED = {}, {"outcome": "wrong"}, {"outcome": "crashed"}


@pytest.mark.parametrize(
    ("rows", "config", "expected"),
    [
        ([RIGHT] * 3 + [WRONG] * 7, {"max_pass_rate": 0.3}, None),
        ([RIGHT] * 3 + [WRONG] * 7, {"min_pass_rate": 0.3}, None),
        ([RIGHT] * 3 + [WRONG] * 6, {"max_pass_rate": 0.3}, "pass rate above 0.3"),
        ([RIGHT] * 3 + [WRONG] * 8, {"min_pass_rate": 0.3}, "pass rate below 0.3"),
        ([RIGHT] + [CRASHED] * 9, {"min_pass_rate": 1.0}, None),
        ([RIGHT, WRONG | {"problem_id": "q"}], {"min_pass_rate": 1.0}, None),
        ([CRASHED], {"min_pass_rate": 0.1, "outcomes": ["crashed"]}, "pass rate unknown"),
        ([CRASHED], {"outcomes": ["crashed"]}, None),
    ],
    ids=["at_the_top", "at_the_bottom", "above", "below", "crashes_do_not_count", "per_problem", "no_judged_sample", "no_bounds"],
)
def test_bounds_of_the_pass_rate_are_inclusive(rows, config, expected):
    assert reasons(rows, **config)[0] == expected


@pytest.mark.parametrize(
    ("prefer", "taken"),
    [("first", [1, 2]), ("longest", [0, 3]), ("shortest", [1, 4])],
)
def test_the_cap_prefers_and_ties_go_to_the_lower_index(prefer, taken):
    rows = [{"tokens": tokens, "index": index} for tokens, index in [(50, 3), (10, 0), (20, 1), (50, 4), (10, 2)]]
    expected = [["a"] if number in taken else [] for number in range(5)]
    assert splits(rows, SplitConfig(name="a", per_problem=2, prefer=prefer)) == expected
    dropped = [None if number in taken else "over the per-problem cap" for number in range(5)]
    assert reasons(rows, splits=[SplitConfig(name="a", per_problem=2, prefer=prefer)]) == dropped


def test_subsets_by_n_are_nested():
    rows = [{"problem_id": problem, "index": index} for problem in "pq" for index in range(6)]
    taken = splits(rows, SplitConfig(name="two", first_n=2), SplitConfig(name="four", first_n=4))
    assert taken[:6] == [["two", "four"]] * 2 + [["four"]] * 2 + [[]] * 2
    assert taken[6:] == taken[:6]


def test_token_budgets_are_nested_and_kept_to():
    rows = [{"problem_id": f"p{number % 7}", "index": number, "tokens": 10 + number} for number in range(60)]
    budgets = [SplitConfig(name=f"b{budget}", token_budget=budget) for budget in (200, 800, 5000)]
    taken = splits(rows, *budgets)
    spent = {split.name: sum(row["tokens"] for row, names in zip(rows, taken, strict=True) if split.name in names) for split in budgets}
    assert 120 < spent["b200"] <= 200
    assert 720 < spent["b800"] <= 800
    assert spent["b5000"] == sum(row["tokens"] for row in rows)
    assert all(set(names) in (set(), {"b5000"}, {"b800", "b5000"}, {"b200", "b800", "b5000"}) for names in taken)
    assert reasons(rows, splits=budgets[:1]).count("over a split's cap or budget") == sum("b200" not in names for names in taken)


def test_what_is_drawn_by_seed_does_not_depend_on_the_order_of_the_rows():
    rows = [{"sample_id": f"s{number}", "problem_id": f"p{number % 3}", "index": number} for number in range(40)]
    split = SplitConfig(name="a", per_problem=3, prefer="random", seed=5)
    straight = {row["sample_id"] for row, names in zip(rows, splits(rows, split), strict=True) if names}
    turned = {row["sample_id"] for row, names in zip(rows[::-1], splits(rows[::-1], split), strict=True) if names}
    other = splits(rows, split.model_copy(update={"seed": 6}))
    assert straight == turned
    assert len(straight) == 9
    assert straight != {row["sample_id"] for row, names in zip(rows, other, strict=True) if names}


def test_round_robin_takes_from_each_teacher_in_turn():
    rows = [{"teacher": teacher, "index": index} for teacher, count in (("a", 5), ("b", 1), ("c", 2)) for index in range(count)]
    taken = splits(rows, SplitConfig(name="s", per_problem=5, prefer="round_robin"))
    found = Counter(row["teacher"] for row, names in zip(rows, taken, strict=True) if names)
    assert found == {"a": 2, "b": 1, "c": 2}


def test_the_densest_are_those_with_most_of_the_behaviour():
    checks = [("reflection.verification", 3.0), ("reflection.verification", 9.0), ("reflection.hedging", 20.0), (None, 0.0)]
    rows = [{"behaviours": [name] if name else [], "densities": [density] if name else []} for name, density in checks]
    split = SplitConfig(name="s", per_problem=2, prefer="densest", behaviour="reflection.verification")
    assert splits(rows, split) == [["s"], ["s"], [], []]


def test_near_doubles_of_an_earlier_sample_of_the_same_problem_are_dropped():
    long = " ".join(f"word{number}" for number in range(200))
    texts = [long, f"{long} and so on", "another text altogether, with words of its own and no others", long]
    signed = [{"signature": cell} for cell in signature_column(pl.Series(texts))]
    rows = [signed[0], signed[1], signed[2], signed[3] | {"problem_id": "q"}, signed[0] | {"outcome": "wrong"}]
    found = reasons(rows, max_similarity=0.8)
    assert found[0] is found[2] is found[3] is None
    assert found[1].startswith("much like sample s0 (0.9") or found[1].startswith("much like sample s0 (1.0")
    assert found[4] == "outcome is wrong"
    assert reasons(rows)[1] is None


def test_the_most_diverse_are_least_like_one_another():
    texts = [
        " ".join(f"{theme}{number}" for number in range(start, 80 + start)) for theme, start in (("a", 0), ("a", 3), ("a", 6), ("b", 0))
    ]
    rows = [{"signature": cell} for cell in signature_column(pl.Series(texts))]
    assert splits(rows, SplitConfig(name="s", per_problem=2, prefer="diverse")) == [["s"], [], [], ["s"]]


def test_a_set_balanced_by_difficulty_has_so_many_problems_of_each_tenth():
    rows = [
        {"problem_id": f"{right}-{copy}", "outcome": "correct" if index < right else "wrong"}
        for right in (1, 5, 10)
        for copy in range(6)
        for index in range(10)
    ]
    taken = splits(rows, SplitConfig(name="s", problems_per_tenth=2))
    problems_taken = {row["problem_id"] for row, names in zip(rows, taken, strict=True) if names}
    assert Counter(problem.split("-")[0] for problem in problems_taken) == {"1": 2, "5": 2, "10": 2}


@pytest.mark.parametrize(
    "settings",
    [{"prefer": "densest"}, {"behaviour": "reflection.verification"}, {"min_tokens": 5, "max_tokens": 4}],
    ids=["densest of nothing", "a behaviour without densest", "an empty band"],
)
def test_settings_of_a_split_that_contradict_each_other_are_refused(settings):
    with pytest.raises(ValidationError):
        SplitConfig(name="s", **settings)


def test_the_cap_counts_per_problem_and_equal_indices_go_by_order():
    rows = [{"problem_id": problem, "index": 0} for problem in "pqpq"]
    assert splits(rows, SplitConfig(name="a", per_problem=1)) == [["a"], ["a"], [], []]


def test_the_band_is_applied_before_the_cap():
    rows = [{"tokens": 5}, {"tokens": 50}, {"tokens": 60}]
    assert splits(rows, SplitConfig(name="long", min_tokens=10, per_problem=1)) == [[], ["long"], []]
    cause = reasons(rows, splits=[SplitConfig(name="long", min_tokens=10, per_problem=1)])
    assert cause == ["outside every split's length band", None, "over the per-problem cap"]


def test_a_sample_may_be_in_several_splits_in_the_recipes_order():
    rows = [{"tokens": 50}, {"tokens": 5}]
    found = splits(rows, SplitConfig(name="long", min_tokens=10), SplitConfig(name="all"), SplitConfig(name="one", per_problem=1))
    assert found == [["long", "all", "one"], ["all"]]


def test_no_samples_give_the_right_columns():
    decisions = curate(keys(), CurateConfig(min_pass_rate=0.5, splits=[SplitConfig(name="a", per_problem=1)]))
    assert decisions.equals(pl.DataFrame(schema=Decision.polars_schema()))


def oracle(rows: list[dict], config: CurateConfig) -> list[tuple[str | None, list[str]]]:
    """Decide row by row, without polars."""
    judged = {p: [r for r in rows if r["problem_id"] == p and r["outcome"] in JUDGED] for p in {r["problem_id"] for r in rows}}
    rates = {p: sum(r["outcome"] == "correct" for r in own) / len(own) if own else None for p, own in judged.items()}
    seen, failed = set(), []
    for row in rows:
        rate, reason, key = rates[row["problem_id"]], None, (row["problem_id"], row["text_hash"])
        if row["finish_reason"] not in config.finish_reasons:
            reason = f"finish reason is {row['finish_reason']}"
        elif row["outcome"] not in config.outcomes:
            reason = f"outcome is {row['outcome']}"
        elif row["compression_ratio"] < config.min_compression_ratio:
            reason = f"loops (compresses below {config.min_compression_ratio})"
        elif key in seen:
            reason = "double of an earlier sample"
        elif rate is None:
            reason = "pass rate unknown"
        elif rate < config.min_pass_rate:
            reason = f"pass rate below {config.min_pass_rate}"
        elif rate > config.max_pass_rate:
            reason = f"pass rate above {config.max_pass_rate}"
        if reason is None or reason.startswith("pass rate"):
            seen.add(key)
        failed.append(reason)
    in_splits: list[list[str]] = [[] for _ in rows]
    fits: set[int] = set()
    for split in config.splits:
        band = [n for n, r in enumerate(rows) if not failed[n] and (split.min_tokens or 0) <= r["tokens"] <= (split.max_tokens or 1e9)]
        fits |= set(band)
        sign = {"longest": -1, "shortest": 1, "first": 0}[split.prefer]
        for number in band:
            rivals = [n for n in band if rows[n]["problem_id"] == rows[number]["problem_id"]]
            rivals.sort(key=lambda n: (sign * rows[n]["tokens"], rows[n]["index"], n))
            if rivals.index(number) < (split.per_problem or len(rows)):
                in_splits[number].append(split.name)
    last = ["over the per-problem cap" if n in fits else "outside every split's length band" for n in range(len(rows))]
    return [(failed[n] or (None if in_splits[n] else last[n]), in_splits[n]) for n in range(len(rows))]


@pytest.mark.parametrize("seed", range(30))
def test_decisions_equal_those_made_row_by_row(seed):
    choose = random.Random(seed)
    frame = keys(
        *[
            {
                "problem_id": choose.choice("pqrs"),
                "index": choose.randrange(4),
                "finish_reason": choose.choice(["stop", "stop", "stop", "length"]),
                "outcome": choose.choice(["correct", "correct", "correct", "wrong", "ambiguous", "timeout"]),
                "tokens": choose.randrange(1, 9),
                "compression_ratio": choose.choice([0.05, 0.2, 0.3, 0.4]),
                "text_hash": choose.randrange(12),
            }
            for _ in range(choose.randrange(1, 60))
        ]
    )
    config = CurateConfig(
        keep_duplicates=False,
        min_pass_rate=0.25,
        max_pass_rate=0.9,
        splits=[
            SplitConfig(name="long", min_tokens=5, per_problem=choose.randrange(1, 4), prefer="longest"),
            SplitConfig(name="short", max_tokens=4, per_problem=choose.randrange(1, 4), prefer="shortest"),
            SplitConfig(name="first", max_tokens=7, per_problem=1),
        ],
    )
    decisions = curate(frame, config)
    assert list(zip(decisions["reason"], decisions["splits"].to_list(), strict=True)) == oracle(frame.to_dicts(), config)
    assert decisions["kept"].to_list() == [reason is None for reason in decisions["reason"]]
    assert decisions["sample_id"].equals(frame["sample_id"])


def problems(count: int) -> pl.DataFrame:
    return pl.DataFrame(
        [Problem.make(f"{n} + 1?", str(n + 1), "number").model_dump() for n in range(count)], schema=Problem.polars_schema()
    )


def write_shard(run: RunFolder, number: int, rows: list[dict]) -> None:
    """Write samples, verdicts and tags of rows `{problem, index, text, outcome, tokens}`."""
    fixed = {"delimiter": "none", "finish_reason": "stop", "prompt_tokens": None, "completion_tokens": None, "seed": None, "seconds": None}
    fixed |= {"teacher": "t", "teacher_fingerprint": "t", "parameters": "{}", "prompt_hash": "h", "error": None, "reasoning": None}
    told = ("reasoning", "finish_reason", "parameters", "teacher")
    ids = run.problems()["problem_id"]
    names = [f"{number}-{n}" for n in range(len(rows))]
    samples = [
        fixed
        | {key: row[key] for key in told if key in row}
        | {"sample_id": name, "problem_id": ids[row.get("problem", 0)], "index": row.get("index", 0), "response": row.get("text", name)}
        for name, row in zip(names, rows, strict=True)
    ]
    verdicts = [{"sample_id": name, "outcome": row.get("outcome", "correct")} for name, row in zip(names, rows, strict=True)]
    tags = [{"sample_id": name, "tokens": row.get("tokens", 100), "compression_ratio": 0.5} for name, row in zip(names, rows, strict=True)]
    tables = (("samples", Sample, samples), ("verdicts", SampleVerdict, verdicts), ("tags", Tags, tags))
    for stage, record, table in tables:
        run.write(stage, number, pl.DataFrame(table, schema=record.polars_schema()), f"{stage}-{number}")


@pytest.fixture
def run(tmp_path):
    return RunFolder.create(tmp_path / "run", Recipe(), problems(3))


def decided(run: RunFolder) -> list[list[str | None]]:
    return [run.read("decisions", number)["reason"].to_list() for number in run.shard_numbers()]


def test_doubles_caps_and_pass_rates_look_across_shards(run):
    write_shard(run, 0, [{"text": "a"}, {"problem": 1, "text": "a", "tokens": 9}, {"problem": 2}])
    write_shard(run, 1, [{"text": "a"}, {"problem": 1, "tokens": 10}, {"problem": 2, "outcome": "wrong"}])
    config = CurateConfig(min_pass_rate=0.6, splits=[SplitConfig(name="a", per_problem=1, prefer="longest")])
    assert curate_run(run, config) == Computed(2, 0)
    low = "pass rate below 0.6"
    assert decided(run) == [[None, "over the per-problem cap", low], ["double of an earlier sample", None, "outcome is wrong"]]


@pytest.mark.parametrize(
    ("config", "measure"),
    [({}, "compression"), ({"max_repeated_share": 0.5}, "repetition"), ({"max_foreign_share": 0.5}, "scripts")],
    ids=["compression", "repetition", "scripts"],
)
def test_a_rule_on_what_was_not_measured_is_an_error(run, config, measure):
    write_shard(run, 0, [{}])
    tags = run.read("tags", 0).with_columns(pl.lit(None).alias("compression_ratio") if measure == "compression" else [])
    run.write("tags", 0, tags.cast(dict(Tags.polars_schema())), "not measured")
    with pytest.raises(CotkitError, match=rf"(?s)was not measured.*'{measure}'"):
        curate_run(run, CurateConfig(**config))


def test_only_stale_decisions_are_written_again(run):
    for number in range(2):
        write_shard(run, number, [{"text": "a"}, {"outcome": "wrong"}])
    seen = []
    assert curate_run(run, CurateConfig(), progress=lambda done, total: seen.append((done, total))) == Computed(2, 0)
    assert seen == [(1, 2), (2, 2)]
    assert curate_run(run, CurateConfig()) == Computed(0, 2)
    run.shard_path("decisions", 1).unlink()
    assert curate_run(run, CurateConfig()) == Computed(1, 1)
    assert curate_run(run, CurateConfig(keep_duplicates=True)) == Computed(2, 0)
    assert decided(run) == [[None, "outcome is wrong"], [None, "outcome is wrong"]]
    write_shard(run, 2, [{"problem": 1}])
    assert curate_run(run, CurateConfig(keep_duplicates=True)) == Computed(3, 0)
    run.write("verdicts", 0, run.read("verdicts", 0), "judged again")
    assert curate_run(run, CurateConfig(keep_duplicates=True)) == Computed(3, 0)


def test_a_run_without_samples_has_nothing_to_decide(run):
    assert curate_run(run, CurateConfig()) == Computed(0, 0)


@pytest.mark.parametrize(("stage", "verb"), [("verdicts", "verify"), ("tags", "tag")])
def test_a_missing_stage_and_foreign_rows_name_the_file_and_the_command(run, stage, verb):
    write_shard(run, 0, [{}, {}])
    run.write(stage, 0, run.read(stage, 0)[[1, 0]], "reversed")
    with pytest.raises(CotkitError, match=rf"{stage}/00000\.parquet: its rows are not those of the samples\nhint: .*cotkit {verb}"):
        curate_run(run, CurateConfig())
    run.shard_path(stage, 0).unlink()
    with pytest.raises(CotkitError, match=rf"{stage}/00000\.parquet: no {stage} yet\nhint: run `cotkit {verb}"):
        curate_run(run, CurateConfig())


def test_keys_keep_the_order_of_a_shard_of_many_row_groups(run):
    rows = [{"index": n, "text": f"text {n % 700}"} for n in range(3000)]
    write_shard(run, 0, rows)
    frame = read_keys(run, 0)
    assert frame["index"].to_list() == list(range(3000))
    assert frame.group_by("text_hash").len().height == 700
    assert frame["text_hash"][0] == frame["text_hash"][700]


@pytest.mark.parametrize(
    ("row", "key", "value"),
    [
        ({"text": r"\boxed{7} and \boxed{ 7 } and \boxed{\frac{1}{2}}"}, "boxes", 2),
        ({"text": "none"}, "boxes", 0),
        ({"reasoning": "so"}, "has_reasoning", True),
        ({"reasoning": ""}, "has_reasoning", False),
        ({"reasoning": None}, "has_reasoning", False),
        ({"text": "7</think> 7"}, "doubled_reasoning", True),
        ({"text": "I think 7"}, "doubled_reasoning", False),
        ({"reasoning": r"\boxed{7}", "text": "It is 7."}, "answered_in_reasoning", True),
        ({"reasoning": r"\boxed{7}", "text": r"\boxed{7}"}, "answered_in_reasoning", False),
        ({"reasoning": None, "text": r"\boxed{7}"}, "answered_in_reasoning", False),
    ],
)
def test_keys_say_what_the_texts_hold(run, row, key, value):
    write_shard(run, 0, [row])
    assert read_keys(run, 0, [key])[key].to_list() == [value]


@pytest.mark.parametrize(
    ("prompt", "answer", "leaks"),
    [
        ("What is 3 + 4?", "7", False),
        ("What is 3 + 4? The answer is 7.", "7", True),
        ("What is 3 + 4? #### 7", "7", True),
        (r"Show that 3 + 4 = \boxed{7}.", "7", True),
        ("What is 3 + 4? The answer is 70.", "7", False),
        (r"Give the answer \frac{1}{2}.", r"\frac{1}{2}", True),
    ],
)
def test_a_prompt_that_states_the_answer_leaks_it(prompt, answer, leaks):
    problem = Problem.make(prompt, answer, "math")
    frame = pl.DataFrame([problem.model_dump()], schema=Problem.polars_schema())
    assert leaked_problems(frame).to_list() == ([problem.problem_id] if leaks else [])


def test_leaked_problems_are_dropped_from_a_run(tmp_path):
    asked = [Problem.make("3 + 4? The answer is 7", "7", "number"), Problem.make("3 + 5?", "8", "number")]
    frame = pl.DataFrame([problem.model_dump() for problem in asked], schema=Problem.polars_schema())
    run = RunFolder.create(tmp_path / "run", Recipe(), frame)
    write_shard(run, 0, [{"problem": 0}, {"problem": 1}])
    curate_run(run, CurateConfig(keep_leaked=False))
    assert decided(run) == [["the prompt states the answer", None]]


def test_problems_of_a_benchmark_and_doubles_of_problems_are_dropped_from_a_run(tmp_path):
    question = "A farmer has 12 cows and 7 goats and sells 3 of the cows at the market on Monday. How many animals are left on the farm?"
    asked = [question, f"{question} ", "How many legs do 12 cows and 7 goats have together when one of the goats has lost a leg?", "2 + 2?"]
    asked = [Problem.make(prompt, str(number), "number") for number, prompt in enumerate(asked)]
    frame = pl.DataFrame([problem.model_dump() for problem in asked], schema=Problem.polars_schema())
    run = RunFolder.create(tmp_path / "run", Recipe(), frame)
    write_shard(run, 0, [{"problem": number} for number in range(4)])
    benchmark = tmp_path / "held_out.jsonl"
    benchmark.write_text('{"question": "how many legs do 12 cows and 7 goats have together, when one of the goats has lost a leg"}\n')
    curate_run(run, CurateConfig(decontaminate=[str(benchmark)], max_problem_similarity=0.9))
    doubled = f"much like problem {asked[0].problem_id} (1.0)"
    assert decided(run) == [[None, doubled, "stands in held_out (exact)", None]]
    benchmark.write_text('{"question": "2 + 2 ?"}\n')
    curate_run(run, CurateConfig(decontaminate=[str(benchmark)]))
    assert decided(run) == [[None, None, None, "stands in held_out (exact)"]]


def test_a_benchmark_that_is_not_there_is_an_error_before_anything_is_written(run):
    write_shard(run, 0, [{}])
    with pytest.raises(CotkitError, match="no benchmark 'math501'"):
        curate_run(run, CurateConfig(decontaminate=["math501"]))


def test_a_sample_that_was_drawn_again_with_a_larger_budget_does_not_count_in_the_pass_rate(run):
    short, long = (f'{{"max_tokens": {budget}, "seed": 0}}' for budget in (100, 200))
    cut = {"finish_reason": "length", "outcome": "truncated"}
    write_shard(run, 0, [{"index": 0, "parameters": short} | cut, {"index": 1, "parameters": short} | cut])
    write_shard(run, 1, [{"index": 0, "parameters": long}])
    assert pass_rates(run).row(0)[1:] == (2, 2, 1, 0.5)
    curate_run(run, CurateConfig(min_pass_rate=0.5))
    assert decided(run) == [["finish reason is length"] * 2, [None]]


def test_reasoning_and_response_both_make_the_text(run):
    write_shard(run, 0, [{"text": "b"}] * 4)
    parts = pl.Series("reasoning", ["a", "b", None, ""], pl.String)
    run.write("samples", 0, run.read("samples", 0).with_columns(parts), "other")
    assert read_keys(run, 0)["text_hash"].n_unique() == 4


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["correct"], (1, 1, 1, 1.0)),
        (["correct", "wrong", "ambiguous", "no_answer", "unreadable_answer", "truncated"], (6, 6, 1, 1 / 6)),
        (["wrong", "timeout", "out_of_memory", "crashed", "unreadable_gold", None], (6, 1, 0, 0.0)),
        (["timeout"], (1, 0, 0, None)),
        (["correct"] * 3 + ["wrong"] * 7, (10, 10, 3, 0.3)),
    ],
    ids=["one", "all_that_judge", "none_that_do_not", "nothing_judged", "exact_division"],
)
def test_a_pass_rate_is_correct_of_judged(outcomes, expected):
    frame = pl.DataFrame({"problem_id": ["p"] * len(outcomes), "outcome": outcomes}, schema={"problem_id": pl.String, "outcome": pl.String})
    assert pass_rates_of(frame).rows() == [("p", *expected)]


def test_pass_rates_of_a_run_hold_every_problem_in_order(run):
    write_shard(run, 0, [{"problem": 2}, {"problem": 0}, {"problem": 0, "outcome": "wrong"}])
    write_shard(run, 1, [{"problem": 0, "outcome": "wrong"}, {"problem": 2, "outcome": "timeout"}])
    found = pass_rates(run)
    assert found["problem_id"].equals(run.problems()["problem_id"])
    assert found.drop("problem_id").rows() == [(3, 3, 1, 1 / 3), (0, 0, 0, None), (2, 1, 1, 1.0)]
    assert found.schema == pl.Schema(
        {"problem_id": pl.String, "samples": pl.Int64, "judged": pl.Int64, "correct": pl.Int64, "pass_rate": pl.Float64}
    )
