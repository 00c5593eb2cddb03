r"""Judge a response by rule: `(response, problem) -> Verdict`, pure functions in one table.

    verify(r"… so it is \boxed{7}.", Problem.make("What is 3 + 4?", "7", "math")).outcome == "correct"

A verifier never raises on what a model wrote, but for MemoryError and RecursionError; deadlines, memory limits and kills
belong to `pipelines.execute.pool`. To add one: a file, a row in `VERIFIERS`, a table of tests.
"""

from __future__ import annotations

from collections.abc import Callable

from ..schemas.problem import Kind, Problem
from ..schemas.recipe import VerifyConfig
from ..schemas.record import content_hash
from ..schemas.verdict import Verdict
from .choice import verify_choice
from .extraction import EXPLICIT
from .math import verify_math
from .number import verify_number
from .text import verify_text

Verifier = Callable[[str, Problem], Verdict]

VERSION = "1"
"""Changes with every change of a verdict: verdicts of another version are judged again."""
VERIFIERS: dict[Kind, Verifier] = {"math": verify_math, "number": verify_number, "choice": verify_choice, "text": verify_text}


def verify(response: str, problem: Problem) -> Verdict:
    """Judge a response, the part after the reasoning, by the verifier of the problem's kind."""
    verdict = VERIFIERS[problem.kind](response, problem)
    answer = verdict.answer and verdict.answer.encode("utf-8", "replace").decode()  # lone surrogates fit in no file
    return verdict.model_copy(update={"answer": answer and _shortened(answer), "verifier": f"{problem.kind}/{VERSION}"})


def judge(response: str, problem: Problem, finish_reason: str) -> Verdict:
    """Judge a sample: of a response that was cut off, only a correct answer stated in so many words stands."""
    if finish_reason == "error":
        return Verdict(outcome="no_answer", decided_by="request_failed", verifier=f"{problem.kind}/{VERSION}")
    verdict = verify(response, problem)
    stands = verdict.outcome == "correct" and verdict.found_by in EXPLICIT
    if finish_reason in ("length", "repetition") and not stands:
        return verdict.model_copy(update={"outcome": "truncated", "decided_by": f"finish_reason {finish_reason}"})
    return verdict


def judging_fingerprint(config: VerifyConfig) -> str:
    """Hash all that a verdict depends on besides the sample and the problem."""
    return content_hash(config.fingerprint(), VERSION)


def warm_up() -> None:
    """Load what judging may need, so that a worker's first item does not pay for it."""
    from .symbolic import warm_up

    warm_up()


def _shortened(answer: str, length: int = 2_000) -> str:
    return answer if len(answer) <= length else answer[:length] + "…"
