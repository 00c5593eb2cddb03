"""A second opinion on an answer: math-verify alone, as its documentation says to call it. For the audit's workers, never for verdicts.

It runs in the VerifierPool, as it can take unbounded time and memory (huggingface/Math-Verify#63, #65); its own alarm is off.
"""

from __future__ import annotations

import logging

from ...schemas.problem import Problem
from ...schemas.verdict import Outcome, Verdict

JUDGE = "cotkit.pipelines.audit.second_opinion:judge"
"""What a VerifierPool is given to ask for second opinions."""
LONGEST = 20_000
"""Characters of a longer text are not parsed."""


def judge(response: str, problem: Problem, finish_reason: str) -> Verdict:  # noqa: ARG001 - the signature of a judge
    r"""Judge a boxed answer by math-verify; an answer or a gold answer that it cannot parse is `unreadable_…`."""
    from math_verify import parse, verify

    logging.getLogger("math_verify").setLevel(logging.CRITICAL)  # it warns that there is no alarm, once per call
    if len(response) + len(problem.answer) > LONGEST:
        return _verdict("unreadable_answer", response)
    try:
        # None is documented: no alarm, the pool holds the deadline
        gold, answer = (
            parse(text, parsing_timeout=None, raise_on_error=True)  # pyright: ignore[reportArgumentType]
            for text in (f"\\boxed{{{problem.answer}}}", response)
        )
        if not gold or not answer:
            return _verdict("unreadable_answer" if gold else "unreadable_gold", response)
        same = verify(gold, answer, timeout_seconds=None, raise_on_error=True)  # pyright: ignore[reportArgumentType]
    except (MemoryError, RecursionError):
        raise
    except Exception:  # noqa: BLE001 - sympy raises anything on expressions it was not made for
        return _verdict("unreadable_answer", response)
    return _verdict("correct" if same else "wrong", response)


def _verdict(outcome: Outcome, response: str) -> Verdict:
    return Verdict(outcome=outcome, answer=response[:2_000], found_by="boxed", decided_by="math_verify", verifier="math_verify")
