"""Notice, while a response is streamed, that it has become a degenerate loop: the same tokens round and round.

    detector = LoopDetector()
    any(detector.looping(token_ids) for token_ids in stream)

A loop is a cycle of at most `PERIOD` tokens that fills the last `SPAN` tokens and has come round `ROUNDS` times. Both bounds
are needed: a row of sixty dashes comes round sixty times and is no loop, a paragraph of three hundred tokens said twice is a recap.
Cycles whose text changes a little each time (a counter, a growing number) are not noticed; `max_tokens` ends those.

vLLM's own `repetition_detection` is not used: it knows a number of rounds and no span, so what stops a loop of three
tokens also stops a row of dashes, and it tries every period at every token in the engine's own loop.
"""

from __future__ import annotations

from collections.abc import Sequence

PERIOD = 512
"""Longest cycle that is looked for, in tokens."""
SPAN = 256
"""A loop fills at least so many tokens at the end of the response."""
ROUNDS = 6
"""A loop has come round at least so often."""
STRIDE = 64
"""The end is looked at every so many tokens: a loop is noticed at most so much later."""
NEEDLE = 16
"""Tokens whose last occurrence proposes a period; what it proposes is then compared token by token."""
PROPOSALS = 8
"""Periods tried at one look: a cycle that itself holds a run of one token proposes wrong ones first."""


class LoopDetector:
    """Watches one response; holds the last `PERIOD` × `ROUNDS` tokens and costs less than 0.2 µs a token."""

    def __init__(self, period: int = PERIOD, span: int = SPAN, rounds: int = ROUNDS) -> None:
        self._period, self._span, self._rounds = period, span, rounds
        self._end = ""
        """The last tokens, one character each: the comparisons run in C, on whole tokens."""
        self._unseen = 0

    def looping(self, token_ids: Sequence[int]) -> bool:
        """Take the next tokens and tell whether the response ends in a loop, as far as it was looked at."""
        self._end += "".join(map(chr, token_ids))
        self._unseen += len(token_ids)
        if self._unseen < STRIDE or len(self._end) < self._span:
            return False
        self._unseen = 0
        self._end = self._end[-self._period * self._rounds :]
        return self._ends_in_a_loop()

    def _ends_in_a_loop(self) -> bool:
        end, needle = self._end, self._end[-NEEDLE:]
        floor, at = max(0, len(end) - NEEDLE - self._period), len(end) - 1
        for _ in range(PROPOSALS):
            at = end.rfind(needle, floor, at)
            if at < 0:
                return False
            period = len(end) - NEEDLE - at
            span = max(self._span, self._rounds * period)
            if span <= len(end) and end[-span:-period] == end[-span + period :]:
                return True
            at += NEEDLE - 1
        return False
