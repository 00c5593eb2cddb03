"""Samples that were drawn elsewhere, as shards of a run: numbered, ordered and written a block at a time.

A sample's id is a hash of its problem, its teacher, its text, and how many equal ones came before it: adding a source again, or a
longer one, adds only what is new.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.problem import Problem
from ...schemas.record import content_hash
from ...schemas.sample import FinishReason, Sample
from ..delimiters import split_reasoning
from ..run_folder import RunFolder
from .problems import compact_json

if TYPE_CHECKING:
    import polars as pl

SHARD_ROWS = 8192
"""Samples of one shard: at some 10,000 characters each, 100 MB of text."""
FINISH_REASONS: dict[str, FinishReason] = {
    **dict.fromkeys(("stop", "eos", "eos_token", "end_turn", "stop_sequence"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "max_length", "max_new_tokens"), "length"),
    "repetition": "repetition",
}


class ForeignSample(NamedTuple):
    """A sample and its problem."""

    problem: dict[str, Any]
    teacher: str
    text: str
    reasoning: str | None
    """As the source has it; None when the text is to be split."""
    finish_reason: FinishReason
    counts: dict[str, int | None]
    """prompt_tokens, completion_tokens and seed, where the source says."""
    settings: dict[str, Any]
    """What goes into the sample's `parameters`: where it is from, how it was drawn, what the source thinks of it."""
    sample_id: str = ""


def finish_reason(value: Any) -> FinishReason:
    """Give our word for what a source says of the end of a response."""
    return FINISH_REASONS.get(str(value).lower(), "unknown")


def numbered(sample: ForeignSample, seen: Counter[str]) -> ForeignSample:
    """Give a sample its id; `seen` counts the equal ones before it."""
    key = content_hash(sample.problem["problem_id"], sample.teacher, sample.reasoning, sample.text)
    seen[key] += 1
    return sample._replace(sample_id=content_hash("imported", key, seen[key] - 1))


def problems_among(samples: list[ForeignSample]) -> pl.DataFrame:
    """Give the distinct problems of samples, in their order, as a frame of `Problem`'s columns."""
    import polars as pl

    first = {sample.problem["problem_id"]: sample.problem for sample in reversed(samples)}
    ids = dict.fromkeys(sample.problem["problem_id"] for sample in samples)
    return pl.DataFrame([first[key] for key in ids], schema=Problem.polars_schema())


class SampleShards:
    """Adds samples to a run whose lock is held; what the run has already is not added."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.present = run.sample_ids()
        self._places = {key: place for place, key in enumerate(run.problems()["problem_id"])}
        self._following = self._indexes()

    def add(self, samples: list[ForeignSample]) -> int:
        """Write the new ones as shards, ordered by problem and index like a sealed run, and give their number."""
        new = [sample for sample in samples if sample.sample_id not in self.present]
        if not new:
            return 0
        self._add_problems(problems_among(new))
        numbered = []
        for sample in new:
            key = (sample.problem["problem_id"], sample.teacher)
            index = self._following.get(key, 0)
            self._following[key] = index + 1
            numbered.append((self._places[key[0]], index, sample.sample_id, sample))
        numbered.sort(key=lambda entry: entry[:3])
        for start in range(0, len(numbered), SHARD_ROWS):
            self._write([self._record(sample, index) for _, index, _, sample in numbered[start : start + SHARD_ROWS]])
        self.present.update(sample.sample_id for sample in new)
        return len(new)

    def _indexes(self) -> dict[tuple[str, str], int]:
        """Give the index that the next sample of a problem and a teacher gets."""
        import polars as pl

        known = self.run.scan("samples").group_by("problem_id", "teacher").agg(pl.col("index").max() + 1).collect()
        return {(problem, teacher): index for problem, teacher, index in known.iter_rows()}

    def _add_problems(self, problems: pl.DataFrame) -> None:
        """Append to the run the problems that it has not."""
        import polars as pl

        fresh = problems.filter(pl.Series([key not in self._places for key in problems["problem_id"]], dtype=pl.Boolean))
        if fresh.height:
            RunFolder.create(self.run.path, self.run.recipe, pl.concat([self.run.problems(), fresh]), resume="always")
            self._places |= {key: len(self._places) + place for place, key in enumerate(fresh["problem_id"])}

    def _write(self, records: list[dict[str, Any]]) -> None:
        import polars as pl

        frame = pl.DataFrame(records, schema=Sample.polars_schema())
        number = max(self.run.shard_numbers(), default=-1) + 1
        self.run.write("samples", number, frame, content_hash(frame["sample_id"].to_list()))

    def _record(self, sample: ForeignSample, index: int) -> dict[str, Any]:
        """Make a sample's row of the `samples` table."""
        split = split_reasoning(sample.text, self.run.recipe.sample.reasoning)
        if sample.reasoning is not None:
            split = (sample.reasoning.strip() or None, sample.text, "field")
        return {
            "sample_id": sample.sample_id,
            "problem_id": sample.problem["problem_id"],
            "index": index,
            **dict(zip(("reasoning", "response", "delimiter"), split, strict=True)),
            "finish_reason": sample.finish_reason,
            **sample.counts,
            "seconds": None,
            "teacher": sample.teacher,
            "teacher_fingerprint": content_hash("imported", sample.teacher),
            "parameters": compact_json(sample.settings),
            "prompt_hash": content_hash([{"role": "user", "content": sample.problem["prompt"]}]),
            "error": None,
        }
