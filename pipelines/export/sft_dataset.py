"""One SFT dataset: one curated split in one format, written piece by piece as shards are read, each row proven before it is written.

    RUN/exports/sft-trl-long/train-00000-of-00003.parquet  …  launch.sh  export.json  refused/rows.parquet

`export.json` says what the pieces were made from, what was refused and why, how long the longest row is, and what was proven.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.recipe import SftExportConfig, SftFormat
from ...schemas.record import content_hash
from ..rendering import Student
from ..run_folder import STAGES, RunFolder
from ..run_folder.parquet import write_parquet, write_text
from .dataset import TOKENS, VERSION, DatasetFolder, Exported, message_list
from .formats import FORMATS
from .launch import Length, Told, remove_side_files, write_side_files
from .lines import LinesFolder
from .proof import PROOF_VERSION, Proof
from .shaping import conversation_of, refusal, shape, template_variables
from .verdicts import Limit, RowVerdict, first_failure, judge_rows

if TYPE_CHECKING:
    import polars as pl

SUMMARY = "export.json"
REFUSED = Path("refused", "rows.parquet")


class Wanted(NamedTuple):
    """What tells one dataset of a run from another."""

    format: SftFormat
    split: str
    reasoning: str


class SftDataset:
    """The pieces of one dataset; each shard with kept samples of the split is one."""

    def __init__(self, run: RunFolder, wanted: Wanted, config: SftExportConfig, kept: dict[int, int], path: Path) -> None:
        self.wanted = wanted
        self.format = FORMATS[wanted.format]
        self.limit = config.max_length
        self.kwargs = config.chat_template_kwargs
        self.piece_of = {number: piece for piece, number in enumerate(kept)}
        self.student: Student | None = None
        self.proof: Proof | None = None
        self.refused: list[dict[str, Any]] = []
        self.longest = 0
        self._run = run
        self._kept = kept
        self._path = path

    def open(self, student: Student | None) -> None:
        """Bind the student and look at what is there already."""
        self.student = student
        self.proof = Proof(student, self.format.reads) if student else None
        fingerprints = [self._fingerprint(number) for number in self._kept]
        kind = LinesFolder if self.format.one_file else DatasetFolder
        self.folder = kind(self._path, fingerprints, self._schema())
        self.made_from = content_hash("sft summary", fingerprints)
        self.summary = self._read_summary()

    def wants(self, number: int) -> bool:
        """Say whether shard `number` must be read: its piece is stale, or the summary of all pieces is."""
        piece = self.piece_of.get(number)
        return piece is not None and (self.summary is None or not self.folder.is_fresh(piece))

    def write(self, number: int, rows: pl.DataFrame) -> None:
        """Write the piece of a shard, from all kept rows of the shard."""
        import polars as pl

        rows = rows.filter(pl.col("splits").list.contains(self.wanted.split)).with_columns(refusal(self.wanted.reasoning).alias("refusal"))
        rows = rows.with_columns(shape(self.format, self.wanted.reasoning), *self._variables())
        judged = self._judged(rows)
        rows = rows.with_columns(pl.Series("refusal", [verdict.reason for verdict in judged], pl.String))
        if self.summary is None:
            self.longest = max([self.longest, *(verdict.tokens for verdict in judged if verdict.reason is None)])
            left_out = rows.filter(pl.col("refusal").is_not_null())
            self.refused += left_out.select("sample_id", "problem_id", pl.col("refusal").alias("reason")).to_dicts()
        if not self.folder.is_fresh(self.piece_of[number]):
            self.folder.write(self.piece_of[number], rows.filter(pl.col("refusal").is_null()))

    def finish(self) -> Exported:
        """Write the summary and the side files, and count what is on disk."""
        if isinstance(self.folder, LinesFolder):
            self.folder.close()
        rows, tokens = self.folder.totals()
        if self.summary is None:
            self.summary = self._new_summary(rows, tokens)
            if rows or self.refused:
                self._write_refused()
                write_text(json.dumps(self.summary, ensure_ascii=False, indent=2) + "\n", self._path / SUMMARY)
        if rows:
            length = Length(self.summary["longest_row"], self.summary["lengths_counted"], self.limit)
            write_side_files(self._path, self.wanted.format, Told(length, self.student, self.kwargs))
        else:
            remove_side_files(self._path)
        refused = (f"{count} rows refused: {reason}" for reason, count in sorted(self.summary["refused"].items()))
        return Exported(self._path, self.wanted.format, self.wanted.split, rows, tokens, (*refused, *self.summary["notes"]))

    def failure(self) -> str | None:
        """Explain why no row at all is left, where the student's template is the reason; None when rows are left."""
        if self.summary is None or self.summary["rows"] or self.proof is None or not self.summary["refused"]:
            return None
        return first_failure(self.proof, self.wanted.reasoning, self.format.reasoning) or self.summary.get("failure")

    def _judged(self, rows: pl.DataFrame) -> list[RowVerdict]:
        """Judge rows by their texts alone, or by the proof; lengths are the student's tokens, or the teacher's and the prompt's bytes."""
        return judge_rows(rows, self.proof, lambda row: conversation_of(row, self.format.one_file), Limit(self.limit))

    def _new_summary(self, rows: int, tokens: int) -> dict[str, Any]:
        counts = dict(Counter(row["reason"] for row in self.refused).most_common())
        student = self.student
        failure = first_failure(self.proof, self.wanted.reasoning, self.format.reasoning) if self.proof else None
        way_out = [f"of the rows that the template refuses: {failure.splitlines()[-1].strip()}"] if failure and rows else []
        return {
            "made_from": self.made_from,
            "format": self.wanted.format,
            "split": self.wanted.split,
            "reasoning": self.wanted.reasoning,
            "rows": rows,
            "tokens": tokens,
            "refused": counts,
            "longest_row": self.longest,
            "lengths_counted": student is not None and student.tokenizer_file is not None,
            "max_length": self.limit,
            "student": student.name if student else None,
            "chat_template_kwargs": self.kwargs,
            "proven": student is not None,
            "notes": (self.proof.notes() if self.proof else []) + way_out,
            "failure": failure,
        }

    def _write_refused(self) -> None:
        import polars as pl

        if self.refused:
            write_parquet(
                pl.DataFrame(self.refused, schema=dict.fromkeys(("sample_id", "problem_id", "reason"), pl.String)), self._path / REFUSED
            )
        else:
            (self._path / REFUSED).unlink(missing_ok=True)

    def _read_summary(self) -> dict[str, Any] | None:
        path = self._path / SUMMARY
        if not path.exists():
            return None
        summary = json.loads(path.read_text(encoding="utf-8"))
        return summary if summary.get("made_from") == self.made_from else None

    def _schema(self) -> pl.Schema:
        import polars as pl

        answer = message_list(self.wanted.reasoning == "field")
        first = {"prompt": message_list(), "completion": answer} if self.format.columns == "prompt_completion" else {"messages": answer}
        variables = pl.select(*self._variables()).schema
        return pl.Schema({**first, **variables, **dict.fromkeys(self.format.flat, pl.String()), TOKENS: pl.Int64()})

    def _variables(self) -> list[pl.Expr]:
        """Give the column that hands variables to the chat template, for a trainer that reads one."""
        return [template_variables(self.kwargs)] if self.kwargs and self.format.kwargs == "column" else []

    def _fingerprint(self, number: int) -> str:
        run, sample = self._run, self._run.recipe.sample
        inputs = [run.problems_fingerprint(), *(run.fingerprint(stage, number) for stage in STAGES)]
        proven = [PROOF_VERSION, self.student.fingerprint, self.limit] if self.student else [self.limit] if self.limit else []
        proven += [self.kwargs] if self.kwargs else []
        return content_hash("sft", VERSION, self.wanted, sample.system_prompt, sample.prompt_template, inputs, *proven)
