"""Allocation: which sample is drawn next, given what has been judged so far. No engine, no file, no clock.

Fixed (`n`): every problem gets its n samples, problem by problem, so that an engine's prefix cache serves a problem's samples.

Adaptive (`until_correct`, `give_up`): a problem is settled when it has enough correct samples, when it is not worth more, or
when it has `max_samples`. Of the open problems, the one comes next whose samples are most likely to be correct, so that a run
that is stopped early has kept the most for its tokens. At once are drawn as many samples as are still missing, until_correct -
correct: none of them can turn out to be of no use. Only when that leaves slots idle, at the end of a run, as many as are expected to
suffice: ceil((until_correct - correct) / rate), with rate = (correct + 1) / (judged + 2), the posterior mean under a uniform prior.

A problem is given up when P(pass rate >= useful_pass_rate | correct, judged) < give_up under that posterior,
Beta(1 + correct, 1 + judged - correct); its upper tail is a binomial sum (`chance_of_rate`).

What stopping early does to the data: of a problem's samples that run at the same time, the short ones finish first, so where idle
slots drew more than were missing, `until_correct` favours short responses; and (correct - 1) / (judged - 1), not correct / judged,
is the unbiased estimate of the pass rate of a problem that was stopped at its k-th correct sample (inverse sampling, Haldane 1945).
Studies use a fixed n.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from dataclasses import dataclass
from typing import Literal, NamedTuple

from ...schemas.recipe import SampleConfig

Settled = Literal["enough_correct", "given_up", "all_drawn"]
FIRST_WAVE = 4
"""Samples drawn at once of a problem nothing is known of, where no number of correct samples is asked for."""


class Draw(NamedTuple):
    """One sample to draw: the problem's place in the problem set, and the sample's index."""

    place: int
    index: int  # pyright: ignore[reportIncompatibleMethodOverride]  # nobody looks for a value in a draw


@dataclass(slots=True)
class ProblemDraws:
    """What has been drawn of one problem."""

    taken: int = 0
    """Bit i is set when sample i exists, is being drawn, or failed for now."""
    started: int = 0
    """Samples that exist or are being drawn."""
    awaited: int = 0
    """Of these, how many have no verdict yet."""
    judged: int = 0
    """Samples whose verdict says something of the answer."""
    correct: int = 0
    """Of these, how many are correct."""
    settled: Settled | None = None

    def next_index(self) -> int:
        """Give the lowest index that is not taken."""
        return (~self.taken & (self.taken + 1)).bit_length() - 1

    def rate(self) -> float:
        """Give the posterior mean of the pass rate."""
        return (self.correct + 1) / (self.judged + 2)


class Allocation:
    """Hands out draws and takes in verdicts."""

    def __init__(self, config: SampleConfig, problems: int) -> None:
        self.problems = [ProblemDraws() for _ in range(problems)]
        self.settled: Counter[Settled] = Counter()
        """Problems that want no further samples, by why."""
        self._config = config
        self._most = config.most_samples()
        self._cursor = 0
        self._heap: list[tuple[float, int]] = []
        self._open: set[int] = set()

    def had(self, place: int, index: int, correct: bool, judged: bool = True) -> None:
        """Take in a sample that exists already; all come before `begin`."""
        draws = self.problems[place]
        draws.taken |= 1 << index
        draws.started += 1
        if judged:
            draws.judged += 1
            draws.correct += correct

    def begin(self) -> None:
        """Settle what needs no further samples."""
        for draws in self.problems:
            draws.settled = self._verdict_on(draws)
        self.settled = Counter(draws.settled for draws in self.problems if draws.settled is not None)
        self._heap = [(-draws.rate(), place) for place, draws in enumerate(self.problems) if draws.settled is None]
        heapq.heapify(self._heap)
        self._open = {place for _, place in self._heap}

    def take(self) -> Draw | None:
        """Give the next sample to draw; None when none may be started before more verdicts are in."""
        return (self._take_best() or self._take_spare()) if self._config.is_adaptive() else self._take_next()

    def judged(self, place: int, correct: bool, judged: bool = True) -> bool:
        """Take in a verdict; say whether the problem is settled now, so that its running requests are of no use.

        `judged` is False for a sample that could not be judged: it is neither for nor against the problem.
        """
        draws = self.problems[place]
        draws.awaited -= 1
        if judged:
            draws.judged += 1
            draws.correct += correct
        return self._settle(place)

    def dropped(self, draw: Draw, again: bool) -> None:
        """Take back a draw that gave no sample: it was aborted, or failed for now and is not tried again in this run."""
        draws = self.problems[draw.place]
        draws.started -= 1
        draws.awaited -= 1
        if again:
            draws.taken &= ~(1 << draw.index)
        self._settle(draw.place)

    def within_reach(self) -> int:
        """Count the samples that exist among those that may be drawn."""
        reach = (1 << self._most) - 1
        return sum((draws.taken & reach).bit_count() for draws in self.problems)

    def _settle(self, place: int) -> bool:
        draws = self.problems[place]
        if draws.settled is not None:
            return False
        draws.settled = self._verdict_on(draws)
        if draws.settled is not None:
            self.settled[draws.settled] += 1
            self._open.discard(place)
        elif self._config.is_adaptive():
            heapq.heappush(self._heap, (-draws.rate(), place))
        return draws.settled in ("enough_correct", "given_up")

    def _verdict_on(self, draws: ProblemDraws) -> Settled | None:
        config = self._config
        if config.until_correct is not None and draws.correct >= config.until_correct:
            return "enough_correct"
        if config.give_up is not None and chance_of_rate(config.useful_pass_rate, draws.correct, draws.judged) < config.give_up:
            return "given_up"
        return "all_drawn" if draws.started >= self._most and not draws.awaited else None

    def _take_next(self) -> Draw | None:
        while self._cursor < len(self.problems):
            draws = self.problems[self._cursor]
            index = draws.next_index()
            if index < self._most:
                return self._start(self._cursor, index)
            self._cursor += 1
        return None

    def _take_best(self) -> Draw | None:
        while self._heap:
            negative_rate, place = self._heap[0]
            draws = self.problems[place]
            if draws.settled is not None or -negative_rate != draws.rate() or draws.awaited >= self._wave(draws):
                heapq.heappop(self._heap)  # the next verdict on this problem offers it again
                continue
            index = draws.next_index()
            if draws.started >= self._most or index >= self._most:
                heapq.heappop(self._heap)
                continue
            return self._start(place, index)
        return None

    def _take_spare(self) -> Draw | None:
        """Give an idle slot to the most promising problem whose samples under way are not expected to suffice.

        Every open problem has samples under way here, so there are no more of them than slots.
        """
        if self._config.until_correct is None:
            return None
        able = [place for place in self._open if self._wants_spare(self.problems[place])]
        if not able:
            return None
        place = min(able, key=lambda place: (-self.problems[place].rate(), place))
        return self._start(place, self.problems[place].next_index())

    def _wants_spare(self, draws: ProblemDraws) -> bool:
        lacking = (self._config.until_correct or 0) - draws.correct
        enough = draws.awaited >= math.ceil(lacking / draws.rate())
        return not enough and draws.started < self._most and draws.next_index() < self._most

    def _start(self, place: int, index: int) -> Draw:
        draws = self.problems[place]
        draws.taken |= 1 << index
        draws.started += 1
        draws.awaited += 1
        return Draw(place, index)

    def _wave(self, draws: ProblemDraws) -> int:
        """Give how many samples of a problem may be awaited at once while other problems can fill the slots."""
        if self._config.until_correct is None:
            return max(FIRST_WAVE, draws.judged)
        return self._config.until_correct - draws.correct


def chance_of_rate(rate: float, correct: int, judged: int) -> float:
    """Give the posterior probability that a pass rate is at least `rate`, after `correct` of `judged`, under a uniform prior.

    P(p >= r) = P(X <= correct) with X ~ Binomial(judged + 1, r): the upper tail of Beta(1 + correct, 1 + judged - correct).

    >>> round(chance_of_rate(0.5, 1, 2), 3), round(chance_of_rate(0.05, 0, 31), 3)
    (0.5, 0.194)
    """
    trials = judged + 1
    return min(1.0, math.fsum(_binomial(trials, successes, rate) for successes in range(correct + 1)))


def _binomial(trials: int, successes: int, rate: float) -> float:
    ways = math.lgamma(trials + 1) - math.lgamma(successes + 1) - math.lgamma(trials - successes + 1)
    return math.exp(ways + successes * math.log(rate) + (trials - successes) * math.log1p(-rate))
