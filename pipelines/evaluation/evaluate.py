"""Evaluate a model on benchmarks: one run folder per benchmark under a folder, each resumable, and one result file.

    evals/qwen/  result.json  math500/  aime24/  …            each benchmark's folder is a run folder, with scores.parquet added

Everything bad is said before the first sample is drawn: unknown benchmarks, changed data, a folder of another evaluation.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import ValidationError

from ... import __version__
from ...schemas.benchmark import Benchmark
from ...schemas.errors import CotkitError
from ...schemas.evaluation import RESULT, BehaviourShare, BenchmarkResult, Engine, EvaluationResult, Origin
from ...schemas.recipe import ProblemsConfig, Recipe, SampleConfig
from ..execute.pool import VerifierPool
from ..run_folder import Resume, RunFolder, check_problems, write_parquet, write_text
from ..sampling.progress import SamplingProgress, unseen
from ..sampling.scheduler import sample_run
from ..sampling.teacher import TEACHERS
from ..tagging import tag_run
from ..verification import verify_run
from .benchmarks import LoadedBenchmark, load_problems
from .engine import engine_of
from .scoring import behaviours_of, estimates, hash_of, judged_samples, score_problems

if TYPE_CHECKING:
    import polars as pl

SCORES = "scores.parquet"
"""A row per problem in a benchmark's run folder: `scoring.score_problems`."""
Watch = Callable[[str], AbstractContextManager[Callable[[SamplingProgress], None]]]


@dataclass(frozen=True)
class Request:
    """What is to be evaluated, and how."""

    teacher: str
    benchmarks: Sequence[Benchmark]
    protocol: str
    """Name of the protocol."""
    recipe: Recipe
    """The protocol's recipe."""
    changes: dict[str, Any] = field(default_factory=dict)
    """Settings of `[sample]` that the user gave, over all others."""
    files: dict[str, Path] = field(default_factory=dict)
    """Local files in place of the Hub, by benchmark."""
    limit: int | None = None
    """Only the first so many problems of each benchmark."""
    accept_changed: bool = False
    resume: Resume = "if-possible"


class Evaluated(NamedTuple):
    """What an evaluation gave."""

    result: EvaluationResult
    failed: int
    """Requests that failed for now."""


def teacher_word(model: str) -> str:
    """Give the teacher that a model, a folder or a URL stands for; what names a kind of teacher stays as it is.

    >>> teacher_word("http://127.0.0.1:8000/v1#Qwen/QwQ-32B"), teacher_word("Qwen/QwQ-32B"), teacher_word("embedded")
    ('openai:http://127.0.0.1:8000/v1#Qwen/QwQ-32B', 'vllm:Qwen/QwQ-32B', 'embedded')
    """
    if model.startswith(("http://", "https://")):
        return f"openai:{model}"
    if model.partition(":")[0] in TEACHERS or not ("/" in model or Path(model).is_dir()):
        return model
    return f"vllm:{model}"


def evaluate(
    request: Request, out: Path, watch: Watch = lambda _name: nullcontext(unseen), say: Callable[[str], object] = lambda _: None
) -> Evaluated:
    """Draw, judge, tag and score every benchmark; the result file holds what is done after each. Raises CotkitError when input is bad."""
    before = read_result(out) if (out / RESULT).is_file() else None
    if before is not None and before.teacher != request.teacher:
        raise CotkitError(f"{out}: an evaluation of {before.teacher}", "choose another folder with -o")
    runs = []
    for benchmark in request.benchmarks:
        loaded = load_problems(benchmark, request.files.get(benchmark.name), request.accept_changed)
        loaded = _limited(loaded, request.limit)
        for note in loaded.notes:
            say(note)
        recipe = recipe_for(benchmark, request)
        problems = check_problems(loaded.problems, benchmark.name)
        runs.append((RunFolder.create(out / benchmark.name, recipe, problems, request.resume), benchmark, loaded.origin))
    results, failed = dict(before.benchmarks) if before else {}, 0
    result = EvaluationResult(cotkit=__version__, teacher=request.teacher, protocol=request.protocol, benchmarks=results)
    for run, benchmark, origin in runs:
        with watch(benchmark.name) as show:
            failed += sample_run(run, show).failed
        verify_run(run, run.recipe.verify)
        tag_run(run, run.recipe.tag)
        engine = engine_of(run.recipe.sample, _fingerprints(run))
        results[benchmark.name] = score_run(run, benchmark.name, request.protocol, origin, engine)
        result = result.model_copy(update={"benchmarks": results})
        write_result(result, out)
    return Evaluated(result, failed)


def recipe_for(benchmark: Benchmark, request: Request) -> Recipe:
    """Give the recipe of a benchmark's run: the protocol's, then the benchmark's settings, then the user's."""
    protocol = request.recipe.sample
    samples = protocol.n if protocol.temperature == 0 else max(protocol.n, benchmark.samples)
    given = protocol.model_dump() | {"n": samples} | benchmark.sample | {"teacher": request.teacher} | request.changes
    try:
        sample = SampleConfig.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise CotkitError(f"{benchmark.name}: sample.{where}: {first['msg']}", "mend the benchmark file or the option") from None
    source = ProblemsConfig(source=benchmark.name)
    update = {"name": benchmark.name, "description": benchmark.description, "problems": source, "sample": sample}
    return request.recipe.model_copy(update=update)


def score_run(run: RunFolder, benchmark: str, protocol: str, origin: Origin, engine: Engine) -> BenchmarkResult:
    """Score a judged run folder, and write its table of problems."""
    samples = judged_samples(run)
    with VerifierPool(run.recipe.verify) as pool:
        table = score_problems(run, samples, pool)
    write_parquet(table, run.path / SCORES)
    return BenchmarkResult(
        benchmark=benchmark,
        run=run.path.name,
        source=origin,
        engine=engine,
        protocol={"name": protocol} | _protocol(run.recipe.sample),
        verifiers=sorted(samples["verifier"].drop_nulls().unique()),
        samples_hash=hash_of(samples, run),
        outcomes=dict(samples["outcome"].value_counts(sort=True).iter_rows()),
        behaviours=[BehaviourShare.model_validate(row) for row in behaviours_of(run)],
        **estimates(table),
    )


def read_result(folder: Path) -> EvaluationResult:
    """Read the result file of an evaluation; raises CotkitError when there is none, or it is another version's."""
    path = folder / RESULT if folder.is_dir() else folder
    try:
        return EvaluationResult.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        raise CotkitError(f"{folder}: not an evaluation: no {RESULT}", "make one with `cotkit eval MODEL --benchmarks … -o DIR`") from None
    except (ValueError, OSError) as error:
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
        raise CotkitError(f"{path}: cannot be read: {said}", "write it anew with `cotkit eval --rescore DIR`, or evaluate again") from None


def write_result(result: EvaluationResult, folder: Path) -> None:
    """Write the result file, whole or not at all."""
    write_text(result.model_dump_json(indent=1) + "\n", folder / RESULT)


def _limited(loaded: LoadedBenchmark, limit: int | None) -> LoadedBenchmark:
    if limit is None or loaded.problems.height <= limit:
        return loaded
    beyond = loaded.problems.height - limit
    left_out = loaded.origin.left_out | {"beyond the limit": beyond}
    origin = loaded.origin.model_copy(update={"left_out": left_out, "as_expected": False})
    return LoadedBenchmark(loaded.problems.head(limit), origin, loaded.notes)


def _protocol(config: SampleConfig) -> dict[str, Any]:
    """Give the settings of sampling that change what is drawn, without those of the engine."""
    return config.model_dump(mode="json", exclude=config.incidental() | {"teacher"}) | {"n": config.n}


def _fingerprints(run: RunFolder) -> list[str]:
    import polars as pl

    found: pl.DataFrame = run.scan("samples").select(pl.col("teacher_fingerprint").unique().sort()).collect()
    return found["teacher_fingerprint"].to_list()
