"""The reward function that TRL calls: judge in killable workers, add up the recipe's parts, log what the paper's figures show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...schemas.errors import CotkitError
from ...schemas.training import RlTrainConfig
from ...schemas.verdict import Outcome
from ...verifiers.rewards import Rollouts, add_up, exceeded, repetition_penalty
from ..lexicon import Lexicon, find_matches, load_lexicons
from ..reward import Rollout, outcomes

LEXICON = "demystify"


class Scorer:
    """A reward function of TRL's form; one number per completion, None where the answer could not be judged.

    The repetition penalty per token is not in that number: `multi_discount` adds it to the advantages.
    """

    __name__ = "cotkit"

    def __init__(self, config: RlTrainConfig) -> None:
        self.config = config
        self.lexicon = load_lexicons([LEXICON])[0]

    def check(self) -> None:
        """Judge an answer, so that workers that cannot start are known before the first step; raises CotkitError."""
        hint = "try `cotkit grade --gold 7 --response '\\boxed{7}'`"
        try:
            judged = outcomes([Rollout(r"\boxed{7}", "7", "math")])
        except RuntimeError as error:  # what the pool says of workers that do not start
            raise CotkitError(f"the verifier's workers do not start: {str(error).splitlines()[0]}", hint) from error
        if judged != ["correct"]:
            raise CotkitError("the verifier's workers judge nothing here", hint)

    def __call__(self, completions: list[Any], completion_ids: Sequence[Sequence[int]], **columns: Any) -> list[float | None]:
        """Reward completions; `columns` has a list for each column of the prompt set."""
        texts = [_text(completion) for completion in completions]
        judged = outcomes(self._rollouts(texts, completion_ids, columns))
        config = self.config.reward
        total = add_up(Rollouts(judged, completion_ids, texts), config)
        if log := columns.get("log_metric"):
            self._log(log, texts, judged, completion_ids)
            for part, values in total.parts.items():
                if not np.isnan(values).all():
                    log(f"reward/{part}", float(np.nanmean(values)))
        return [None if np.isnan(value) else float(value) for value in total.sequence]

    def _rollouts(self, texts: list[str], ids: Sequence[Sequence[int]], columns: dict[str, Any]) -> list[Rollout]:
        options = columns.get("options") or [None] * len(texts)
        cut = [len(row) >= self.config.max_completion_tokens for row in ids]
        rows = zip(texts, columns["answer"], columns["kind"], options, cut, strict=True)
        return [Rollout(text, gold, kind, given or (), "length" if over else "stop") for text, gold, kind, given, over in rows]

    def _log(
        self, log: Callable[[str, float], None], texts: list[str], judged: list[Outcome], completion_ids: Sequence[Sequence[int]]
    ) -> None:
        """Log what the paper's figures show; `repeated` is there whether or not repetition is penalised, so that arms compare."""
        lengths = np.array([len(ids) for ids in completion_ids])
        reward = self.config.reward
        for outcome, count in Counter(judged).items():
            log(f"outcome/{outcome}", count / len(judged))
            log(f"length/{outcome}", float(lengths[[one == outcome for one in judged]].mean()))
        log("exceeded", float(exceeded(lengths, reward.classic if "classic" in reward.parts else reward.cosine).mean()))
        log("repeated", float((repetition_penalty(completion_ids, reward.repetition) < 0).sum() / max(lengths.sum(), 1)))
        for behaviour, rate in keyword_rates(texts, self.lexicon).items():
            log(f"behaviour/{behaviour}", rate)


def keyword_rates(texts: list[str], lexicon: Lexicon) -> dict[str, float]:
    """Give matches per text of each behaviour: of `demystify` the paper's five keywords and its branching count."""
    import polars as pl

    (matches,) = find_matches(pl.Series(texts, dtype=pl.String), [lexicon])
    counts = Counter(name for pattern in matches.pattern.tolist() for name in lexicon.counted_for(pattern))
    return {behaviour.name: counts[behaviour.name] / max(len(texts), 1) for behaviour in lexicon.behaviours}


def _text(completion: Any) -> str:
    if isinstance(completion, list):
        last = completion[-1] if completion else {}
        reasoning, content = last.get("reasoning_content"), last.get("content") or ""
        return f"<think>\n{reasoning}\n</think>\n\n{content}" if reasoning else content
    return completion
