"""A plan's figures are what sampling then gives, its intervals hold as often as they say, and it stops before it pays in vain."""

import json
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from cotkit.pipelines.planning import Assumptions, assume_plan, plan_recipe
from cotkit.pipelines.planning.assumptions import assumed_population, read_lengths, read_rate
from cotkit.pipelines.planning.checks import check_disk, check_prompts, check_template
from cotkit.pipelines.planning.forecast import COLUMNS, DiskUse, Engine, Estimate, forecast
from cotkit.pipelines.planning.lengths import fit_lengths
from cotkit.pipelines.planning.pilot import PilotSize, choose_problems, measured_engine
from cotkit.pipelines.planning.plan import Machines, gpus_of
from cotkit.pipelines.planning.population import Observed, Population, population_from
from cotkit.pipelines.planning.rates import cell_masses, cell_rates, posteriors
from cotkit.pipelines.planning.replay import Response, replay
from cotkit.pipelines.planning.yields import adaptive_yields, binomial_masses, fixed_yields
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.sampling.scheduler import sample_run
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import CurateConfig, Recipe, SampleConfig, SplitConfig

MOST = 8192
DISK = DiskUse(1.0, 1.0, 1)
ALL = CurateConfig()
CAPPED = CurateConfig(splits=[SplitConfig(name="four", per_problem=4)])
UNTIL_4 = SampleConfig(teacher="scripted:mixed", until_correct=4, max_samples=64, concurrency=256)


class World:
    """Problems with known pass rates and lengths: hard problems and wrong responses are longer, the tail is heavy."""

    def __init__(self, problems: int, seed: int, a: float = 0.6, b: float = 0.4) -> None:
        self.rng = np.random.default_rng(seed)
        self.rates = self.rng.beta(a, b, problems)
        self.level = 7.5 + 0.4 * self.rng.standard_normal(problems) - 0.5 * (self.rates - 0.5)

    def draw(self, places: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Give (correct, tokens), places × n; what is cut off is not correct."""
        shape = (len(places), n)
        right = self.rng.random(shape) < self.rates[places, None]
        log_tokens = self.level[places, None] + np.where(right, 0, 0.35) + 0.5 * self.rng.standard_normal(shape)
        tokens = np.clip(np.exp(log_tokens), 1, MOST).astype(int)
        return right & (tokens < MOST), tokens

    def pilot(self, problems: int = 50, samples: int = 4) -> Observed:
        correct, tokens = self.draw(np.arange(problems), samples)
        flat, everything = correct.ravel(), np.ones(correct.size, bool)
        return Observed(np.repeat(np.arange(problems), samples), flat, everything, flat, tokens.ravel())

    def population(self, **pilot: int) -> Population:
        return population_from(self.pilot(**pilot), len(self.rates), MOST, self.rng)


def forecast_of(yields, population: Population, engine: Engine = Engine()):  # noqa: B008 - never changed
    return forecast("", yields, population, engine, DISK, np.random.default_rng(0))


def holds(interval: Estimate, value: float) -> bool:
    return interval.low <= value <= interval.high


@pytest.mark.parametrize(("a", "b"), [(0.05, 0.05), (0.3, 4.3), (0.6, 0.4), (1, 1), (5, 0.2), (30, 60)])
def test_cells_carry_a_beta_distribution(a: float, b: float) -> None:
    masses = cell_masses(np.array([a]), np.array([b]))[0]
    drawn = np.random.default_rng(0).beta(a, b, 400_000)
    assert masses.sum() == pytest.approx(1)
    assert masses @ cell_rates() == pytest.approx(a / (a + b), abs=0.003)
    for rate in (0.01, 0.1, 0.5, 0.9):
        below = np.sin(np.round(np.arcsin(np.sqrt(rate)) / (np.pi / 2 / 96)) * np.pi / 2 / 96) ** 2  # the nearest edge
        assert masses[cell_rates() < below].sum() == pytest.approx((drawn < below).mean(), abs=0.01)


def test_a_distribution_of_pass_rates_is_found_again_from_four_samples_per_problem() -> None:
    rng = np.random.default_rng(0)
    solved = rng.binomial(4, rng.beta(0.6, 0.4, 3000))
    counts = np.bincount(solved, minlength=5)
    found = counts / 3000 @ posteriors(np.arange(5), np.full(5, 4), np.tile(counts, (50, 1)), rng).mean(axis=0)
    truth = rng.beta(0.6, 0.4, 400_000)
    for rate in (0.05, 0.1, 0.3, 0.5, 0.8, 0.95):
        assert found[cell_rates() < rate].sum() == pytest.approx((truth < rate).mean(), abs=0.025)


def test_four_of_four_is_no_proof_that_a_problem_is_always_solved() -> None:
    counts = np.array([[10, 10, 10, 10, 10]])
    rates = posteriors(np.arange(5), np.full(5, 4), np.tile(counts, (50, 1)), np.random.default_rng(0)).mean(axis=0) @ cell_rates()
    assert 0.75 < rates[4] < 0.95
    assert 0.05 < rates[0] < 0.25


def test_lengths_keep_the_mean_of_each_class_and_the_problems_own_level() -> None:
    world = World(400, 1)
    pilot = world.pilot(400)
    lengths = fit_lengths(pilot.problem, pilot.correct, pilot.tokens, MOST)
    mean, _ = lengths.moments()
    for which in (0, 1):
        mine = pilot.correct == bool(which)
        assert mean[pilot.problem[mine], which].mean() == pytest.approx(pilot.tokens[mine].mean(), rel=0.001)
    assert np.corrcoef(lengths.log_level[:, 1], world.level)[0, 1] > 0.75
    assert lengths.longest() <= MOST


def test_the_yields_of_a_fixed_n_are_those_of_a_simulation() -> None:
    population = World(60, 2).population(problems=20)
    cell, place, n, runs = 25, 7, 16, 100_000
    rng, rate = np.random.default_rng(3), cell_rates()[25]
    correct = rng.random((runs, n)) < rate
    pools = [population.lengths.pool(which)[place] for which in (0, 1)]
    tokens = np.where(correct, rng.choice(pools[1], (runs, n)), rng.choice(pools[0], (runs, n)))
    curate = CurateConfig(splits=[SplitConfig(name="long", min_tokens=1500, per_problem=2)])
    kept = np.minimum((correct & (tokens >= 1500)).sum(axis=1), 2)
    columns = [(tokens * ~correct).sum(axis=1), (tokens * correct).sum(axis=1), np.full(runs, n), correct.sum(axis=1), kept]
    yields = fixed_yields(n, population, curate)
    assert 0.2 < kept.mean() < 1.8
    for number, values in enumerate([*columns, correct.any(axis=1)]):
        assert yields.mean[number, place, cell] == pytest.approx(values.mean(), rel=0.01), COLUMNS[number]
        assert yields.variance[number, place, cell] == pytest.approx(values.var(), rel=0.03, abs=1e-9), COLUMNS[number]


def test_problems_outside_the_bounds_on_the_pass_rate_yield_nothing() -> None:
    population = World(60, 2).population(problems=20)
    free, bound = (fixed_yields(64, population, curate).mean[COLUMNS.index("kept")] for curate in (ALL, CurateConfig(max_pass_rate=0.6)))
    assert bound[:, cell_rates() > 0.8].max() < 0.1
    assert bound[:, cell_rates() < 0.4] == pytest.approx(free[:, cell_rates() < 0.4], rel=0.01)


@pytest.mark.parametrize("n", [1, 4, 256])
def test_binomial_masses_add_up_to_one_and_have_the_right_mean(n: int) -> None:
    chances = np.array([0.0, 0.001, 0.5, 1.0])
    masses = binomial_masses(n, chances)
    assert masses.sum(axis=1) == pytest.approx([1, 1, 1, 1])
    assert masses @ np.arange(n + 1) == pytest.approx(n * chances, abs=1e-6)


def test_a_replay_counts_what_an_aborted_request_had_run() -> None:
    known = {(0, 0): Response(10, True), (0, 1): Response(30, False)}
    done = replay(SampleConfig(until_correct=1, max_samples=2, concurrency=8), 1, known.__getitem__)
    assert [(spent.tokens, spent.aborted) for spent in done.spent] == [(10, False), (10, True)]
    assert done.time == 10


def test_a_replay_fills_its_slots_and_no_more() -> None:
    done = replay(SampleConfig(n=3, concurrency=2), 1, lambda draw: Response((8, 4, 6)[draw.index], True))
    assert done.time == 10  # 8 beside 4 and then 6
    assert sum(spent.tokens for spent in done.spent) == 18


@pytest.mark.parametrize("give_up", [None, 0.1])
def test_the_adaptive_forecast_agrees_with_a_replay_of_the_real_responses(give_up: float | None) -> None:
    config = UNTIL_4.model_copy(update={"give_up": give_up, "useful_pass_rate": 0.1})
    world = World(600, 5)
    correct, tokens = world.draw(np.arange(600), 64)
    done = replay(config, 600, lambda draw: Response(int(tokens[draw]), bool(correct[draw])))
    population = world.population(problems=400)
    found = forecast_of(adaptive_yields(config, population, ALL, world.rng), population)
    assert found.tokens.expected == pytest.approx(sum(spent.tokens for spent in done.spent), rel=0.12)
    assert found.samples.expected == pytest.approx(sum(not spent.aborted for spent in done.spent), rel=0.12)
    assert found.kept.expected == pytest.approx(sum(spent.response.correct and not spent.aborted for spent in done.spent), rel=0.05)


@pytest.mark.slow
@pytest.mark.parametrize(("a", "b"), [(0.6, 0.4), (1.0, 3.0)], ids=["often solved", "seldom solved"])
def test_the_intervals_hold_nine_times_in_ten(a: float, b: float) -> None:
    """100 problem sets, each with a pilot of 50 × 4, against what n = 32 then gives."""
    held = {"tokens": 0, "kept": 0, "capped": 0}
    for seed in range(100):
        world = World(500, seed, a, b)
        population = world.population()
        correct, tokens = world.draw(np.arange(500), 32)
        found = forecast_of(fixed_yields(32, population, ALL), population)
        capped = forecast_of(fixed_yields(32, population, CAPPED), population)
        held["tokens"] += holds(found.tokens, tokens.sum())
        held["kept"] += holds(found.kept, correct.sum())
        held["capped"] += holds(capped.kept, np.minimum(correct.sum(axis=1), 4).sum())
    assert {name: count for name, count in held.items() if not 80 <= count <= 97} == {}


def test_a_larger_pilot_narrows_the_intervals_and_a_complete_one_leaves_few_problems_unknown() -> None:
    widths = []
    for pilot in (50, 400):
        population = World(400, 6).population(problems=pilot)
        kept = forecast_of(fixed_yields(32, population, ALL), population).kept
        widths.append(kept.high - kept.low)
    assert widths[1] < 0.4 * widths[0]


@pytest.mark.alone
def test_the_whole_table_of_a_large_run_is_there_within_seconds() -> None:
    recipe = Recipe(sample=SampleConfig(max_tokens=MOST, concurrency=256))
    problems = numbered(7500)
    started = time.monotonic()
    population = assumed_population(Assumptions(), recipe, problems.height, np.random.default_rng(0))
    rows = [forecast_of(fixed_yields(n, population, ALL), population) for n in (4, 8, 16, 32, 64, 256)]
    rows.append(forecast_of(adaptive_yields(UNTIL_4, population, ALL, np.random.default_rng(0)), population))
    assert time.monotonic() - started < 10
    assert [row.tokens.expected for row in rows[:-1]] == sorted(row.tokens.expected for row in rows[:-1])


def numbered(count: int) -> pl.DataFrame:
    rows = [Problem.make(f"What is {i} + {i}?", str(2 * i), "math").model_dump() for i in range(count)]
    return pl.DataFrame(rows, schema=Problem.polars_schema())


def recipe_with(folder: Path, script: list[dict], **settings) -> Recipe:
    lines = folder / "script.jsonl"
    lines.write_text("\n".join(json.dumps(line) for line in script))
    return Recipe(name="test", sample=SampleConfig(**({"teacher": f"scripted:{lines}", "n": 6, "concurrency": 8} | settings)))


HALF_RIGHT = [{"response": "So it is \\boxed{{answer}}."}, {"response": "Let me see. It must be \\boxed{{wrong}}."}]


def test_pilots_are_chosen_by_chance_and_a_larger_one_contains_a_smaller_one() -> None:
    problems = numbered(200)
    small, large = (set(choose_problems(problems, 0, count)["problem_id"]) for count in (20, 60))
    assert len(small) == 20
    assert small < large
    assert small != set(choose_problems(problems, 1, 20)["problem_id"])
    assert small != set(problems["problem_id"][:20])
    assert choose_problems(problems, 0, 300).equals(problems)


def test_a_pilot_is_resumed_and_the_whole_run_goes_on_from_its_samples(tmp_path: Path) -> None:
    recipe, problems = recipe_with(tmp_path, HALF_RIGHT), numbered(30)
    first = plan_recipe(recipe, problems, PilotSize(10, 4), tmp_path / "pilot")
    samples = RunFolder.open(tmp_path / "pilot").scan("samples").collect()
    assert samples.height == 40
    again = plan_recipe(recipe, problems, PilotSize(10, 4), tmp_path / "pilot")
    assert again.forecasts == first.forecasts
    whole = sample_run(RunFolder.create(tmp_path / "pilot", recipe, problems, "always"))
    assert (whole.resumed, whole.done, whole.total) == (40, 180, 180)


def test_a_plan_from_a_pilot_foresees_the_run(tmp_path: Path) -> None:
    recipe, problems = recipe_with(tmp_path, HALF_RIGHT), numbered(100)
    made = plan_recipe(recipe, problems, PilotSize(50, 4), tmp_path / "pilot")
    row = next(row for row in made.forecasts if row.mode == "n = 6")
    progress = sample_run(RunFolder.create(tmp_path / "run", recipe, problems))
    assert made.own == "n = 6"
    assert made.ok()
    assert holds(row.tokens, progress.tokens)
    assert holds(row.correct, progress.outcomes["correct"])
    assert row.kept.expected <= row.correct.expected < 600
    assert row.samples == pytest.approx((600, 600, 600))
    assert row.seconds is not None
    assert row.gpu_hours is None


def test_the_recipes_own_adaptive_mode_takes_the_place_of_the_default_one(tmp_path: Path) -> None:
    own = recipe_with(tmp_path, HALF_RIGHT, until_correct=2, max_samples=9)
    for recipe, expected in ((own, "until 2 correct of at most 9"), (Recipe(), "until 4 correct of at most 64")):
        made = assume_plan(recipe, numbered(20), Assumptions(tokens_mean=500))
        assert made.forecasts[-1].mode == expected
    assert assume_plan(own, numbered(20), Assumptions(tokens_mean=500)).own == "until 2 correct of at most 9"


@pytest.mark.parametrize("concurrency", [4, 1000], ids=["many waves", "one wave"])
def test_throughput_is_that_of_the_full_engine(concurrency: int) -> None:
    rng = np.random.default_rng(0)
    tokens = np.exp(6 + 0.6 * rng.standard_normal(200)).astype(int)
    drawn = pl.DataFrame({"tokens": tokens, "seconds": tokens / 50.0})  # every slot gives 50 tokens a second
    engine = measured_engine(drawn, concurrency)
    assert engine.slots == min(concurrency, 200)
    assert engine.tokens_per_second == pytest.approx(50 * engine.slots, rel=0.12)
    assert 0 <= engine.error < 0.1 * 50 * engine.slots


def test_time_and_cost_follow_from_throughput_and_gpus() -> None:
    given = Assumptions(tokens_mean=1000, tokens_per_second=100)
    made = assume_plan(Recipe(sample=SampleConfig(concurrency=1)), numbered(100), given, Machines(gpus=4, price_per_gpu_hour=2.0))
    row = made.forecasts[0]
    assert row.seconds is not None
    assert row.gpu_hours is not None
    assert row.cost is not None
    assert row.seconds.expected == pytest.approx(row.tokens.expected / 100, rel=0.05)
    assert row.gpu_hours.expected == pytest.approx(row.seconds.expected * 4 / 3600)
    assert row.cost.expected == pytest.approx(2 * row.gpu_hours.expected)


@pytest.mark.parametrize(
    ("settings", "given", "gpus"),
    [
        ({"teacher": "vllm:m", "engine": {"tensor_parallel_size": 4, "data_parallel_size": 2}}, None, 8),
        ({"teacher": "vllm:m"}, None, 1),
        ({"teacher": "vllm:m", "engine": {"tensor_parallel_size": 2}, "executor": "ray", "replicas": 3}, None, 6),
        ({"teacher": "vllm:m", "engine": {"tensor_parallel_size": 2}}, 5, 5),
        ({"teacher": "openai:http://127.0.0.1:1/v1#m"}, None, None),
    ],
    ids=["parallel sizes", "one", "replicas", "as given", "a server does not tell"],
)
def test_gpus_are_those_of_the_engine(settings: dict, given: int | None, gpus: int | None) -> None:
    assert gpus_of(SampleConfig(**settings), given) == gpus


def test_assumed_lengths_have_the_mean_that_was_given_and_the_tail_is_cut_at_the_budget() -> None:
    recipe = Recipe(sample=SampleConfig(max_tokens=4096))
    population = assumed_population(Assumptions(tokens_mean=2500, rate=(2.0, 2.0)), recipe, 1000, np.random.default_rng(0))
    found = forecast_of(fixed_yields(8, population, ALL), population)
    assert found.tokens.expected / 8000 == pytest.approx(2500, rel=0.01)
    assert found.correct.expected / 8000 == pytest.approx(0.5, rel=0.03)
    assert population.lengths.longest() == 4096


def test_given_lengths_are_taken_over() -> None:
    population = assumed_population(Assumptions(lengths=(100.0, 200.0, 900.0)), Recipe(), 10, np.random.default_rng(0))
    pool = population.lengths.pool(1)[0]
    assert pool / pool[0] == pytest.approx([1, 2, 9])


@pytest.mark.parametrize("text", ["1", "0", "x", "0.5,", "-1,2", "1,2,3", ""])
def test_a_pass_rate_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(CotkitError, match="no pass rate"):
        read_rate(text)


@pytest.mark.parametrize(("text", "said"), [("12\nmany\n", ":2: not a number"), ("0\n", ":1: not"), ("", "no lengths")])
def test_lengths_that_are_none_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "lengths.txt").write_text(text)
    with pytest.raises(CotkitError, match=said):
        read_lengths(tmp_path / "lengths.txt")


def test_a_mean_above_the_token_budget_is_refused() -> None:
    with pytest.raises(CotkitError, match="not below max_tokens"):
        assume_plan(Recipe(sample=SampleConfig(max_tokens=1000)), numbered(3), Assumptions(tokens_mean=2000))


BROKEN = pl.DataFrame([Problem.make("Which?", "\\frac{1}{", "math").model_dump()], schema=Problem.polars_schema())


@pytest.mark.parametrize(
    ("problems", "settings", "name"),
    [
        (pl.concat([numbered(50), BROKEN]), {}, "gold answers"),
        (numbered(5), {"teacher": "openai:http://127.0.0.1:9/v1#m"}, "teacher"),
        (numbered(5), {"teacher": "embedded", "engine": {"context": 64}}, "prompts"),
    ],
    ids=["a gold answer that cannot be read", "nobody answers", "a context too small"],
)
def test_nothing_is_drawn_when_a_check_fails(tmp_path: Path, problems: pl.DataFrame, settings: dict, name: str) -> None:
    made = plan_recipe(recipe_with(tmp_path, HALF_RIGHT, **settings), problems, PilotSize(5, 2), tmp_path / "pilot")
    failed = [check for check in made.checks if not check.ok]
    assert name in [check.name for check in failed]
    assert all(check.hint for check in failed)
    assert made.forecasts == []
    assert not (tmp_path / "pilot").exists()


def test_one_broken_gold_answer_among_hundreds_is_told_but_no_obstacle(tmp_path: Path) -> None:
    made = assume_plan(Recipe(), pl.concat([numbered(200), BROKEN]), Assumptions())
    check = next(check for check in made.checks if check.name == "gold answers")
    assert check.ok
    assert check.said.startswith("200 of 201 verify themselves")
    assert "--check-gold" in check.hint


def test_a_disk_that_is_too_small_is_told(tmp_path: Path) -> None:
    assert check_disk(tmp_path / "not" / "yet", 1e3).ok
    assert not check_disk(tmp_path, 1e18).ok


def test_prompts_are_held_against_the_context_where_it_is_known() -> None:
    config = SampleConfig(teacher="vllm:some/model", max_tokens=100, engine={"max_model_len": 200})
    assert check_prompts(numbered(3), config).ok
    long = pl.DataFrame([Problem.make("why " * 200, "1", "math").model_dump()], schema=Problem.polars_schema())
    assert not check_prompts(pl.concat([numbered(3), long]), config).ok
    assert check_prompts(long, config.model_copy(update={"engine": {}})).ok


@pytest.mark.parametrize(
    ("template", "ok", "said"),
    [
        ("{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant><think>\n", True, "<think>"),
        ("{{ raise_exception('no system role') }}", False, "no system role"),
        (None, False, "no chat template"),
    ],
    ids=["renders", "raises", "none"],
)
def test_the_models_chat_template_is_tried_where_it_is_at_hand(tmp_path: Path, template: str | None, ok: bool, said: str) -> None:
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"chat_template": template} if template else {}))
    config = SampleConfig(teacher=f"vllm:{tmp_path}")
    check = check_template([{"role": "user", "content": "1 + 1?"}], config)
    assert check is not None
    assert check.ok is ok
    assert said in check.said
    made = assume_plan(Recipe(sample=config), numbered(3), Assumptions(tokens_mean=50))
    assert [one.ok for one in made.checks if one.name == "chat template"] == [ok]
    assert check_template([], SampleConfig(teacher="vllm:not/here")) is None
    assert check_template([], config.model_copy(update={"api": "completions"})) is None
