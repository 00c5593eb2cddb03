"""What a run wants of its teacher and what it has already: draws become requests, completions samples, and samples on disk count.

A sample that ended by itself within a smaller token budget is what the larger budget would have given: when only `max_tokens`
has grown, the samples that were cut off are drawn again and no others.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ...schemas.problem import Problem
from ...schemas.recipe import SampleConfig
from ...schemas.record import content_hash
from ...schemas.sample import Sample, sample_id
from ..delimiters import split_reasoning
from ..prompts import render_messages
from ..run_folder import Ledger, RunFolder
from ..run_folder.ledger import DRAWN
from ..run_folder.pass_rates import JUDGED
from .allocation import Allocation, Draw
from .teacher import Completion, Request

if TYPE_CHECKING:
    import polars as pl


class Asked(NamedTuple):
    """A problem as the teacher is asked it."""

    problem: Problem
    messages: list[dict[str, str]]
    prompt_hash: str


class Wanted(NamedTuple):
    """One sample to draw."""

    sample_id: str
    draw: Draw
    asked: Asked
    request: Request


class WantedSamples:
    """The samples a recipe asks for of one teacher."""

    def __init__(self, problems: pl.DataFrame, config: SampleConfig, teacher_fingerprint: str) -> None:
        self.parameters = config.parameters()
        self.parameters_text = json.dumps(self.parameters, sort_keys=True, ensure_ascii=False)
        self._problems, self._config, self._fingerprint = problems, config, teacher_fingerprint
        self._sent = {name: value for name, value in self.parameters.items() if name != "seed"}
        self.asked = lru_cache(maxsize=1024)(self._asked)

    def wanted(self, draw: Draw) -> Wanted:
        """Give the request for a draw, with a seed of its own, and the id of its sample."""
        asked = self.asked(draw.place)
        problem_id = asked.problem.problem_id
        key = sample_id(problem_id, asked.prompt_hash, self._fingerprint, self.parameters_text, draw.index)
        request = Request(problem_id, draw.index, asked.messages, self._sent, derive_seed(self._config.seed, problem_id, draw.index))
        return Wanted(key, draw, asked, request)

    def finished(self, wanted: Wanted, completion: Completion, teacher: str, seconds: float) -> Sample:
        """Make the sample of a completion, its reasoning told from its response."""
        text = _clean(completion.text)
        if completion.reasoning is not None:
            reasoning, response, delimiter = _clean(completion.reasoning), text, "field"
        else:
            reasoning, response, delimiter = split_reasoning(text, self._config.reasoning)
        return Sample(
            sample_id=wanted.sample_id,
            problem_id=wanted.asked.problem.problem_id,
            index=wanted.draw.index,
            reasoning=reasoning,
            response=response,
            delimiter=delimiter,
            finish_reason=completion.finish_reason,
            prompt_tokens=completion.prompt_tokens,
            completion_tokens=completion.completion_tokens,
            seed=wanted.request.seed if completion.seeded else None,
            seconds=round(seconds, 3),
            teacher=teacher,
            teacher_fingerprint=self._fingerprint,
            parameters=self.parameters_text,
            prompt_hash=wanted.asked.prompt_hash,
            error=completion.error,
        )

    def _asked(self, place: int) -> Asked:
        problem = Problem.model_validate(self._problems.row(place, named=True))
        messages = render_messages(problem.prompt, self._config)
        return Asked(problem, messages, content_hash(messages))

    def take_in(self, run: RunFolder, ledger: Ledger, allocation: Allocation) -> int:
        """Tell an allocation what the run has already, and give the tokens that were generated for it.

        Raises CotkitError when an adaptive run has a shard without verdicts.
        """
        drawn = self._drawn_before(run, ledger)
        places = {key: place for place, key in enumerate(self._problems["problem_id"])}
        judged, columns = set(JUDGED), ("problem_id", "prompt_hash", "index", "outcome")
        problem_id, place = None, None
        for row in drawn.sort("problem_id", maintain_order=True).select(columns).iter_rows():
            if row[0] != problem_id:
                problem_id, place = row[0], places.get(row[0])
            if place is not None and row[1] == self.asked(place).prompt_hash:
                allocation.had(place, row[2], row[3] == "correct", judged=row[3] in judged)
        return int(drawn["completion_tokens"].sum())

    def _drawn_before(self, run: RunFolder, ledger: Ledger) -> pl.DataFrame:
        """Give the samples on disk that count as drawn by this teacher with these parameters, each draw once."""
        import polars as pl

        sealed = run.scan("samples").filter(pl.col("teacher_fingerprint") == self._fingerprint)
        if self._config.is_adaptive():
            sealed = sealed.join(run.scan("verdicts").select("sample_id", "outcome"), on="sample_id", how="left")
        else:
            sealed = sealed.with_columns(pl.lit("").alias("outcome"))
        live = ledger.drawn().filter(pl.col("teacher_fingerprint") == self._fingerprint)
        drawn = pl.concat([sealed.select(*DRAWN, "outcome").collect(), live])
        standing = {text: self._stands(text) for text in drawn["parameters"].unique()}
        fit = drawn["parameters"].replace_strict(standing, return_dtype=pl.String) if drawn.height else drawn["parameters"]
        cut_off = pl.col("finish_reason") == "length"
        drawn = drawn.with_columns(fit.alias("fit")).filter((pl.col("fit") == "same") | ((pl.col("fit") == "shorter") & ~cut_off))
        return drawn.unique(["problem_id", "prompt_hash", "index"], keep="first", maintain_order=True)

    def _stands(self, parameters_text: str) -> str:
        """Say whether samples drawn with these parameters are what is wanted: `same`, `shorter` (unless cut off) or `other`."""
        if parameters_text == self.parameters_text:
            return "same"
        parameters: dict[str, Any] = json.loads(parameters_text)
        budget = parameters.get("max_tokens")
        same = parameters | {"max_tokens": self._config.max_tokens} == self.parameters
        return "shorter" if same and isinstance(budget, int) and budget < self._config.max_tokens else "other"


def derive_seed(seed: int, problem_id: str, index: int) -> int:
    """Give a request's own seed, 31 bits, from the recipe's seed, the problem and the index."""
    return int(content_hash(seed, problem_id, index), 16) % 2**31


def _clean(text: str) -> str:
    """Replace lone surrogates, which no file can hold."""
    return text.encode("utf-8", "replace").decode("utf-8")
