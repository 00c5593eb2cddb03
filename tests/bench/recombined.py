"""A run folder of very many responses, recombined from real traces: samples, verdicts and their fingerprints, straight into shards.

    python tests/bench/recombined.py TRACES.parquet RUN --gigabytes 2       (columns problem, gold, kind, raw)

What is real: each paragraph, a tenth of the problems, the lengths (scaled to a mean of 8.3 KB), the verdicts (the verifier's own,
asked once per distinct last sentence). What is made up: the order of the paragraphs (runs of about four of one trace, a quarter
of them of the problem's own 12 traces, all in one writing system), the last sentence with its box, pass rates (Beta), 3 % near copies
and 1 % copies of the sample before, 3 % that end in a loop of two paragraphs and at their token budget, and the other problems: five
sentences of five, with the gold answer of another. All of it depends on the seed and the shard's number alone.
"""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from cotkit.schemas.problem import Problem

SAMPLES = 256
PROBLEMS_PER_SHARD = 32
MEAN_BYTES = 8333
SHORTEST, LONGEST = 400, 120_000
PARAGRAPH_BYTES = (20, 3000)
TRACES_PER_PROBLEM = 12
OWN = 0.25
"""Share of a sample's paragraphs that come from its problem's traces."""
RUN_LENGTH = 4
SCRIPTS = (r"\p{Bengali}", r"\p{Han}\p{Hiragana}\p{Katakana}", r"\p{Cyrillic}", r"\p{Thai}", r"\p{Telugu}", r"\p{Arabic}")
"""Writing systems that are not mixed; a tenth of the letters tells."""
REAL_PROBLEMS, SENTENCES = 0.1, 5
"""The others are so many sentences of as many problems: most problems of the traces stand in a benchmark."""
COPIES, NEAR_COPIES, LOOPS = 0.01, 0.03, 0.03
CHANGED = 0.02
"""Share of a near copy's paragraphs that are others."""
PARAMETERS = json.dumps({"temperature": 1.0, "top_p": 0.95, "max_tokens": 8192, "seed": 0})


class Material(NamedTuple):
    """What samples are made of."""

    paragraphs: pl.Series
    bounds: np.ndarray
    """Trace i has the paragraphs `bounds[i]` to `bounds[i + 1]`."""
    script: np.ndarray
    """Number of each trace's writing system: traces of one follow one another."""
    lengths: np.ndarray
    """Bytes of real traces, scaled."""
    problems: list[Problem]
    mean: float
    """Bytes of a paragraph."""


def read_material(traces: Path, problems: int, seed: int) -> Material:
    """Cut traces into paragraphs and take their problems."""
    import numpy as np
    import polars as pl

    rows = pl.read_parquet(traces, columns=["problem", "gold", "kind", "raw"]).drop_nulls()
    letters = pl.concat_list(pl.col("raw").str.count_matches(f"[{script}]") for script in SCRIPTS)
    latin = letters.list.sum() * 10 < pl.col("raw").str.len_chars()
    rows = rows.with_columns(pl.when(latin).then(-1).otherwise(letters.list.arg_max()).alias("script")).sort("script", maintain_order=True)
    low, high = PARAGRAPH_BYTES
    pieces = rows.select(pl.col("raw").str.split("\n\n"), "script").with_row_index("trace").explode("raw")
    pieces = pieces.filter(pl.col("raw").str.len_bytes().is_between(low, high))
    size = pl.col("raw").str.len_bytes()
    of_traces = pieces.group_by("trace", maintain_order=True).agg(pl.len(), size.mean(), pl.col("script").first())
    sizes = rows["raw"].str.len_bytes().to_numpy().astype(float)
    lengths = np.clip(sizes * (MEAN_BYTES / sizes.mean()), SHORTEST, LONGEST)
    lengths = np.clip(lengths * (MEAN_BYTES / lengths.mean()), SHORTEST, LONGEST)
    bounds = np.concatenate(([0], np.cumsum(of_traces["len"].to_numpy())))
    mean = float(of_traces["raw"].mean()) + 2  # pyright: ignore[reportArgumentType]
    return Material(pieces["raw"].rechunk(), bounds, of_traces["script"].to_numpy(), lengths, _problems(rows, problems, seed), mean)


def _problems(rows: pl.DataFrame, count: int, seed: int) -> list[Problem]:
    import numpy as np
    import polars as pl
    from cotkit.schemas.problem import Problem

    asked = rows.filter(pl.col("kind").is_in(["math", "number"])).unique("problem", keep="first", maintain_order=True)
    known = asked.select("problem", "gold").rows()
    sentences = [text for prompt, _ in known for text in prompt.split(". ") if len(text) > 20]
    dice = np.random.default_rng([seed, 1])
    made: dict[str, Problem] = {}
    while len(made) < count:
        prompt, gold = known[dice.integers(len(known))]
        if dice.random() > REAL_PROBLEMS:
            prompt = ". ".join(sentences[place] for place in dice.integers(len(sentences), size=SENTENCES))
        problem = Problem.make(prompt, gold, "math", source="traces")
        made[problem.problem_id] = problem
    return list(made.values())


def make_shard(material: Material, number: int, seed: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Make the samples and verdicts of one shard."""
    import numpy as np

    dice = np.random.default_rng([seed, 2, number])
    problems = material.problems[number * PROBLEMS_PER_SHARD : (number + 1) * PROBLEMS_PER_SHARD]
    rows = len(problems) * SAMPLES
    counts = np.maximum(dice.choice(material.lengths, rows) / material.mean, 2).round().astype(np.int64)
    drawn = dice.random(rows)
    drawn[::SAMPLES] = 1.0  # a problem's first sample has none before it
    copied = np.flatnonzero(drawn < COPIES + NEAR_COPIES)
    for row in copied:
        counts[row] = counts[row - 1]
    starts = np.concatenate(([0], np.cumsum(counts)))
    chosen = _paragraphs(material, np.repeat(np.arange(rows), counts), len(problems), dice)
    looping = np.flatnonzero(dice.random(rows) < LOOPS)
    for row in looping:
        start, end = starts[row] + counts[row] // 2, starts[row + 1]
        chosen[start:end] = chosen[start] + np.arange(end - start) % 2
    chosen %= len(material.paragraphs)
    for row in copied:
        own = chosen[starts[row - 1] : starts[row]].copy()
        if drawn[row] >= COPIES:
            places = dice.integers(len(own), size=max(1, round(CHANGED * len(own))))
            own[places] = dice.integers(len(material.paragraphs), size=len(places))
        chosen[starts[row] : starts[row + 1]] = own
    right = dice.random(rows) < np.repeat(dice.beta(1.2, 0.8, len(problems)), SAMPLES)
    words = dice.integers(len(ENDINGS), size=rows)
    for row in copied:
        right[row], words[row] = right[row - 1], words[row - 1]
    cut = np.zeros(rows, bool)
    cut[looping] = True
    cut[copied] = cut[copied - 1]
    return _frames(material, problems, chosen, counts, (right, words, cut))


ENDINGS = ("So the answer is \\boxed{{{}}}.", "**Final answer:** $\\boxed{{{}}}$", "Therefore we get\n\\[\\boxed{{{}}}\\]")


def _paragraphs(material: Material, row: np.ndarray, problems: int, dice: np.random.Generator) -> np.ndarray:
    """Choose paragraphs: runs of about four of one trace, a quarter of them of the problem's own traces, all in one writing system."""
    import numpy as np

    leader = dice.integers(len(material.script), size=problems)
    low, high = (np.searchsorted(material.script, material.script[leader], side) for side in ("left", "right"))
    own = (low[:, None] + dice.random((problems, TRACES_PER_PROBLEM)) * (high - low)[:, None]).astype(np.int64)
    begins = dice.random(len(row)) < 1 / RUN_LENGTH
    begins[0] = True
    begins[1:] |= row[1:] != row[:-1]
    first = np.flatnonzero(begins)
    asked = row[first] // SAMPLES
    any_trace = (low[asked] + dice.random(len(first)) * (high - low)[asked]).astype(np.int64)
    own_trace = own[asked, dice.integers(TRACES_PER_PROBLEM, size=len(first))]
    trace = np.where(dice.random(len(first)) < OWN, own_trace, any_trace)
    sizes = material.bounds[trace + 1] - material.bounds[trace]
    places = material.bounds[trace] + (dice.random(len(first)) * sizes).astype(np.int64)
    run = np.cumsum(begins) - 1
    return (places[run] + np.arange(len(row)) - first[run]) % len(material.paragraphs)


def _frames(
    material: Material, problems: list[Problem], chosen: np.ndarray, counts: np.ndarray, drawn: tuple[np.ndarray, ...]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    import numpy as np
    import polars as pl
    from cotkit.schemas.record import content_hash
    from cotkit.schemas.sample import Sample, sample_id
    from cotkit.schemas.verdict import SampleVerdict
    from cotkit.verifiers import judge

    right, words, cut = (column.tolist() for column in drawn)
    rows = len(counts)
    flat = pl.DataFrame({"row": np.repeat(np.arange(rows), counts), "piece": material.paragraphs.gather(chosen)})
    reasoning = flat.group_by("row", maintain_order=True).agg(pl.col("piece").str.join("\n\n"))["piece"]
    hashes = [content_hash([{"role": "user", "content": problem.prompt}]) for problem in problems]
    known: dict[tuple, dict[str, Any]] = {}
    samples, verdicts = [], []
    for row in range(rows):
        place, index = divmod(row, SAMPLES)
        problem = problems[place]
        answer = problem.answer if right[row] else f"{index} + {problem.answer}"
        response = "" if cut[row] else ENDINGS[words[row]].format(answer)
        reason = "length" if cut[row] else "stop"
        key = sample_id(problem.problem_id, hashes[place], "recombined", PARAMETERS, index)
        if (place, response) not in known:
            known[place, response] = judge(response, problem, reason).model_dump()
        samples.append((key, problem.problem_id, index, response, reason, hashes[place]))
        verdicts.append({"sample_id": key} | known[place, response])
    columns = ["sample_id", "problem_id", "index", "response", "finish_reason", "prompt_hash"]
    frame = pl.DataFrame(samples, schema=columns, orient="row").with_columns(
        reasoning.alias("reasoning"),
        ((reasoning.str.len_bytes() + 3) // 4).alias("completion_tokens"),
        pl.lit("think").alias("delimiter"),
        pl.lit("recombined").alias("teacher"),
        pl.lit("recombined").alias("teacher_fingerprint"),
        pl.lit(PARAMETERS).alias("parameters"),
        pl.lit(None).alias("error"),
        *(pl.lit(None).alias(name) for name in ("prompt_tokens", "seed", "seconds")),
    )
    schema = Sample.polars_schema()
    return frame.select(pl.col(name).cast(dtype) for name, dtype in schema.items()), pl.DataFrame(
        verdicts, schema=SampleVerdict.polars_schema()
    )


_MATERIAL: dict[str, Material] = {}


def write_shard(traces: Path, path: Path, problems: int, number: int, seed: int) -> int:
    """Make and write one shard; gives the bytes of its texts."""
    import polars as pl
    from cotkit.pipelines.run_folder import RunFolder, stage_fingerprint
    from cotkit.schemas.recipe import VerifyConfig
    from cotkit.schemas.record import content_hash
    from cotkit.verifiers import judging_fingerprint

    if not _MATERIAL:
        _MATERIAL["all"] = read_material(traces, problems, seed)
    run = RunFolder.open(path)
    samples, verdicts = make_shard(_MATERIAL["all"], number, seed)
    fingerprint = content_hash(samples["sample_id"].to_list())
    run.write("samples", number, samples, fingerprint)
    run.write("verdicts", number, verdicts, stage_fingerprint("verdicts", judging_fingerprint(VerifyConfig()), [fingerprint]))
    return int(samples.select((pl.col("reasoning").str.len_bytes() + pl.col("response").str.len_bytes()).sum()).item())


def make_run(traces: Path, path: Path, gigabytes: float, workers: int = 2, seed: int = 0) -> tuple[int, int]:
    """Make a run folder; gives the number of samples and the bytes of their texts."""
    import polars as pl
    from cotkit.pipelines.run_folder import RunFolder
    from cotkit.schemas.problem import Problem
    from cotkit.schemas.recipe import Recipe, SampleConfig

    count = max(round(gigabytes * 1e9 / MEAN_BYTES / SAMPLES), 1)
    problems = read_material(traces, count, seed).problems
    rows = pl.DataFrame([problem.model_dump() for problem in problems], schema=Problem.polars_schema())
    RunFolder.create(path, Recipe(name="big", sample=SampleConfig(teacher="scripted:mixed", n=SAMPLES)), rows)
    numbers = range(-(-len(problems) // PROBLEMS_PER_SHARD))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        made = [pool.submit(write_shard, traces, path, count, number, seed) for number in numbers]
        size = sum(each.result() for each in made)
    return len(problems) * SAMPLES, size


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("traces", type=Path)
    parser.add_argument("run", type=Path)
    parser.add_argument("--gigabytes", type=float, default=2.0)
    parser.add_argument("--workers", type=int, default=2)
    asked = parser.parse_args()
    count, size = make_run(asked.traces, asked.run, asked.gigabytes, asked.workers)
    print(f"{count:,} samples, {size / 1e9:.2f} GB of text")
