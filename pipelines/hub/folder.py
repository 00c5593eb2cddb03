"""Build the dataset that is pushed: a folder RUN/hub with three configs, the card, plots, recipe and provenance.

    README.md   recipe.toml   provenance.json   problems.parquet   lexicons/…   plots/lengths.png   plots/pass_rates.png
    data/train-00000-of-00003.parquet   all_generations/train-…   rl/train-…

What is fresh is not written again, and the same run gives the same bytes: a second push of them is no commit.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

from ...schemas.errors import CotkitError, unknown_name
from ...schemas.recipe import dump_recipe
from ...schemas.record import content_hash
from ..lexicon import load_lexicons
from ..run_folder import RunFolder, disk_errors, write_parquet, write_text
from ..run_folder.parquet import TEMPORARY
from ..run_folder.pass_rates import pass_rates
from . import generations, rl_prompts, trainable
from .card import CardOptions, Contents, write_card
from .evidence import Evidence, search_benchmarks
from .pieces import PLACES, Pieces, pieces_of
from .plots import write_plots
from .provenance import published_files, write_provenance
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


def build_dataset(run: RunFolder, options: CardOptions, configs: tuple[str, ...] = CONFIGS, out: Path | None = None) -> Built:
    """Build the folder (RUN/hub when `out` is left out); raises CotkitError when the run is not curated or has nothing to publish."""
    unknown = [name for name in configs if name not in CONFIGS]
    if unknown:
        raise unknown_name("config", unknown[0], CONFIGS)
    folder = out or run.path / "hub"
    problems = _rated_problems(run)
    kept = trainable.kept_rows(run)
    evidence = search_benchmarks(run, _trainable_problems(run))
    made = [
        *(_trainable_pieces(run, folder, kept, problems) if "default" in configs else []),
        *(_generation_pieces(run, folder, problems, evidence) if "all_generations" in configs else []),
        *(_rl_pieces(run, folder, problems, evidence) if "rl" in configs else []),
    ]
    rows = {f"{pieces.config}/{pieces.split}": _count(pieces) for pieces in made}
    notes = _notes(rows, kept, run)
    made = [pieces for pieces in made if rows[f"{pieces.config}/{pieces.split}"]]
    if not made:
        raise CotkitError(f"{run.path}: nothing to publish: no config has a row", "see `cotkit report` for why nothing was kept")
    _remove_others(folder, made)
    _write_recipe(run, folder)
    plots, note = write_plots(run, folder)
    card = write_card(Contents(run, folder, made, evidence, plots, options))
    write_provenance(run, folder, made, evidence)
    told = notes + note + (evidence.note() if "default" in configs else [])
    files = {name: (folder / name).stat().st_size for name in published_files(folder)}
    return Built(folder, files, {name: count for name, count in rows.items() if count}, card, told)


def _rated_problems(run: RunFolder) -> pl.DataFrame:
    rates = pass_rates(run).select("problem_id", "judged", "correct", "pass_rate")
    return run.problems().join(rates, on="problem_id", how="left", maintain_order="left")


def _trainable_problems(run: RunFolder) -> pl.Series:
    kept = run.scan("decisions").filter("kept").select("sample_id")
    return run.scan("samples").select("sample_id", "problem_id").join(kept, on="sample_id").collect()["problem_id"].unique()


def _trainable_pieces(run: RunFolder, folder: Path, kept: pl.DataFrame, problems: pl.DataFrame) -> list[Pieces]:
    import polars as pl

    rates = content_hash(problems.select("judged", "correct").rows())
    pieces, numbers = {}, {}
    for split, published in trainable.split_names(run.recipe).items():
        numbers[split] = kept.filter(pl.col("split") == split)["shard"].to_list()
        fingerprints = [trainable.piece_fingerprint(run, split, number, rates) for number in numbers[split]]
        pieces[split] = pieces_of(folder, ("default", PLACES["default"], published), fingerprints, trainable.schema())
    trainable.write_trainable(run, pieces, numbers, problems)
    return list(pieces.values())


def _generation_pieces(run: RunFolder, folder: Path, problems: pl.DataFrame, evidence: Evidence) -> list[Pieces]:
    import polars as pl

    blocks = generations.blocks_of(run)
    fingerprints = generations.block_fingerprints(run, blocks, content_hash(evidence.hits.rows()))
    pieces = pieces_of(folder, ("all_generations", PLACES["all_generations"], "train"), fingerprints, generations.schema())
    flagged = problems.join(evidence.of_problems(), on="problem_id", how="left", maintain_order="left")
    generations.write_generations(run, pieces, blocks, flagged.with_columns(pl.col("benchmarks").fill_null([])))
    return [pieces]


def _rl_pieces(run: RunFolder, folder: Path, problems: pl.DataFrame, evidence: Evidence) -> list[Pieces]:
    rows = rl_prompts.rl_rows(run, problems, evidence.dropped_problems())
    pieces = pieces_of(folder, ("rl", PLACES["rl"], "train"), rl_prompts.rl_fingerprints(rows), rl_prompts.schema())
    rl_prompts.write_rl(pieces, rows)
    return [pieces]


def _count(pieces: Pieces) -> int:
    import polars as pl

    return pl.scan_parquet(pieces.paths).select(pl.len()).collect().item() if pieces.paths else 0


def _notes(rows: dict[str, int], kept: pl.DataFrame, run: RunFolder) -> list[str]:
    import polars as pl

    notes = []
    for split, published in trainable.split_names(run.recipe).items():
        if (count := rows.get(f"default/{published}")) is not None:
            missing = kept.filter(pl.col("split") == split)["rows"].sum() - count
            if missing:
                notes.append(f"{missing} kept samples are not in default/{published}: {trainable.LEFT_OUT}")
    return notes + [f"{name} has no rows and is left out" for name, count in rows.items() if not count]


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
