r"""The config `default`: one row per kept sample, ready for SFT, with the reasoning inline.

    {"messages": [{"role": "user", "content": "What is 3 + 4? …"}, {"role": "assistant", "content": "<think>\n…\n</think>\n\n…"}],
     "problem_id": "41f0…", "sample_id": "9c1e…", "teacher": "vllm:Qwen/QwQ-32B", "outcome": "correct", "pass_rate": 0.5, …}

Each split of the recipe is a split of the config. Left out are rows whose text holds a `<think>` tag of its own, as chat templates
split at the first or the last one and lose the rest, and rows that spell a control token such as `<|im_end|>`, which would end the
turn of some student. With a student every row is proven as `cotkit export sft --format messages` proves it, and left out when it fails.
"""

from __future__ import annotations

import json
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.errors import CotkitError
from ...schemas.recipe import Recipe
from ...schemas.record import content_hash
from ..export.dataset import message_list
from ..export.formats import FORMATS
from ..export.kept import kept_rows
from ..export.proof import PROOF_VERSION, Proof
from ..export.shaping import conversation_of, refusal, shape
from ..export.verdicts import Limit, first_failure, judge_rows
from ..rendering import Student
from ..run_folder import STAGES, RunFolder, write_text
from .pieces import Pieces, WritePiece
from .public import public_sources, public_teacher

if TYPE_CHECKING:
    import polars as pl

VERSION = 1
TEXT_COLUMNS = ("problem_id", "sample_id", "source", "teacher", "kind", "answer", "outcome", "verifier", "finish_reason")
CONTROL_TOKEN = r"<[|｜][A-Za-z_0-9▁]+[|｜]>"
SPELLED = "their text spells a control token such as <|im_end|>"
REFUSED = ".refused.json"
"""In the dataset's folder, not published: what was left out of each piece, by the piece's fingerprint."""
FORMAT = FORMATS["messages"]


def schema() -> pl.Schema:
    """Give the columns of `default`."""
    import polars as pl

    numbers = {"completion_tokens": pl.Int64(), "pass_rate": pl.Float64(), "judged": pl.Int64()}
    return pl.Schema({"messages": message_list(), **dict.fromkeys(TEXT_COLUMNS, pl.String()), **numbers})


def split_names(recipe: Recipe) -> dict[str, str]:
    """Give the published name of each of the recipe's splits: `train` for `all`, and `_` for `-`, which `datasets` forbids.

    >>> split_names(Recipe())
    {'all': 'train'}
    """
    names = {split.name: "train" if split.name == "all" else split.name.replace("-", "_") for split in recipe.curate.splits}
    doubled = [name for name, count in Counter(names.values()).items() if count > 1]
    if doubled:
        ours = ", ".join(name for name, published in names.items() if published == doubled[0])
        raise CotkitError(f"splits {ours} would both be published as {doubled[0]!r}", "rename one in the recipe and run `cotkit curate`")
    return names


class Refused(NamedTuple):
    """What is not in `default`."""

    reasons: dict[str, dict[str, int]]
    """By the recipe's split: how many rows are left out, by reason."""
    failure: str | None
    """Where the student's template loses the rows, shown on the first skeleton that fails."""


def piece_fingerprint(run: RunFolder, split: str, number: int, made_with: tuple[str, Student | None]) -> str:
    """Give the fingerprint of a shard's piece of a split; `made_with` are the fingerprint of the pass rates and the student."""
    sample, (rates, student) = run.recipe.sample, made_with
    inputs = [run.problems_fingerprint(), *(run.fingerprint(stage, number) for stage in STAGES)]
    proven = [PROOF_VERSION, student.fingerprint] if student else []
    return content_hash("hub default", VERSION, split, sample.system_prompt, sample.prompt_template, inputs, rates, *proven)


def write_trainable(
    run: RunFolder, folder: Path, splits: tuple[dict[str, Pieces], dict[str, list[int]]], problems: pl.DataFrame, proof: Proof | None
) -> None:
    """Write the stale pieces of every split, a shard at a time, and what was left out of them.

    `splits` are the pieces and the shard of each piece, by the recipe's split; `problems` has the columns of Problem, and judged and
    pass_rate.
    """
    import polars as pl

    pieces, numbers = splits
    about = problems.select("problem_id", "prompt", public_sources(), "kind", "answer", "judged", "pass_rate")
    stale = {split: {numbers[split][piece]: piece for piece in made.stale()} for split, made in pieces.items()}
    refused: dict[str, Counter[str]] = {}
    for number in sorted({shard for shards in stale.values() for shard in shards}):
        with ExitStack() as stack:
            writers: dict[str, WritePiece] = {
                split: stack.enter_context(pieces[split].open(shards[number])) for split, shards in stale.items() if number in shards
            }
            counts = {split: refused.setdefault(pieces[split].fingerprints[stale[split][number]], Counter()) for split in writers}
            for rows in kept_rows(run, number, about):
                judged = _judged(rows, proof)
                for split, write in writers.items():
                    of_split = judged.filter(pl.col("splits").list.contains(split))
                    counts[split].update(of_split["refusal"].drop_nulls().to_list())
                    write(of_split.filter(pl.col("refusal").is_null()))
    failure = first_failure(proof, "inline", ("inline",)) if proof else None
    wanted = [key for made in pieces.values() for key in made.fingerprints]
    _note_refused(folder / REFUSED, wanted, {key: dict(count) for key, count in refused.items()}, failure)


def read_refused(folder: Path, pieces: dict[str, Pieces]) -> Refused:
    """Read what was left out of the pieces of each of the recipe's splits."""
    noted = _noted(folder / REFUSED)
    reasons = {
        split: dict(sum((Counter(noted["refused"].get(key, {})) for key in made.fingerprints), Counter[str]()).most_common())
        for split, made in pieces.items()
    }
    return Refused(reasons, noted["failure"])


def _note_refused(path: Path, wanted: list[str], new: dict[str, dict[str, int]], failure: str | None) -> None:
    """Keep what was left out, with what earlier builds noted of pieces that are still fresh."""
    old = _noted(path)
    kept = {key: counts for key, counts in {**old["refused"], **new}.items() if key in wanted}
    write_text(json.dumps({"refused": kept, "failure": failure if new else old["failure"]}, indent=1) + "\n", path)


def _noted(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"refused": {}, "failure": None}


def _judged(rows: pl.DataFrame, proof: Proof | None) -> pl.DataFrame:
    """Add `messages` and `refusal`, the reason why a row cannot be trained on, or null."""
    import polars as pl

    spelled = pl.any_horizontal(pl.col(text).str.contains(CONTROL_TOKEN).fill_null(False) for text in ("reasoning", "response"))
    teachers = {name: public_teacher(name) for name in rows["teacher"].unique()}
    rows = rows.with_columns(
        pl.col("teacher").replace_strict(teachers, return_dtype=pl.String),
        pl.coalesce(refusal("inline"), pl.when(spelled).then(pl.lit(SPELLED))).alias("refusal"),
        shape(FORMAT, "inline"),
    )
    if proof is None:
        return rows
    judged = judge_rows(rows, proof, conversation_of, Limit(None, counted=False))
    return rows.with_columns(pl.Series("refusal", [verdict.reason for verdict in judged], pl.String))
