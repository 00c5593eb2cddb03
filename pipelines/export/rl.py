"""RL prompt sets: one row per problem that has judged samples, a gold answer that verifies itself, and a pass rate in the band.

    RUN/exports/rl-verl/  train-00000-of-00001.parquet  cotkit_reward.py  launch.sh

The rows are those of `rl_formats`; beside them lie the trainer's reward module, which is judged by cotkit's verifiers, and the
fragment of a launch line (`rl_files`), and `export.json` says how many problems were left out and why. What the run's curation says of
problems (an answer in the prompt, doubles, benchmarks) holds here too, whatever its samples were dropped for.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ...schemas.recipe import RlExportConfig
from ...schemas.record import content_hash
from ...verifiers import judging_fingerprint
from ..execute.gold_check import check_gold
from ..problem_keys import dropped_problems
from ..prompts import student_messages
from ..run_folder import RunFolder, read_fingerprint, write_parquet
from ..run_folder.pass_rates import pass_rates
from .dataset import VERSION, Exported, message_list
from .rl_files import PromptSet, Written
from .rl_formats import FORMATS, columns_of, rated_schema, schema_of
from .rl_launch import Lengths, launch_text

if TYPE_CHECKING:
    import polars as pl

PROBLEMS_PER_PIECE = 32_768
GOLD_CHECK = ".gold_check.parquet"
"""In `exports`: the problems whose gold answer does not verify itself, so that they are judged once."""


class Rated(NamedTuple):
    """The problems of a prompt set."""

    problems: pl.DataFrame
    """problem_id, index, samples, judged, pass_rate, learnability, in the order of the set."""
    left_out: dict[str, int]
    """How many problems are not in it, by the first reason that holds."""


def export_rl(run: RunFolder, config: RlExportConfig, out: Path | None = None) -> list[Exported]:
    """Write a prompt set in every format below `out` (the run's `exports` when left out); what is fresh is not written again.

    Raises CotkitError when the run is not verified.
    """
    if not config.formats:
        return []
    rated, left_out = rated_problems(run, config)
    notes = tuple(f"{count} problems left out: {reason}" for reason, count in left_out.items())
    lengths = _lengths(run, rated)
    exported = []
    for format in config.formats:
        one_file = FORMATS[format].file == "jsonl"
        pieces = [rated] if one_file and rated.height else list(rated.iter_slices(PROBLEMS_PER_PIECE)) if rated.height else []
        path = (out or run.path / "exports") / f"rl-{format}"
        fingerprints = [_fingerprint(run, config, format, piece) for piece in pieces]
        prompts = PromptSet(path, fingerprints, schema_of(format, config), one_file)
        prompts.remove_stale()
        for number, piece in enumerate(pieces):
            if not prompts.is_fresh(number):
                prompts.write(number, _with_problems(run, piece).select(columns_of(format, config)))
        summary = {"format": format, "problems": rated.height, "left_out": left_out}
        written = prompts.write_beside(FORMATS[format].reward, launch_text(format, prompts.names(), lengths), summary)
        changed = (f"{path / 'cotkit_reward.py'} was changed and is left as it is",) if written is Written.KEPT else ()
        exported.append(Exported(path, format, "train", rated.height, 0, notes + changed))
    return exported


def rated_problems(run: RunFolder, config: RlExportConfig) -> Rated:
    """Give the problems that can be trained on with their rates, and count what is left out; raises CotkitError when it is not verified."""
    import polars as pl

    rates = pass_rates(run).with_row_index("place")
    learnability = (pl.col("pass_rate") * (1 - pl.col("pass_rate"))).alias("learnability")
    in_band = pl.col("pass_rate").is_between(config.min_pass_rate, config.max_pass_rate)
    dropped = dropped_problems(run.problems(), run.recipe.curate)
    steps = {
        "the gold answer cannot be read": _not_in(_unreadable(run)),
        "no sample was judged": pl.col("judged") > 0,
        **{reason: _not_in(problem_ids) for reason, problem_ids in dropped.items()},
        f"the pass rate is not within {config.min_pass_rate:g} and {config.max_pass_rate:g}": in_band,
        f"the learnability is below {config.min_learnability:g}": pl.col("learnability") >= config.min_learnability,
    }
    if config.check_gold:
        steps["the gold answer does not verify itself"] = _not_in(_wrong_golds(run))
    kept, left_out = rates.with_columns(learnability), {}
    for reason, passes in steps.items():
        left_out[reason], kept = kept.height, kept.filter(passes)
        left_out[reason] -= kept.height
    if (most := config.top_learnability) is not None:
        left_out["the learnability of others is higher"] = max(0, kept.height - most)
        kept = kept.sort("learnability", "place", descending=[True, False]).head(most)
    columns = ["problem_id", pl.int_range(pl.len()).alias("index"), "samples", "judged", "pass_rate", "learnability"]
    return Rated(kept.select(columns), {reason: count for reason, count in left_out.items() if count})


def _not_in(problem_ids: pl.Series) -> pl.Expr:
    import polars as pl

    return ~pl.col("problem_id").is_in(problem_ids.implode())


def _unreadable(run: RunFolder) -> pl.Series:
    import polars as pl

    unreadable = run.scan("verdicts").filter(pl.col("outcome") == "unreadable_gold").select("sample_id")
    samples = run.scan("samples").select("sample_id", "problem_id")
    return samples.join(unreadable, on="sample_id").select("problem_id").unique().collect()["problem_id"]


def _wrong_golds(run: RunFolder) -> pl.Series:
    """Give the ids of the problems whose gold answer does not verify itself; they are judged once per set of problems."""
    import polars as pl

    path = run.path / "exports" / GOLD_CHECK
    fingerprint = content_hash("gold", run.problems_fingerprint(), judging_fingerprint(run.recipe.verify))
    if read_fingerprint(path) != fingerprint:
        write_parquet(check_gold(run.problems(), run.recipe.verify), path, fingerprint)
    return pl.read_parquet(path)["problem_id"]


def _lengths(run: RunFolder, rated: pl.DataFrame) -> Lengths:
    """Measure what the launch line must leave room for: the longest prompt of the set, the longest right sample of the run."""
    import polars as pl

    texts = run.problems().join(rated, on="problem_id", how="semi")["prompt"]
    longest = max((sum(len(turn["content"].encode()) for turn in student_messages(text, run.recipe.sample)) for text in texts), default=0)
    right = run.scan("verdicts").filter(pl.col("outcome") == "correct").select("sample_id")
    tokens = run.scan("samples").select("sample_id", "completion_tokens").join(right, on="sample_id")
    return Lengths.of(longest, tokens.select(pl.col("completion_tokens").max()).collect().item() or run.recipe.sample.max_tokens)


def _fingerprint(run: RunFolder, config: RlExportConfig, format: str, rated: pl.DataFrame) -> str:
    sample = run.recipe.sample
    settings = [format, config.data_source, sample.system_prompt, sample.prompt_template]
    return content_hash("rl", VERSION, 2, settings, run.problems_fingerprint(), rated.rows())


def _with_problems(run: RunFolder, rated: pl.DataFrame) -> pl.DataFrame:
    """Add what the problems say: the columns of `rl_formats.rated_schema`."""
    import polars as pl

    problems = run.problems().select("problem_id", "prompt", "answer", "kind", "options", "source")
    rows = rated.join(problems, on="problem_id", how="left", maintain_order="left")
    prompts = [student_messages(prompt, run.recipe.sample) for prompt in rows["prompt"]]
    system = run.recipe.sample.system_prompt
    return rows.with_columns(
        pl.Series("prompt", prompts, message_list()),
        pl.lit(system, pl.String).alias("system"),
        pl.Series("user", [turns[-1]["content"] for turns in prompts], pl.String),
    ).select(pl.col(name).cast(dtype) for name, dtype in rated_schema().items())
