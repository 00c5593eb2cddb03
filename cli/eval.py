"""`cotkit eval`: evaluate a model on benchmarks, with an interval at every number; or judge an evaluation again, or check it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Annotated, Any

import typer

from ..pipelines.run_folder.resume import Resume
from ..schemas.errors import CotkitError
from ..schemas.recipe import SampleConfig
from .progress import Progress, ProgressStyle, watch_sampling
from .settings import ENGINE, JSON, RESUME, engine_settings, find_recipe, parse_files, setting

app = typer.Typer()
PROTOCOLS = {"paper": "eval_paper", "greedy": "eval_greedy"}


@app.command()
def eval(
    model: Annotated[
        str | None,
        typer.Argument(help="A teacher as in `sample`; a Hub id or folder stands for vllm, a URL for openai", show_default=False),
    ] = None,
    benchmarks: Annotated[str, typer.Option("--benchmarks", help="Names, or TOML files, with commas between")] = "math500",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The folder to make or resume", show_default=False)] = None,
    samples: Annotated[int | None, typer.Option("--samples", help="Samples per problem", show_default="the protocol's, AIME 16")] = None,
    protocol: Annotated[str, typer.Option("--protocol", help="paper, greedy, or a recipe file")] = "paper",
    from_file: Annotated[
        list[str] | None, typer.Option("--from", help="NAME=FILE: a benchmark from a local file", show_default=False)
    ] = None,
    max_tokens: Annotated[int | None, setting(SampleConfig, "max_tokens")] = None,
    system_prompt: Annotated[str | None, setting(SampleConfig, "system_prompt")] = None,
    concurrency: Annotated[int | None, setting(SampleConfig, "concurrency")] = None,
    engine: Annotated[list[str] | None, ENGINE] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="Only the first so many problems of each", show_default=False)] = None,
    accept_changed: Annotated[bool, typer.Option("--accept-changed", help="Take a benchmark whose rows are not those known")] = False,
    resume: Annotated[Resume, RESUME] = "if-possible",
    rescore: Annotated[Path | None, typer.Option("--rescore", metavar="DIR", help="Judge an evaluation again, without sampling")] = None,
    check: Annotated[Path | None, typer.Option("--check", metavar="DIR", help="Hold a result file against its samples")] = None,
    list_them: Annotated[bool, typer.Option("--list", help="List the benchmarks that ship")] = False,
    progress: Progress = ProgressStyle.auto,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Evaluate a model on benchmarks, with an interval at every number.

    Example: `cotkit eval vllm:Qwen/Qwen2.5-7B-Instruct --benchmarks math500,aime24,theoremqa,mmlu_pro_1k -o evals/qwen`
    """
    from . import eval_again as again

    if list_them:
        again.print_benchmarks(as_json)
    elif rescore is not None:
        again.print_rescored(rescore, as_json)
    elif check is not None:
        again.print_check(check)
    elif model is None or out is None:
        raise CotkitError("no model named" if model is None else "no folder named", "write cotkit eval MODEL --benchmarks math500 -o DIR")
    else:
        given = {"n": samples, "max_tokens": max_tokens, "system_prompt": system_prompt, "concurrency": concurrency}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        changes |= {"engine": engine_settings(engine)} if engine else {}
        options = {"changes": changes, "files": parse_files(from_file), "limit": limit, "accept_changed": accept_changed, "resume": resume}
        _evaluate(model, [name.strip() for name in benchmarks.split(",")], protocol, out, options, progress, as_json)


def _evaluate(model: str, names: list[str], protocol: str, out: Path, options: dict[str, Any], style: ProgressStyle, as_json: bool) -> None:
    from ..pipelines.evaluation.benchmarks import find_benchmark
    from ..pipelines.evaluation.evaluate import Request, evaluate, teacher_word
    from .eval_table import print_result

    def watch(name: str) -> AbstractContextManager[Any]:
        typer.echo(f"{name}: sampling", err=True)
        return watch_sampling(style)

    chosen = [find_benchmark(name) for name in dict.fromkeys(names)]
    unknown = set(options["files"]) - {benchmark.name for benchmark in chosen}
    if unknown:
        raise CotkitError(f"--from {min(unknown)}=…: not among the benchmarks", f"evaluated are {', '.join(b.name for b in chosen)}")
    recipe = find_recipe(PROTOCOLS.get(protocol, protocol))
    request = Request(teacher_word(model), chosen, protocol, recipe, **options)
    done = evaluate(request, out, watch, lambda note: typer.echo(f"note: {note}", err=True))
    print_result(done.result, out, as_json)
    if done.failed:
        typer.echo(f"note: {done.failed} requests failed for now; run the same command again to draw them", err=True)
        raise typer.Exit(1)
