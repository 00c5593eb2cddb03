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

from ...schemas.errors import CotkitError, unknown_name
from ...schemas.recipe import SftExportConfig
from ..rendering import load_student
from ..run_folder import RunFolder
from .dataset import Exported
from .formats import FORMATS
from .kept import kept_counts, kept_rows
from .lines import LinesFolder
from .sft_dataset import SftDataset, Wanted


def export_sft(run: RunFolder, config: SftExportConfig, out: Path | None = None) -> list[Exported]:
    """Write every split in every format below `out` (the run's `exports` when left out); what is fresh is not written again.

    Raises CotkitError when the run is not curated, when a format does not read reasoning where it is to stand, and, with a diff,
    when the student's template leaves no row of a dataset.
    """
    import polars as pl

    for format in config.formats:
        FORMATS[format].check_reasoning(format, config.reasoning)
        FORMATS[format].check_kwargs(format, config.chat_template_kwargs)
    datasets = _datasets(run, config, out or run.path / "exports")
    student = load_student(config.student, config.chat_template_kwargs) if config.student else None
    problems = run.problems().select("problem_id", "prompt", "source", "kind", "answer")
    for dataset in datasets:
        dataset.open(student)
        dataset.folder.remove_stale()
    try:
        for number in run.shard_numbers():
            if wanting := [dataset for dataset in datasets if dataset.wants(number)]:
                rows = pl.concat(kept_rows(run, number, problems), how="vertical")
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

    counts = kept_counts(run)
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
