"""`cotkit plan`: what a recipe would cost and give, from a small pilot or from assumptions, before it is paid for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..pipelines.run_folder.resume import Resume
from ..schemas.errors import CotkitError
from .plan_table import describe_checks, describe_prompt, plan_summary, print_table
from .progress import Progress, ProgressStyle, watch_sampling
from .settings import JSON, RESUME, find_recipe

app = typer.Typer()


@app.command()
def plan(
    recipe: Annotated[str, typer.Argument(help="A recipe file, or the name of a shipped one")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The pilot's run folder, made or resumed", show_default=False)] = None,
    problems: Annotated[str | None, typer.Option("--problems", help="Other problems than the recipe's", show_default=False)] = None,
    teacher: Annotated[str | None, typer.Option("--teacher", help="Another teacher than the recipe's", show_default=False)] = None,
    pilot_problems: Annotated[int, typer.Option("--pilot-problems", min=2, help="Problems of the pilot, chosen at random")] = 50,
    pilot_samples: Annotated[int, typer.Option("--pilot-samples", min=1, help="Samples of each")] = 4,
    gpus: Annotated[
        int | None, typer.Option("--gpus", min=1, help="GPUs the teacher runs on", show_default="vllm: its parallel sizes")
    ] = None,
    price_per_gpu_hour: Annotated[
        float | None, typer.Option("--price-per-gpu-hour", min=0, help="For the cost", show_default=False)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="No pilot and no teacher: forecast from what follows")] = False,
    tokens_mean: Annotated[
        float | None, typer.Option("--tokens-mean", min=1, help="Dry run: mean tokens of a response", show_default="3100")
    ] = None,
    token_lengths: Annotated[
        Path | None, typer.Option("--token-lengths", help="Dry run: file of token lengths, one a line", show_default="lognormal")
    ] = None,
    pass_rate: Annotated[str, typer.Option("--pass-rate", help="Dry run: mean pass rate, or A,B of its Beta distribution")] = "0.594",
    tokens_per_second: Annotated[
        float | None, typer.Option("--tokens-per-second", min=0.001, help="Dry run: the teacher's throughput", show_default=False)
    ] = None,
    resume: Annotated[Resume, RESUME] = "if-possible",
    progress: Progress = ProgressStyle.auto,
    as_json: Annotated[bool, JSON] = False,
) -> None:
    """Forecast tokens, time, disk and kept samples of a recipe from a small pilot, and check it before it is paid for.

    Exit code 1 when a check fails. The pilot's samples are the whole run's: `cotkit run RECIPE -o PILOT --resume always` goes on.

    Example: `cotkit plan long_cot_math --gpus 4 -o runs/pilot` or `cotkit plan long_cot_math --dry-run --tokens-per-second 9000`
    """
    from ..pipelines.planning import Assumptions, assume_plan, plan_recipe
    from ..pipelines.planning.assumptions import read_lengths, read_rate
    from ..pipelines.planning.pilot import PilotSize
    from ..pipelines.planning.plan import Machines
    from ..pipelines.whole_run import take_problems

    if out is None and not dry_run:
        raise CotkitError("no folder for the pilot", "add -o PILOT, or --dry-run for a forecast without a pilot")
    chosen = find_recipe(recipe)
    chosen = chosen.model_copy(
        update={
            "problems": chosen.problems.model_copy(update={"source": problems} if problems else {}),
            "sample": chosen.sample.model_copy(update={"teacher": teacher} if teacher else {}),
        }
    )
    taken, notes = take_problems(chosen.problems)
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    machines = Machines(gpus, price_per_gpu_hour)
    if out is None or dry_run:
        lengths = read_lengths(token_lengths) if token_lengths else ()
        made = assume_plan(chosen, taken, Assumptions(tokens_mean, lengths, read_rate(pass_rate), tokens_per_second), machines)
    else:
        with watch_sampling(progress) as watch:
            size = PilotSize(pilot_problems, pilot_samples)
            made = plan_recipe(chosen, taken, size, out, machines, watch=watch, resume=resume)
    if as_json:
        typer.echo(json.dumps(plan_summary(made), ensure_ascii=False))
    else:
        describe_prompt(made)
        describe_checks(made)
        print_table(made)
    if made.failed:
        typer.echo(f"note: {made.failed} requests of the pilot failed for now; run the same command again to draw them", err=True)
    if not made.ok():
        raise typer.Exit(1)
