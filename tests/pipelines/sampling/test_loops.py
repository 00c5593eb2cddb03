"""The loop detector: what it stops, what it must not, and what it costs."""

import random
import re
import time
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.sampling.loops import PERIOD, ROUNDS, SPAN, STRIDE, LoopDetector

TRACES = Path(__file__).parents[4] / "shared/data/traces/real_traces.parquet"


def tokens(seed: int, number: int) -> list[int]:
    dice = random.Random(seed)
    return [dice.randrange(50_000) for _ in range(number)]


def stopped_at(stream: list[int], chunk: int = 16) -> int | None:
    """Give how many tokens were taken when the loop was noticed."""
    detector = LoopDetector()
    return next((at + chunk for at in range(0, len(stream), chunk) if detector.looping(stream[at : at + chunk])), None)


@pytest.mark.parametrize("period", [1, 2, 3, 15, 16, 17, 64, 100, 333, PERIOD])
@pytest.mark.parametrize("chunk", [1, 16, 1000], ids="in chunks of {}".format)
def test_a_cycle_is_noticed_soon_after_it_has_come_round_often_enough(period: int, chunk: int) -> None:
    start = 1500
    stream = tokens(1, start) + tokens(2, period) * (20_000 // period)
    at = stopped_at(stream, chunk)
    enough = start + max(SPAN, ROUNDS * period)
    assert at is not None
    assert enough <= at <= enough + STRIDE + chunk


def test_a_cycle_that_holds_a_run_of_one_token_is_noticed() -> None:
    rule = [7] * 40 + tokens(3, 60)
    assert stopped_at(rule * 30) is not None


@pytest.mark.parametrize(
    "stream",
    [
        tokens(4, 20_000),
        tokens(5, 500) + [7] * 200 + tokens(6, 500),
        tokens(7, 300) * (ROUNDS - 1) + tokens(8, 500),
        [token for number in range(2000) for token in (1, 2, 3, number, 4)],
        tokens(9, PERIOD + 200) * 20,
        [7] * (SPAN - 1),
        [],
    ],
    ids=[
        "no loop",
        "a rule of dashes",
        "a paragraph said again and again",
        "a counter",
        "a cycle longer than is looked for",
        "short",
        "empty",
    ],
)
def test_what_is_no_loop_goes_on(stream: list[int]) -> None:
    assert stopped_at(stream) is None


def test_the_cost_per_token_is_small_and_does_not_grow() -> None:
    def seconds(number: int) -> float:
        stream, detector = tokens(10, number), LoopDetector()
        started = time.process_time()
        for at in range(0, number, 16):
            detector.looping(stream[at : at + 16])
        return (time.process_time() - started) / number

    assert min(seconds(20_000) for _ in range(3)) < 5e-6  # measured: 0.2e-6; vLLM's own check takes 110e-6 for such periods
    assert min(seconds(200_000) for _ in range(3)) < 3 * min(seconds(20_000) for _ in range(3))


@pytest.mark.shared
def test_real_traces_are_stopped_rarely_and_then_rightly() -> None:
    """Words and signs stand for tokens. Traces of s1's budget forcing are left out: they loop until they are forced to answer."""
    if not TRACES.is_file():
        pytest.skip("no ../shared/data/traces beside the checkout")
    text = pl.coalesce(pl.col("raw").replace("", None), pl.concat_str("reasoning", "final", separator="\n", ignore_nulls=True))
    frame = pl.scan_parquet(TRACES).filter(~pl.col("source").str.starts_with("s1_mgsm")).select(text, "source_correct").collect()
    frame = frame.sample(3000, seed=0)
    ids: dict[str, int] = {}
    stopped = []
    for whole, correct in frame.iter_rows():
        words = re.findall(r"\w+|[^\w\s]", whole)
        if stopped_at([ids.setdefault(word, len(ids)) for word in words]) is not None:
            stopped.append(correct)
    assert 1 <= len(stopped) <= 0.01 * frame.height
    assert stopped.count(True) <= 1
