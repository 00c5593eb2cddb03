r"""Rewards by rule: what an RL trainer's reward function calls, from any thread, with cotkit's verifiers behind it.

    from cotkit.pipelines.reward import correctness_reward
    trainer = GRPOTrainer(..., reward_funcs=correctness_reward)      # the dataset has a column `solution`

    correctness_reward(["<think>…</think>It is $\\boxed{0.5}$."], [r"$\frac12$"]) == [1.0]
    score(Rollout(r"… so \\boxed{0.5}.", gold="1/2")) == 1.0

1.0 for a correct answer; 0.0 for a wrong one, none, an ambiguous, unreadable or truncated one; None, which TRL leaves out, for
what could not be judged: an unreadable gold answer, a time-out, a lack of memory, a crash. Trainers that take no None get 0.0 for
these from `score`, which logs them. Judging runs in worker processes that are killed when an answer takes too long, opened at the
first call, shared by all threads of the process, and closed when it ends; a forked child opens its own. `COTKIT_REWARD_WORKERS`
limits how many. The modules in `data/rewards` are these functions in the form that each trainer loads.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import re
import threading
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from functools import lru_cache
from typing import Any, NamedTuple

from ..schemas.errors import CotkitError
from ..schemas.problem import Kind, Problem
from ..schemas.recipe import VerifyConfig
from ..schemas.verdict import Outcome
from .delimiters import split_reasoning
from .execute.judging import Judged
from .execute.pool import VerifierPool
from .importing.gold import bare_gold, kind_of

NOT_JUDGED = frozenset({"unreadable_gold", "timeout", "out_of_memory", "crashed"})
WORKERS = "COTKIT_REWARD_WORKERS"
logger = logging.getLogger("cotkit.reward")

_OPENED = re.compile(r"<think>\s*\Z")
_END_MARK = re.compile(r"(?:<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>|</s>|<eos>|<end_of_turn>)\Z")
LONGEST_MARK = 64


class Rollout(NamedTuple):
    """One completion and what it is judged against."""

    text: Any
    """The completion: a text, or a chat whose last turn counts. End-of-turn tokens at its end are not part of it."""
    gold: Any
    """The gold answer: as it is where `kind` is given, else bare, in `$…$` or at the end of a worked solution."""
    kind: Kind | None = None
    """Told from the gold answer, and the prompt, when left out."""
    options: Sequence[str] = ()
    """The texts of a choice's options."""
    finish_reason: str = "unknown"
    """`length` when the completion was cut off: then only an answer in so many words stands."""
    prompt: str = ""
    """The rendered prompt, where the trainer gives it: one that ends with `<think>` has opened the reasoning."""


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
                self._open = self._closing.enter_context(VerifierPool(VerifyConfig(workers=_workers())))
            return self._open

    def close(self) -> None:
        """Close the pool and its workers; the next call opens another."""
        with self._lock:
            self._open = None
            self._closing.close()


def _workers() -> int | None:
    """Read how many workers there may be; raises CotkitError on what is no number of them."""
    given = os.environ.get(WORKERS, "")
    if given and not (given.isdecimal() and int(given)):
        raise CotkitError(f"{WORKERS} is {given!r}, no number of workers", f"set {WORKERS} to 1 or more, or leave it unset")
    return int(given) if given else None


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
    kinds: list[Kind | None] = [*kind] if isinstance(kind, list) else [kind for _ in completions]
    reasons = columns.get("finish_reason") or ["unknown"] * len(completions)
    options = columns.get("options") or [()] * len(completions)
    parts = zip(completions, map(bare_gold, solution), kinds, options, reasons, strict=True)
    return rewards(Rollout(text, gold or "", of_one, texts or (), str(reason)) for text, gold, of_one, texts, reason in parts)


def rewards(rollouts: Iterable[Rollout]) -> list[float | None]:
    """Give 1.0, 0.0 or None for every rollout; they are judged side by side."""
    return list(map(reward_of, outcomes(rollouts)))


def outcomes(rollouts: Iterable[Rollout]) -> list[Outcome]:
    """Give the outcome of every rollout; they are judged side by side."""
    judged = [_submit(rollout) for rollout in rollouts]
    return [future.result().outcome for future in judged]


def labelled_rollout(query: str, prompt: str, label: str) -> Rollout:
    r"""Read a row as OpenRLHF gives it: prompt and completion in one text, and a label.

    The label is a JSON object with `answer`, `kind` and `options`, as `cotkit export rl --format openrlhf` writes it, or a gold answer.

    >>> labelled_rollout("7?So 7.", "7?", '{"answer": "7", "kind": "math"}')[:3]
    ('So 7.', '7', 'math')
    """
    response = query[len(prompt) :] if query.startswith(prompt) else query
    try:
        about = json.loads(label)
    except (ValueError, RecursionError):
        about = None
    if not isinstance(about, dict) or "answer" not in about:
        return Rollout(response, label, prompt=prompt)
    return Rollout(response, about["answer"], about.get("kind"), about.get("options") or (), prompt=prompt)


def reward_of(outcome: Outcome) -> float | None:
    """Give the reward of an outcome; None when it says nothing of the answer."""
    return None if outcome in NOT_JUDGED else float(outcome == "correct")


def score(rollout: Rollout) -> float:
    """Give 1.0 or 0.0; what could not be judged is 0.0, and logged."""
    return _logged(_submit(rollout).result().outcome, rollout)


async def score_async(rollout: Rollout) -> float:
    """Give 1.0 or 0.0 without holding up the event loop; what could not be judged is 0.0, and logged."""
    return _logged((await asyncio.wrap_future(_submit(rollout))).outcome, rollout)


async def reward_async(rollout: Rollout) -> float | None:
    """Give 1.0, 0.0 or None without holding up the event loop."""
    return reward_of((await asyncio.wrap_future(_submit(rollout))).outcome)


def _logged(outcome: Outcome, rollout: Rollout) -> float:
    reward = reward_of(outcome)
    if reward is None:
        logger.warning("not judged, rewarded 0: %s (gold %.200r)", outcome, rollout.gold)
    return reward or 0.0


def _submit(rollout: Rollout) -> Judged:
    response = split_reasoning(_spoken(rollout)).response
    problem = _problem(rollout.gold, rollout.kind, tuple(rollout.options), "" if rollout.kind else rollout.prompt)
    return _pool.get().submit(response, problem, rollout.finish_reason)


def _spoken(rollout: Rollout) -> str:
    text = without_end_marks(_text(rollout.text))
    return f"<think>{text}" if _OPENED.search(rollout.prompt) else text


def without_end_marks(text: str) -> str:
    r"""Take the end-of-turn and padding tokens off the end of a text.

    >>> without_end_marks("So 7.<|im_end|>\n<|endoftext|><|endoftext|>")
    'So 7.'
    """
    end = len(text)
    while True:
        tail = text[max(0, end - LONGEST_MARK) : end]
        mark = _END_MARK.search(tail.rstrip())
        if mark is None:
            return text[:end]
        end -= len(tail) - mark.start()


@lru_cache(maxsize=4096)
def _problem(gold: Any, kind: Kind | None, options: tuple[str, ...], prompt: str) -> Problem:
    bare = (bare_gold(gold) or "") if kind is None else str(gold)
    told, written = kind_of(bare, prompt, None)
    return Problem.make("", written if kind in (None, told) else bare, kind or told, options=list(options))


def _text(completion: Any) -> str:
    """Give a completion's text; of a chat, what its last turn says."""
    if isinstance(completion, list):
        completion = completion[-1].get("content") if completion else ""
    return "" if completion is None else str(completion)
