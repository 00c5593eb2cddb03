r"""SFT datasets: one row per kept sample, a folder per split and format.

`trl` (prompt–completion: TRL takes the loss on the completion alone):
`{"prompt": [{"role": "user", "content": "What is 3 + 4? …"}], "completion": [{"role": "assistant", "content": "<think>\n…"}], …}`

`messages` (LLaMA-Factory, axolotl, ms-swift, torchtune, open-instruct, …):
`{"messages": [{"role": "user", …}, {"role": "assistant", …}], …}`

Both carry flat columns that trainers ignore, from `problem_id` to `completion_tokens`. The two are never in one row, and there is
no `tools` column: either breaks a trainer or a chat template. The prompt is rendered again from the recipe, without its shots:
the student is trained to answer without them.

Rows whose text still holds a `<think>` or `</think>` tag are refused, as templates split at the first or the last one and lose the
rest in silence. Not covered: other special tokens of a student's vocabulary that a text may spell, and its context length.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...schemas.recipe import SftExportConfig
from ...schemas.record import content_hash
from ..prompts import student_messages
from ..run_folder import STAGES, RunFolder
from .dataset import TOKENS, VERSION, DatasetFolder, Exported, message_list

if TYPE_CHECKING:
    import polars as pl

COLUMNS = ("problem_id", "sample_id", "source", "teacher", "kind", "answer", "outcome")
TAGS = ("<think>", "</think>")
REFUSED_TAGGED = "their text holds a <think> or </think> tag, which chat templates would lose or double"
REFUSED_EMPTY = "their text is empty"
OUTER_BLANK_LINES = r"\A(?:[^\S\n]*\n)+|(?:\r?\n[^\S\n]*)+\z"


def export_sft(run: RunFolder, config: SftExportConfig, out: Path | None = None) -> list[Exported]:
    """Write every split in every format below `out` (the run's `exports` when left out); what is fresh is not written again.

    Raises CotkitError when the run is not curated.
    """
    import polars as pl

    counts = _kept_rows(run)
    splits = dict.fromkeys([split.name for split in run.recipe.curate.splits] + sorted(counts["split"].unique()))
    datasets = []
    for format in config.formats:
        for split in splits:
            shape = _Shape(format, split, config.reasoning)
            kept = dict(counts.filter(pl.col("split") == split).select("shard", "rows").iter_rows())
            datasets.append(_SftDataset(run, shape, kept, (out or run.path / "exports") / f"sft-{format}-{split}"))
    for dataset in datasets:
        dataset.folder.remove_stale()
    for number in run.shard_numbers():
        if wanting := [dataset for dataset in datasets if dataset.wants(number)]:
            rows = _read_kept(run, number)
            for dataset in wanting:
                dataset.write(number, rows)
    return [dataset.exported() for dataset in datasets]


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


class _Shape(NamedTuple):
    """What tells one dataset of a run from another."""

    format: str
    split: str
    reasoning: str


class _SftDataset:
    """One split in one format; each shard with kept samples of the split is a piece."""

    def __init__(self, run: RunFolder, shape: _Shape, kept: dict[int, int], path: Path) -> None:
        self.shape = shape
        self.kept = kept
        self.piece_of = {number: piece for piece, number in enumerate(kept)}
        self.refused: Counter[str] = Counter()
        self.folder = DatasetFolder(path, [self._fingerprint(run, number) for number in kept], self._schema())

    def wants(self, number: int) -> bool:
        """Say whether shard `number` must be read: its piece is stale, or lacks rows that were refused and are to be counted."""
        piece = self.piece_of.get(number)
        return piece is not None and (not self.folder.is_fresh(piece) or self.folder.rows(piece) < self.kept[number])

    def write(self, number: int, rows: pl.DataFrame) -> None:
        """Write the piece of a shard, from all kept rows of the shard."""
        import polars as pl

        rows = rows.filter(pl.col("splits").list.contains(self.shape.split)).with_columns(self._refusal().alias("refusal"))
        self.refused.update(rows["refusal"].drop_nulls())
        if not self.folder.is_fresh(self.piece_of[number]):
            self.folder.write(self.piece_of[number], rows.filter(pl.col("refusal").is_null()).with_columns(self._columns()))

    def exported(self) -> Exported:
        """Count what is on disk."""
        rows, tokens = self.folder.totals()
        notes = tuple(f"{count} rows refused: {reason}" for reason, count in sorted(self.refused.items()))
        return Exported(self.folder.path, self.shape.format, self.shape.split, rows, tokens, notes)

    def _schema(self) -> pl.Schema:
        import polars as pl

        answer = message_list(self.shape.reasoning == "field")
        first = {"prompt": message_list(), "completion": answer} if self.shape.format == "trl" else {"messages": answer}
        return pl.Schema({**first, **dict.fromkeys(COLUMNS, pl.String()), TOKENS: pl.Int64()})

    def _fingerprint(self, run: RunFolder, number: int) -> str:
        sample = run.recipe.sample
        inputs = [run.problems_fingerprint(), *(run.fingerprint(stage, number) for stage in STAGES)]
        return content_hash("sft", VERSION, self.shape, sample.system_prompt, sample.prompt_template, inputs)

    def _refusal(self) -> pl.Expr:
        """Give the reason why a row is refused, or null."""
        import polars as pl

        texts = ["response"] if self.shape.reasoning == "none" else ["response", "reasoning"]
        tagged = pl.any_horizontal(pl.col(text).str.contains_any(list(TAGS)).fill_null(False) for text in texts)
        empty = pl.all_horizontal(~pl.col(text).str.contains(r"\S").fill_null(False) for text in texts)
        return pl.when(tagged).then(pl.lit(REFUSED_TAGGED)).when(empty).then(pl.lit(REFUSED_EMPTY))

    def _columns(self) -> pl.Expr:
        """Give `completion`, one assistant turn, or `messages`, the prompt's turns and that one."""
        import polars as pl

        reasoning, response = pl.col("reasoning"), pl.col("response")
        content = response
        if self.shape.reasoning == "inline":
            inline = pl.format("<think>\n{}\n</think>\n\n{}", reasoning, response)
            content = pl.when(reasoning.is_null()).then(response).otherwise(inline)
        field = [reasoning.alias("reasoning_content")] if self.shape.reasoning == "field" else []
        completion = pl.concat_list(pl.struct(pl.lit("assistant").alias("role"), content.alias("content"), *field))
        if self.shape.format == "trl":
            return completion.alias("completion")
        turn = [pl.element().struct.field(name) for name in ("role", "content")]
        without = [pl.lit(None, pl.String).alias("reasoning_content")] * len(field)
        turns = pl.col("prompt").list.eval(pl.struct(*turn, *without))
        return pl.concat_list(turns, completion).alias("messages")
