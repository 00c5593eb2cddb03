r"""RL prompt sets: one row per problem that has judged samples, a gold answer that can be read, and a pass rate in the band.

`trl` (GRPO, RLOO): `{"prompt": [{"role": "user", …}], "solution": "$7$", "answer": "7", "kind": "math", "pass_rate": 0.25, …}`

`verl`: `{"data_source": "lighteval/MATH", "prompt": [{…}], "ability": "math", "reward_model": {"style": "rule", "ground_truth": "7"},
"extra_info": {"index": 0, "split": "train", "problem_id": "41f0…", "kind": "math", "pass_rate": 0.25, "samples": 8}}`

`solution` is what TRL's `accuracy_reward` parses with math-verify, which reads bare LaTeX wrongly or not at all (of MATH's golds
10 % do not parse and 8 % parse to another value), so it is wrapped: `$…$` for `math`, `number` and the letter of a `choice`. A
`text` stands in `$\text{…}$`, else its letters are taken for factors and an anagram is right. `answer` and verl's `ground_truth`
are the bare gold.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...schemas.recipe import RlExportConfig
from ...schemas.record import content_hash
from ..prompts import student_messages
from ..run_folder import RunFolder
from ..run_folder.pass_rates import pass_rates
from .dataset import VERSION, DatasetFolder, Exported, message_list

if TYPE_CHECKING:
    import polars as pl

PROBLEMS_PER_PIECE = 32_768


def export_rl(run: RunFolder, config: RlExportConfig, out: Path | None = None) -> list[Exported]:
    """Write a prompt set in every format below `out` (the run's `exports` when left out); what is fresh is not written again.

    Raises CotkitError when the run is not verified.
    """
    if not config.formats:
        return []
    rated, notes = _rated_problems(run, config)
    exported = []
    for format in config.formats:
        pieces = list(rated.iter_slices(PROBLEMS_PER_PIECE)) if rated.height else []
        path = (out or run.path / "exports") / f"rl-{format}"
        folder = DatasetFolder(path, [_fingerprint(run, config, format, piece) for piece in pieces], _schema(format))
        folder.remove_stale()
        for number, piece in enumerate(pieces):
            if not folder.is_fresh(number):
                folder.write(number, _shape(_with_problems(run, piece), config, format))
        exported.append(Exported(path, format, "train", *folder.totals(), notes))
    return exported


def _rated_problems(run: RunFolder, config: RlExportConfig) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Give problem_id, index, samples and pass_rate of the problems to export, in their order, and what was left out."""
    import polars as pl

    rates = pass_rates(run)
    in_band = pl.col("pass_rate").is_between(config.min_pass_rate, config.max_pass_rate)
    unreadable = run.scan("verdicts").filter(pl.col("outcome") == "unreadable_gold").select("sample_id")
    unreadable = (
        run.scan("samples").select("sample_id", "problem_id").join(unreadable, on="sample_id").select("problem_id").unique().collect()
    )
    readable = rates.join(unreadable, on="problem_id", how="anti", maintain_order="left")
    judged = readable.filter(pl.col("judged") > 0)
    kept = judged.filter(in_band).with_row_index("index").select("problem_id", pl.col("index").cast(pl.Int64), "samples", "pass_rate")
    left_out = {
        "the gold answer cannot be read": rates.height - readable.height,
        "no sample was judged": readable.height - judged.height,
        f"the pass rate is not within {config.min_pass_rate:g} and {config.max_pass_rate:g}": judged.height - kept.height,
    }
    return kept, tuple(f"{count} problems left out: {reason}" for reason, count in left_out.items() if count)


def _fingerprint(run: RunFolder, config: RlExportConfig, format: str, rated: pl.DataFrame) -> str:
    sample = run.recipe.sample
    settings = [format, config.data_source, sample.system_prompt, sample.prompt_template]
    return content_hash("rl", VERSION, settings, run.problems_fingerprint(), rated.rows())


def _with_problems(run: RunFolder, rated: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    problems = run.problems().select("problem_id", "prompt", "answer", "kind", "source")
    rows = rated.join(problems, on="problem_id", how="left", maintain_order="left")
    prompts = [student_messages(prompt, run.recipe.sample) for prompt in rows["prompt"]]
    return rows.with_columns(pl.Series("prompt", prompts, message_list()))


def _schema(format: str) -> pl.Schema:
    import polars as pl

    text, number, share = pl.String(), pl.Int64(), pl.Float64()
    if format == "trl":
        flat = {"solution": text, "answer": text, "kind": text, "problem_id": text, "pass_rate": share, "samples": number, "source": text}
        return pl.Schema({"prompt": message_list(), **flat})
    extra = {"index": number, "split": text, "problem_id": text, "kind": text, "pass_rate": share, "samples": number}
    reward = pl.Struct({"style": text, "ground_truth": text})
    return pl.Schema(
        {"data_source": text, "prompt": message_list(), "ability": text, "reward_model": reward, "extra_info": pl.Struct(extra)}
    )


def _shape(rows: pl.DataFrame, config: RlExportConfig, format: str) -> pl.DataFrame:
    import polars as pl

    answer, kind = pl.col("answer"), pl.col("kind")
    if format == "trl":
        word = pl.concat_str(pl.lit("$\\text{"), answer, pl.lit("}$"))
        solution = pl.when(kind == "text").then(word).otherwise(pl.concat_str(pl.lit("$"), answer, pl.lit("$")))
        return rows.with_columns(solution.alias("solution"))
    extra = pl.struct("index", pl.lit("train").alias("split"), "problem_id", "kind", "pass_rate", "samples")
    return rows.with_columns(
        pl.lit(config.data_source).alias("data_source"),
        pl.when(kind.is_in(["math", "number"])).then(pl.lit("math")).otherwise(kind).alias("ability"),
        pl.struct(pl.lit("rule").alias("style"), answer.alias("ground_truth")).alias("reward_model"),
        extra.alias("extra_info"),
    )
