"""Build the dataset that is pushed: a folder RUN/hub with three configs, the card, plots, recipe and provenance.

    README.md   recipe.toml   provenance.json   problems.parquet   lexicons/…   plots/lengths.png   plots/pass_rates.png
    data/train-00000-of-00003.parquet   all_generations/train-…   rl/train-…

What is fresh is not written again, and the same run gives the same bytes: a second push of them is no commit.
"""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from ...schemas.errors import CotkitError, unknown_name
from ...schemas.recipe import dump_recipe
from ...schemas.record import content_hash
from ..export.kept import kept_counts
from ..export.proof import Proof
from ..export.rl import Rated, rated_problems
from ..lexicon import load_lexicons
from ..rendering import Student
from ..run_folder import RunFolder, disk_errors, write_parquet, write_text
from ..run_folder.parquet import TEMPORARY
from ..run_folder.pass_rates import pass_rates
from . import generations, rl_prompts, trainable
from .card import CardOptions, Contents, write_card
from .evidence import Evidence, search_benchmarks
from .left_out import LeftOut
from .pieces import PLACES, Pieces, pieces_of
from .plots import write_plots
from .provenance import Findings, published_files, write_provenance
from .public import LEXICONS, own_lexicons, public_recipe, public_sources

if TYPE_CHECKING:
    import polars as pl

Config = Literal["default", "all_generations", "rl"]
CONFIGS: tuple[Config, ...] = get_args(Config)


class Built(NamedTuple):
    """A dataset folder that is ready to be pushed."""

    path: Path
    files: dict[str, int]
    """Path within the dataset to size in bytes, in the order in which they are shown."""
    rows: dict[str, int]
    """Rows of each config and split, such as `default/train`."""
    card: str
    notes: list[str]
    """What was left out, and why."""


def build_dataset(
    run: RunFolder, options: CardOptions, configs: tuple[str, ...] = CONFIGS, out: Path | None = None, student: Student | None = None
) -> Built:
    """Build the folder, RUN/hub when `out` is left out; with a student every row of `default` is proven in its chat template.

    Raises CotkitError when the run is not curated or has nothing to publish, and when no row survives the student.
    """
    if unknown := [name for name in configs if name not in CONFIGS]:
        raise unknown_name("config", unknown[0], CONFIGS)
    folder = out or run.path / "hub"
    problems = _rated_problems(run)
    evidence = search_benchmarks(run, _trainable_problems(run))
    # gold answers are judged by `cotkit export rl`, in processes that can be killed: a push opens none
    rated = rated_problems(run, run.recipe.export.rl.model_copy(update={"check_gold": False})) if "rl" in configs else None
    pieces = _trainable_pieces(run, folder, problems, student) if "default" in configs else {}
    refused = trainable.read_refused(folder, pieces)
    made = [
        *pieces.values(),
        *(_generation_pieces(run, folder, problems, evidence) if "all_generations" in configs else []),
        *(_rl_pieces(folder, problems, rated) if rated else []),
    ]
    rows = {f"{piece.config}/{piece.split}": _count(piece) for piece in made}
    _check_survivors(sum(count for name, count in rows.items() if name.startswith("default/")), refused, student)
    made = [piece for piece in made if rows[f"{piece.config}/{piece.split}"]]
    if not made:
        raise CotkitError(f"{run.path}: nothing to publish: no config has a row", "see `cotkit report` for why nothing was kept")
    _remove_others(folder, made)
    _write_recipe(run, folder)
    plots, note = write_plots(run, folder)
    left_out = LeftOut(
        {trainable.split_names(run.recipe)[name]: of for name, of in refused.reasons.items()}, rated.left_out if rated else {}
    )
    contents = Contents(run, folder, made, evidence, plots, options, student, left_out)
    card = write_card(contents)
    write_provenance(run, folder, made, Findings(evidence, left_out, student))
    told = [*left_out.notes(), *(f"{name} has no rows and is left out" for name, count in rows.items() if not count)]
    told += note + (evidence.note() if pieces else [])
    files = {name: (folder / name).stat().st_size for name in published_files(folder)}
    return Built(folder, files, {name: count for name, count in rows.items() if count}, card, told)


def _check_survivors(rows: int, refused: trainable.Refused, student: Student | None) -> None:
    """Raise the explanation when the student's template leaves nothing of `default`."""
    if student is None or rows or not any(refused.reasons.values()):
        return
    reasons = Counter(reason for counts in refused.reasons.values() for reason in counts)
    hint = "name another student, or push the other configs: --config all_generations --config rl"
    raise CotkitError(f"default: no row survives {student.name}: {refused.failure or ', '.join(reasons)}", hint)


def _rated_problems(run: RunFolder) -> pl.DataFrame:
    rates = pass_rates(run).select("problem_id", "judged", "correct", "pass_rate")
    return run.problems().join(rates, on="problem_id", how="left", maintain_order="left")


def _trainable_problems(run: RunFolder) -> pl.Series:
    kept = run.scan("decisions").filter("kept").select("sample_id")
    return run.scan("samples").select("sample_id", "problem_id").join(kept, on="sample_id").collect()["problem_id"].unique()


def _trainable_pieces(run: RunFolder, folder: Path, problems: pl.DataFrame, student: Student | None) -> dict[str, Pieces]:
    """Write the pieces of `default`, by the recipe's split."""
    import polars as pl

    kept = kept_counts(run)
    made_with = content_hash(problems.select("judged", "correct").rows()), student
    pieces, numbers = {}, {}
    for split, published in trainable.split_names(run.recipe).items():
        numbers[split] = kept.filter(pl.col("split") == split)["shard"].to_list()
        fingerprints = [trainable.piece_fingerprint(run, split, number, made_with) for number in numbers[split]]
        pieces[split] = pieces_of(folder, ("default", PLACES["default"], published), fingerprints, trainable.schema())
    proof = Proof(student, trainable.FORMAT.reads) if student else None
    trainable.write_trainable(run, folder, (pieces, numbers), problems, proof)
    return pieces


def _generation_pieces(run: RunFolder, folder: Path, problems: pl.DataFrame, evidence: Evidence) -> list[Pieces]:
    import polars as pl

    blocks = generations.blocks_of(run)
    fingerprints = generations.block_fingerprints(run, blocks, content_hash(evidence.hits.rows()))
    pieces = pieces_of(folder, ("all_generations", PLACES["all_generations"], "train"), fingerprints, generations.schema())
    flagged = problems.join(evidence.of_problems(), on="problem_id", how="left", maintain_order="left")
    generations.write_generations(run, pieces, blocks, flagged.with_columns(pl.col("benchmarks").fill_null([])))
    return [pieces]


def _rl_pieces(folder: Path, problems: pl.DataFrame, rated: Rated) -> list[Pieces]:
    rows = rl_prompts.rl_rows(rated.problems, problems)
    pieces = pieces_of(folder, ("rl", PLACES["rl"], "train"), rl_prompts.rl_fingerprints(rows), rl_prompts.schema())
    rl_prompts.write_rl(pieces, rows)
    return [pieces]


def _count(pieces: Pieces) -> int:
    import polars as pl

    return pl.scan_parquet(pieces.paths).select(pl.len()).collect().item() if pieces.paths else 0


def _remove_others(folder: Path, made: list[Pieces]) -> None:
    """Remove what an earlier build left."""
    wanted = {path for pieces in made for path in pieces.paths}
    for place in PLACES.values():
        for path in (folder / place).glob("*.parquet"):
            if path not in wanted:
                path.unlink()
        shutil.rmtree(folder / place / generations.SPILL, ignore_errors=True)
    for path in [*folder.rglob(f".*{TEMPORARY}*"), *(folder / LEXICONS).glob("*.toml"), *(folder / "plots").glob("*.png")]:
        path.unlink()


def _write_recipe(run: RunFolder, folder: Path) -> None:
    """Write the recipe as it is published, the problems, and the lexicons that do not ship with cotkit."""
    write_text(dump_recipe(public_recipe(run.recipe)), folder / "recipe.toml")
    write_parquet(run.problems().with_columns(public_sources()), folder / "problems.parquet", run.problems_fingerprint())
    load_lexicons(own_lexicons(run.recipe))  # an error that names the file when one is gone
    for name in own_lexicons(run.recipe):
        with disk_errors(folder / LEXICONS):
            write_text(Path(name).read_text(encoding="utf-8"), folder / LEXICONS / Path(name).name)
