r"""Judge a response by rule: a pure function for each kind of answer, in one table.

    from cotkit.verifiers import verify

    verify(r"… so it is \boxed{0.5}.", gold="1/2").outcome == "correct"
    verify("The answer is (B).", gold="B", options=["6", "7"]).outcome == "correct"
    verify(r"… so it is \boxed{7}.", Problem.make("What is 3 + 4?", "7", "math")).answer == "7"

The first form tells the kind from the gold answer, unless it is given; the last takes it from the problem. A verifier never raises
on what a model wrote, but for MemoryError and RecursionError; deadlines, memory limits and kills belong to
`pipelines.execute.pool`. To add one: a file, a row in `VERIFIERS`, a table of tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, overload

from ..schemas.problem import Kind, Problem
from ..schemas.record import content_hash
from ..schemas.verdict import Verdict
from .boolean import verify_boolean
from .choice import verify_choice
from .extraction import EXPLICIT
from .finding import Finding
from .game24 import feedback_game24, reward_game24, verify_game24
from .kinds import kind_of_gold
from .lists import verify_list
from .math import verify_math
from .navigation import feedback_navigation, reward_navigation, verify_navigation
from .number import verify_number
from .revision import plain_feedback, plain_reward
from .text import verify_text

if TYPE_CHECKING:  # a worker needs none of the other steps' settings
    from ..schemas.recipe import VerifyConfig

__all__ = [
    "FEEDBACK",
    "TURN_REWARDS",
    "VERIFIERS",
    "VERSION",
    "Verdict",
    "Verifier",
    "feedback",
    "judge",
    "judging_fingerprint",
    "kind_of_gold",
    "turn_reward",
    "verify",
]

Verifier = Callable[[str, Problem], Finding]
"""Judges a response to a problem of its kind."""

VERSION = "4"
"""Changes with every change of a verdict: verdicts of another version are judged again."""
VERIFIERS: dict[Kind, Verifier] = {
    "math": verify_math,
    "number": verify_number,
    "choice": verify_choice,
    "text": verify_text,
    "boolean": verify_boolean,
    "list": verify_list,
    "game24": verify_game24,
    "navigation": verify_navigation,
}
FEEDBACK: dict[Kind, Callable[[str, Problem], str]] = {"game24": feedback_game24, "navigation": feedback_navigation}
"""Kinds whose faults have names of their own; the others are told the outcome alone."""
TURN_REWARDS: dict[Kind, Callable[[str, Problem], float]] = {"game24": reward_game24, "navigation": reward_navigation}
"""Kinds with a reward table of their own."""

_LABELS = {kind: f"{kind}/{VERSION}" for kind in VERIFIERS}


@overload
def verify(response: str, problem: Problem) -> Verdict: ...
@overload
def verify(response: str, *, gold: str, kind: Kind | None = None, options: Sequence[str] = ()) -> Verdict: ...
def verify(
    response: str, problem: Problem | None = None, *, gold: str | None = None, kind: Kind | None = None, options: Sequence[str] = ()
) -> Verdict:
    r"""Judge a response, the part after the reasoning, against a problem, or against a gold answer with its kind and options.

    Given a gold answer, what stands before the last `</think>` is left out. Raises TypeError without either, or with both.

    >>> verify(r"<think>Half of one.</think>So \boxed{0.5}.", gold="1/2").outcome
    'correct'
    """
    if (problem is None) == (gold is None):
        raise TypeError("verify() takes a problem or a gold answer")
    if problem is None:
        problem = _plain_problem(gold or "", kind, tuple(options))
        response = _after_reasoning(response)
    outcome, answer, found_by, decided_by = VERIFIERS[problem.kind](response, problem)
    answer = answer and _storable(answer)
    return Verdict(outcome=outcome, answer=answer, found_by=found_by, decided_by=decided_by, verifier=_LABELS[problem.kind])


def feedback(response: str, problem: Problem) -> str:
    """Say what is wrong with a response, as the next user turn of a revision; empty when it is correct. No part of an answer is told.

    >>> feedback("It is 8.", Problem.make("What is 3 + 4?", "7", "math"))
    'Your last answer is not correct. Look for the mistake, then answer again in the same form.'
    """
    named = FEEDBACK.get(problem.kind)
    return named(response, problem) if named else plain_feedback(verify(response, problem).outcome)


def turn_reward(response: str, problem: Problem) -> float:
    """Reward one turn of a revision: by the kind's own table, else 1 for a correct response and 0 for any other."""
    table = TURN_REWARDS.get(problem.kind)
    return table(response, problem) if table else plain_reward(verify(response, problem).outcome)


def judge(response: str, problem: Problem, finish_reason: str) -> Verdict:
    """Judge a sample: of a response that was cut off, only a correct answer stated in so many words stands."""
    if finish_reason == "error":
        return Verdict(outcome="no_answer", decided_by="request_failed", verifier=_LABELS[problem.kind])
    verdict = verify(response, problem)
    stands = verdict.outcome == "correct" and verdict.found_by in EXPLICIT
    if finish_reason in ("length", "repetition") and not stands:
        return verdict.model_copy(update={"outcome": "truncated", "decided_by": f"finish_reason {finish_reason}"})
    return verdict


def judging_fingerprint(config: VerifyConfig) -> str:
    """Hash all that a verdict depends on besides the sample and the problem."""
    return content_hash(config.fingerprint(), VERSION)


def _storable(answer: str, length: int = 2_000) -> str:
    """Shorten a long answer, and replace lone surrogates: they fit in no file."""
    answer = answer if answer.isascii() else answer.encode("utf-8", "replace").decode()
    return answer if len(answer) <= length else answer[:length] + "…"


@lru_cache(maxsize=1024)
def _plain_problem(gold: str, kind: Kind | None, options: tuple[str, ...]) -> Problem:
    told, written = kind_of_gold(gold, options=options)
    return Problem.make("", written if kind in (None, told) else gold, kind or told, options=list(options))


def _after_reasoning(text: str) -> str:
    """Leave out the reasoning; what is opened and never closed is all reasoning."""
    before, mark, after = text.rpartition("</think>")
    return after if mark else "" if before == "" and text.lstrip().startswith("<think>") else text
