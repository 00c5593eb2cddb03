"""The plan of a recipe: checks, a pilot or assumptions, and a forecast for each way to sample."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...schemas.recipe import Recipe, SampleConfig
from ..run_folder import Resume
from ..sampling.progress import Watch, unseen
from .assumptions import BYTES_PER_TOKEN, Assumptions, assumed_population
from .checks import Check, check_answers, check_disk, check_prompts, check_teacher, check_template, first_prompt
from .forecast import DiskUse, Engine, Forecast, forecast
from .pilot import PilotSize, bytes_per_token, choose_problems, draw_pilot, measured_engine, observed, pilot_recipe, read_pilot
from .population import Population, population_from
from .yields import adaptive_yields, fixed_yields

if TYPE_CHECKING:
    import numpy as np
    import polars as pl

FIXED = (4, 8, 16, 32, 64, 256)
"""Samples per problem that every plan shows."""
ADAPTIVE = {"until_correct": 4, "max_samples": 64}
"""The adaptive mode shown when the recipe has none."""
BYTES_PER_SAMPLE = 300.0
"""Verdict, tags, decision, ids and numbers of a sample, in Parquet; 18.1 MiB for 30,000 samples with their short texts."""


class Machines(NamedTuple):
    """What runs the teacher, and its price; None where it is not known."""

    gpus: int | None = None
    price_per_gpu_hour: float | None = None


UNKNOWN = Machines()


@dataclass(frozen=True)
class Plan:
    """What a run would cost and give."""

    recipe: str
    problems: int
    prompt: list[dict[str, str]]
    """The first problem's messages, as the teacher gets them."""
    checks: list[Check]
    basis: list[str]
    """What the figures rest on."""
    forecasts: list[Forecast]
    """A row for each way to sample; none when a check failed before the pilot."""
    own: str
    """The mode of the recipe itself."""
    failed: int = 0
    """The pilot's requests that failed for now."""

    def ok(self) -> bool:
        """Say whether all checks passed."""
        return all(check.ok for check in self.checks)


def plan_recipe(
    recipe: Recipe,
    problems: pl.DataFrame,
    size: PilotSize,
    path: Path,
    machines: Machines = UNKNOWN,
    *,
    watch: Watch = unseen,
    resume: Resume = "if-possible",
) -> Plan:
    """Check, draw a pilot into the run folder `path` and forecast from it; nothing is drawn when a check fails."""
    import numpy as np

    teacher, context = check_teacher(recipe.sample, problems)
    checks = [check_answers(problems, recipe.verify), check_prompts(problems, recipe.sample, context), teacher]
    prompt = first_prompt(problems, recipe)
    checks += filter(None, [check_template(prompt, recipe.sample)])
    if not all(check.ok for check in checks):
        return Plan(recipe.name, problems.height, prompt, checks, [], [], mode_of(recipe.sample))
    run, progress = draw_pilot(
        pilot_recipe(recipe, size), choose_problems(problems, recipe.sample.seed, size.problems), path, watch, resume
    )
    drawn = read_pilot(run)
    rng = np.random.default_rng(recipe.sample.seed)
    population = population_from(observed(drawn), problems.height, recipe.sample.max_tokens, rng)
    # what follows is forecast for as many requests at once as the teacher asked for
    recipe = recipe.model_copy(update={"sample": recipe.sample.model_copy(update={"concurrency": progress.at_once})})
    engine = measured_engine(drawn, progress.at_once)._replace(
        gpus=gpus_of(recipe.sample, machines.gpus), price_per_gpu_hour=machines.price_per_gpu_hour
    )
    disk = _disk_use(recipe, bytes_per_token(run, int(drawn["tokens"].sum())))
    forecasts = _forecasts(recipe, population, engine, disk, rng)
    checks.append(_disk_check(recipe, forecasts, path))
    basis = [*_said_of_pilot(drawn, problems.height, run.path), *_said_of_engine(engine, progress.at_once), *_limits(recipe, forecasts)]
    return Plan(recipe.name, problems.height, prompt, checks, basis, forecasts, mode_of(recipe.sample), progress.failed)


def assume_plan(recipe: Recipe, problems: pl.DataFrame, given: Assumptions, machines: Machines = UNKNOWN) -> Plan:
    """Check what needs no teacher, and forecast from assumptions; nothing is drawn."""
    import numpy as np

    rng = np.random.default_rng(recipe.sample.seed)
    population = assumed_population(given, recipe, problems.height, rng)
    engine = Engine(
        given.tokens_per_second, 0.0, recipe.sample.at_once(), gpus_of(recipe.sample, machines.gpus), machines.price_per_gpu_hour
    )
    forecasts = _forecasts(recipe, population, engine, _disk_use(recipe, BYTES_PER_TOKEN), rng)
    checks = [check_answers(problems, recipe.verify), check_prompts(problems, recipe.sample), _disk_check(recipe, forecasts, Path())]
    basis = [*given.said(recipe.sample.max_tokens), "teacher: not asked", *_limits(recipe, forecasts)]
    prompt = first_prompt(problems, recipe)
    checks += filter(None, [check_template(prompt, recipe.sample)])
    return Plan(recipe.name, problems.height, prompt, checks, basis, forecasts, mode_of(recipe.sample))


def mode_of(config: SampleConfig) -> str:
    """Name a way to sample.

    >>> mode_of(SampleConfig(until_correct=4, max_samples=64)), mode_of(SampleConfig(n=8))
    ('until 4 correct of at most 64', 'n = 8')
    """
    if not config.is_adaptive():
        return f"n = {config.n}"
    until = f"until {config.until_correct} correct of" if config.until_correct is not None else ""
    give_up = f", give up below {config.give_up:g}" if config.give_up is not None else ""
    return f"{until} at most {config.most_samples()}{give_up}".strip()


def gpus_of(config: SampleConfig, given: int | None) -> int | None:
    """Give the GPUs of the engine: as given, or what the vllm teacher's arguments say."""
    if given is not None or not config.teacher.startswith("vllm:"):
        return given
    sizes = [config.engine.get(f"{kind}_parallel_size", 1) for kind in ("tensor", "data", "pipeline")]
    replicas = config.replicas or 1 if config.executor == "ray" else 1
    return int(sizes[0]) * int(sizes[1]) * int(sizes[2]) * replicas


def _forecasts(recipe: Recipe, population: Population, engine: Engine, disk: DiskUse, rng: np.random.Generator) -> list[Forecast]:
    fixed = sorted(set(FIXED) | (set() if recipe.sample.is_adaptive() else {recipe.sample.n}))
    adaptive = recipe.sample if recipe.sample.is_adaptive() else recipe.sample.model_copy(update=ADAPTIVE)
    yields = {f"n = {n}": fixed_yields(n, population, recipe.curate) for n in fixed}
    yields[mode_of(adaptive)] = adaptive_yields(adaptive, population, recipe.curate, rng)
    return [forecast(mode, row, population, engine, disk, rng) for mode, row in yields.items()]


def _disk_use(recipe: Recipe, per_token: float) -> DiskUse:
    return DiskUse(per_token, BYTES_PER_SAMPLE, len(recipe.export.sft.formats))


def _disk_check(recipe: Recipe, forecasts: list[Forecast], path: Path) -> Check:
    own = next(row for row in forecasts if row.mode == mode_of(recipe.sample))
    return check_disk(path, own.disk_bytes.high)


def _said_of_pilot(drawn: pl.DataFrame, problems: int, path: Path) -> list[str]:
    asked, correct = drawn["place"].n_unique(), int(drawn["correct"].sum())
    return [
        f"pilot: {drawn.height:,} responses to {asked:,} of {problems:,} problems, chosen at random, in {path}; {correct:,} correct, "
        f"mean {drawn['tokens'].mean():,.0f} tokens, longest {drawn['tokens'].max():,}",
        "intervals: 90 %, over pilots and runs that might as well have been; problems are drawn anew with all their samples",
    ]


def _said_of_engine(engine: Engine, at_once: int) -> list[str]:
    if engine.tokens_per_second is None:
        return ["throughput: the pilot has no times, so the plan has none"]
    said = f"throughput: {engine.tokens_per_second:,.0f} ± {engine.error:,.0f} tokens/s with {engine.slots} requests at once"
    lines = [f"{said}, from the pilot's steady part (neither start nor tail)"]
    if engine.slots < at_once:
        lines.append(f"the pilot filled {engine.slots} of {at_once} slots: the whole run may well be faster")
    return lines


def _limits(recipe: Recipe, forecasts: list[Forecast]) -> list[str]:
    lines = [
        "the adaptive mode is replayed with the sampler's own allocation; its tokens hang on the hard problems, so its interval is wide",
        "not foreseen: doubles that only appear with more samples",
    ]
    if any(split.problems_per_tenth or split.token_budget for split in recipe.curate.splits):
        lines.append("not foreseen: problems_per_tenth and token_budget of splits, so less may be kept")
    budget = recipe.sample.token_budget
    if budget is not None and any(row.tokens.expected > budget for row in forecasts):
        lines.append(f"token_budget: a run stops at {budget:,} tokens, below what some rows want")
    return lines
