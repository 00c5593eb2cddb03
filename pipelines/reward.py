r"""A reward for TRL's GRPO trainer and any other that calls `reward(completions, solution, **columns)`.

    from cotkit.pipelines.reward import correctness_reward
    trainer = GRPOTrainer(..., reward_funcs=correctness_reward)      # the dataset has a column `solution`

    correctness_reward(["<think>…</think>It is $\\boxed{0.5}$."], [r"$\frac12$"]) == [1.0]

1.0 for a correct answer; 0.0 for a wrong one, none, an ambiguous, unreadable or truncated one; None, which TRL leaves out, for
what could not be judged: an unreadable gold answer, a time-out, a lack of memory, a crash. Judging runs in worker processes
that are opened at the first call, shared by all threads of the process, and closed when it ends; a forked child opens its own.
"""

from __future__ import annotations

import atexit
import os
import threading
from contextlib import ExitStack
from functools import lru_cache
from typing import Any

from ..schemas.problem import Kind, Problem
from ..schemas.recipe import VerifyConfig
from .delimiters import split_reasoning
from .execute.pool import VerifierPool
from .importing.gold import bare_gold, kind_of

NOT_JUDGED = frozenset({"unreadable_gold", "timeout", "out_of_memory", "crashed"})


class SharedPool:
    """The process's one pool, opened when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: VerifierPool | None = None
        self._closing = ExitStack()

    def get(self) -> VerifierPool:
        """Give the open pool."""
        with self._lock:
            if self._open is None or self._open.failed():
                self._closing.close()
                self._open = self._closing.enter_context(VerifierPool(VerifyConfig()))
            return self._open

    def close(self) -> None:
        """Close the pool and its workers; the next call opens another."""
        with self._lock:
            self._open = None
            self._closing.close()


_pool = SharedPool()
atexit.register(lambda: _pool.close())


def _after_fork() -> None:
    global _pool
    _pool = SharedPool()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def correctness_reward(
    completions: list[Any], solution: list[Any], kind: Kind | list[Kind] | None = None, **columns: Any
) -> list[float | None]:
    """Give 1.0, 0.0 or None for every completion; raises ValueError when the lists differ in length.

    `completions` are texts or chats (`[{"role": "assistant", "content": …}]`), `solution` the gold answers, bare, in `$…$`
    or at the end of a worked solution; `kind` is one for all, one for each, or told from the gold answer. Other columns, such
    as `prompts`, are taken and not looked at, but for `finish_reason`.
    """
    kinds = kind if isinstance(kind, list) else [kind] * len(completions)
    reasons = columns.get("finish_reason") or ["unknown"] * len(completions)
    pool = _pool.get()
    judged = [
        pool.submit(split_reasoning(_text(completion)).response, _problem(bare_gold(gold) or "", of_one), str(reason))
        for completion, gold, of_one, reason in zip(completions, solution, kinds, reasons, strict=True)
    ]
    outcomes = [future.result().outcome for future in judged]
    return [None if outcome in NOT_JUDGED else float(outcome == "correct") for outcome in outcomes]


@lru_cache(maxsize=4096)
def _problem(gold: str, kind: Kind | None) -> Problem:
    told, written = kind_of(gold, "", None)
    return Problem.make("", written if kind in (None, told) else gold, kind or told)


def _text(completion: Any) -> str:
    """Give a completion's text; of a chat, what its last turn says."""
    if isinstance(completion, list):
        completion = completion[-1].get("content") if completion else ""
    return "" if completion is None else str(completion)
