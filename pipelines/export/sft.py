r"""SFT datasets: one row per kept sample, a folder per split and format.

`trl` (prompt–completion: TRL takes the loss on the completion alone):
`{"prompt": [{"role": "user", "content": "What is 3 + 4? …"}], "completion": [{"role": "assistant", "content": "<think>\n…"}], …}`

`messages`, and with it the formats of the other trainers (`formats.py`):
`{"messages": [{"role": "user", …}, {"role": "assistant", …}], …}`

Both carry flat columns that trainers ignore, from `problem_id` to `completion_tokens`. The two are never in one row, and there is
no `tools` column: either breaks a trainer or a chat template. The prompt is rendered again from the recipe, without its shots:
the student is trained to answer without them.

Rows whose text still holds a `<think>` or `</think>` tag are refused, as templates split at the first or the last one and lose the
rest in silence. With a student every row is rendered as its trainer will render it, and proven (`proof.py`); without one nothing is.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...schemas.errors import CotkitError, unknown_name
from ...schemas.recipe import SftExportConfig
from ..prompts import student_messages
from ..rendering import load_student
from ..run_folder import STAGES, RunFolder
from .dataset import TOKENS, Exported, message_list
from .formats import FORMATS
from .lines import LinesFolder
from .sft_dataset import SftDataset, Wanted

if TYPE_CHECKING:
    import polars as pl

OUTER_BLANK_LINES = r"\A(?:[^\S\n]*\n)+|(?:\r?\n[^\S\n]*)+\z"


def export_sft(run: RunFolder, config: SftExportConfig, out: Path | None = None) -> list[Exported]:
    """Write every split in every format below `out` (the run's `exports` when left out); what is fresh is not written again.

    Raises CotkitError when the run is not curated, when a format does not read reasoning where it is to stand, and, with a diff,
    when the student's template leaves no row of a dataset.
    """
    for format in config.formats:
        FORMATS[format].check_reasoning(format, config.reasoning)
        FORMATS[format].check_kwargs(format, config.chat_template_kwargs)
    datasets = _datasets(run, config, out or run.path / "exports")
    student = load_student(config.student, config.chat_template_kwargs) if config.student else None
    for dataset in datasets:
        dataset.open(student)
        dataset.folder.remove_stale()
    try:
        for number in run.shard_numbers():
            if wanting := [dataset for dataset in datasets if dataset.wants(number)]:
                rows = _read_kept(run, number)
                for dataset in wanting:
                    dataset.write(number, rows)
    except BaseException:
        for dataset in datasets:
            if isinstance(dataset.folder, LinesFolder):
                dataset.folder.close(failed=True)
        raise
    exported = [dataset.finish() for dataset in datasets]
    _refuse_empty(datasets)
    return exported


def _datasets(run: RunFolder, config: SftExportConfig, out: Path) -> list[SftDataset]:
    import polars as pl

    counts = _kept_rows(run)
    splits = dict.fromkeys([split.name for split in run.recipe.curate.splits] + sorted(counts["split"].unique()))
    if unknown := [name for name in config.splits if name not in splits]:
        raise unknown_name("split", unknown[0], list(splits))
    datasets = []
    for format in config.formats:
        for split in config.splits or splits:
            kept = dict(counts.filter(pl.col("split") == split).select("shard", "rows").iter_rows())
            datasets.append(SftDataset(run, Wanted(format, split, config.reasoning), config, kept, out / f"sft-{format}-{split}"))
    return datasets


def _refuse_empty(datasets: list[SftDataset]) -> None:
    """Raise the explanation of the first dataset of which the student's template leaves nothing."""
    for dataset in datasets:
        if failure := dataset.failure():
            name = dataset.student.name if dataset.student else ""
            raise CotkitError(f"{dataset.wanted.format}, split {dataset.wanted.split}: no row survives {name}: {failure}", HINT)


HINT = "take the form of --reasoning that is named, or a template that keeps reasoning as --student (and in the trainer)"


def _kept_rows(run: RunFolder) -> pl.DataFrame:
    """Count the kept samples: columns `shard`, `split` and `rows`, by shard."""
    import polars as pl

    run.scan("decisions")  # an error when a shard has none
    empty = pl.LazyFrame(schema={"shard": pl.Int64, "split": pl.String, "rows": pl.Int64})
    counts = [
        pl.scan_parquet(run.shard_path("decisions", number))
        .filter("kept")
        .explode("splits", empty_as_null=False)
        .group_by(pl.col("splits").alias("split"))
        .agg(pl.len().cast(pl.Int64).alias("rows"))
        .select(pl.lit(number, pl.Int64).alias("shard"), "split", "rows")
        for number in run.shard_numbers()
    ]
    return pl.concat([empty, *counts]).collect()


def _read_kept(run: RunFolder, number: int) -> pl.DataFrame:
    """Read the kept samples of a shard and what their problems say; outer blank lines are cut off, empty reasoning is null."""
    import polars as pl

    samples, verdicts, tags, decisions = (pl.scan_parquet(run.shard_path(stage, number)) for stage in STAGES)
    reasoning, response = (pl.col(name).str.replace_all(OUTER_BLANK_LINES, "") for name in ("reasoning", "response"))
    rows = (
        samples.select("sample_id", "problem_id", "teacher", "reasoning", "response")
        .join(decisions.filter("kept").select("sample_id", "splits"), on="sample_id", maintain_order="left")
        .join(verdicts.select("sample_id", "outcome"), on="sample_id", maintain_order="left")
        .join(tags.select("sample_id", pl.col("tokens").alias(TOKENS)), on="sample_id", maintain_order="left")
        .with_columns(pl.when(reasoning.str.contains(r"\S")).then(reasoning).alias("reasoning"), response.alias("response"))
        .collect()
    )
    problems = run.problems().join(rows, on="problem_id", how="semi")
    prompts = [student_messages(prompt, run.recipe.sample) for prompt in problems["prompt"]]
    problems = problems.select("problem_id", "source", "kind", "answer", pl.Series("prompt", prompts, message_list()))
    return rows.join(problems, on="problem_id", how="left", maintain_order="left")
