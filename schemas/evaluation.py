"""Evaluation: the result file of `cotkit eval`, with an interval at every number and all that a score depends on.

    {"cotkit": "0.1.0", "teacher": "vllm:Qwen/…", "benchmarks": {"math500": {"avg": {"k": 4, "value": 0.81, "low": 0.78, "high": 0.84}, …}}}

Shares run from 0 to 1. A sample counts as correct or not: what could not be judged is not correct, and its rate stands beside.
"""

from __future__ import annotations

from typing import Any, Literal

from .record import Record
from .verdict import Outcome

RESULT = "result.json"
"""Name of the result file in the folder of an evaluation."""


class Estimate(Record):
    """A number with its 95 % interval, in which a problem is one draw, however many samples it has."""

    value: float | None
    """The estimate; null where there is nothing to estimate it from."""
    low: float | None = None
    """Lower end of the interval; null for fewer than two problems."""
    high: float | None = None
    """Upper end of the interval."""


class AtK(Estimate):
    """A score of k samples per problem."""

    k: int
    """Samples per problem that the score is of."""
    problems: int
    """Problems with so many samples."""


class Score(Record):
    """The score of a subject or a level."""

    name: str
    """Subject or level, in the benchmark's own words."""
    problems: int
    """Problems of it with samples."""
    samples: int
    """Samples of these problems."""
    avg: Estimate
    """Mean over problems of the share of samples that are correct."""
    tokens: Estimate
    """Generated tokens per sample."""


class BehaviourShare(Record):
    """How many samples show a behaviour."""

    lexicon: str
    """Name of the lexicon."""
    behaviour: str
    """Name of the behaviour."""
    share: Estimate
    """Samples with at least one match / samples."""


class Origin(Record):
    """Where a benchmark's problems came from, and whether they are the known ones."""

    origin: str
    """File name, Hub id with its subset, or `demo`."""
    split: str | None
    """Split of the Hub dataset; null for a file."""
    revision: str | None
    """Revision of the Hub dataset that was asked for; null for a file."""
    rows: int
    """Rows of the source."""
    left_out: dict[str, int]
    """Rows that were left out, by why."""
    content: str
    """Hash of what the rows ask and answer, whatever their order and spacing."""
    as_expected: bool
    """True when rows, problems and content are those that the benchmark file names."""


class Engine(Record):
    """What drew the samples."""

    name: str
    """Kind of the teacher: `vllm`, `openai`, `embedded`, `scripted`."""
    version: str | None
    """Version of the engine's package; null where a server does not tell."""
    model: str
    """The model, as the teacher names it."""
    fingerprint: str
    """The teacher's fingerprint: weights or endpoint, dtype, template."""
    dtype: str | None
    """Type of the weights as it was asked for; null where nobody did."""
    parallel: dict[str, int]
    """Tensor, pipeline and data parallel sizes as asked for, and servers asked."""
    chat_template: str | None
    """Hash of the chat template that the model's tokenizer holds; null where it is not on this machine."""
    settings: dict[str, Any]
    """Further settings of the engine."""


class BenchmarkResult(Record):
    """The scores of one benchmark."""

    benchmark: str
    """Name of the benchmark."""
    run: str
    """The run folder with problems, samples and verdicts, from the result file's folder."""
    source: Origin
    """Where the problems came from."""
    engine: Engine
    """What drew the samples."""
    protocol: dict[str, Any]
    """Name and settings of the sampling: temperature, top_p, max_tokens, prompts, seed."""
    verifiers: list[str]
    """Verifiers that judged, with their version."""
    problems: int
    """Problems of the benchmark."""
    asked: int
    """Problems with at least one sample."""
    samples: int
    """Samples in all."""
    samples_hash: str
    """Hash of the samples' ids and texts: the same samples have the same."""
    outcomes: dict[Outcome, int]
    """Samples by outcome."""
    avg: AtK
    """avg@k: mean over problems of the share of correct samples, all of them taken."""
    passing: list[AtK]
    """pass@k: unbiased probability that one of k samples is correct."""
    majority: list[AtK]
    """maj@k: probability that the answer most frequent among k samples is correct; ties are broken at random."""
    rates: dict[Literal["no_answer", "truncated", "timeout", "not_judged"], Estimate]
    """Shares of samples without an answer, cut off, whose verdict took too long, and without any verdict on their answer."""
    tokens: Estimate
    """Generated tokens per sample."""
    tokens_total: int
    """Generated tokens in all."""
    subjects: list[Score]
    """Scores by subject; empty where the benchmark names none."""
    levels: list[Score]
    """Scores by level; empty where the benchmark names none."""
    behaviours: list[BehaviourShare]
    """Shares of samples that show each behaviour."""


class EvaluationResult(Record):
    """The result file of an evaluation."""

    cotkit: str
    """Version of cotkit."""
    teacher: str
    """The teacher as the user named it."""
    protocol: str
    """Name of the protocol: a shipped recipe or a recipe file."""
    benchmarks: dict[str, BenchmarkResult]
    """Scores by benchmark."""


class Pairing(Record):
    """Two evaluations on the same problems of one benchmark."""

    benchmark: str
    """Name of the benchmark."""
    problems: int
    """Problems that both have samples of."""
    only_first: int
    """Problems that only the first has."""
    only_second: int
    """Problems that only the second has."""
    first: Estimate
    """avg of the first on the common problems."""
    second: Estimate
    """avg of the second on the common problems."""
    difference: Estimate
    """Second minus first, problem by problem."""
    p_value: float | None
    """Probability of so large a difference if the two were alike: signs of the problems' differences are flipped at random."""
    gained: list[str]
    """Problems that the first solves in less than half of its samples and the second in more than half."""
    lost: list[str]
    """Problems that the first solves in more than half of its samples and the second in less than half."""
    warnings: list[str]
    """What differs in how the two were measured."""
