"""The pool: items in, verdicts out, whatever the items, the workers and the threads do."""

import asyncio
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from concurrent.futures import CancelledError
from pathlib import Path

import pytest
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import VerifyConfig

SEVEN = Problem.make("What is 3 + 4?", "7", "math")
RIGHT, WRONG = r"\boxed{7}", r"\boxed{8}"


def quick(**settings):
    return VerifyConfig(**{"deadline_seconds": 0.5, "memory_mib": 512, "workers": 2, **settings})


def test_verdicts_come_back_for_their_own_items():
    with VerifierPool(quick()) as pool:
        futures = [pool.submit(rf"\boxed{{{n}}}", Problem.make("?", "7", "math"), "stop") for n in range(300)]
        verdicts = [future.result() for future in futures]
    assert [verdict.answer for verdict in verdicts] == [str(n) for n in range(300)]
    assert [n for n, verdict in enumerate(verdicts) if verdict.outcome == "correct"] == [7]


@pytest.mark.parametrize(
    ("response", "outcome", "decided_by"),
    [
        ("spin", "timeout", "cpu"),
        ("sleep", "timeout", "wall"),
        ("hoard", "out_of_memory", "MemoryError"),
        ("raise", "crashed", "LookupError"),
        ("recurse", "crashed", "RecursionError"),
        ("exit", "crashed", "exit 3"),
        ("print", "correct", ""),
    ],
)
def test_a_bad_item_ends_as_its_outcome_and_harms_no_other(misbehaving, response, outcome, decided_by):
    # filling memory takes its time on a machine that is short of it
    with VerifierPool(quick(deadline_seconds=20 if response == "hoard" else 0.5), misbehaving) as pool:
        around = [pool.submit(f"before {n}", SEVEN, "stop") for n in range(20)]
        bad = pool.submit(response, SEVEN, "stop")
        around += [pool.submit(f"after {n}", SEVEN, "stop") for n in range(20)]
        assert (bad.result(60).outcome, bad.result().decided_by) == (outcome, decided_by)
        assert [future.result(20).outcome for future in around] == ["correct"] * 40


def test_a_worker_killed_from_outside_costs_only_its_item(misbehaving):
    with VerifierPool(quick(workers=1, deadline_seconds=30), misbehaving) as pool:
        worker = int(pool.submit("pid", SEVEN, "stop").result().answer)
        lost = pool.submit("sleep", SEVEN, "stop")
        behind = [pool.submit(str(n), SEVEN, "stop") for n in range(5)]
        assert pool.worker_pids() == [worker]
        time.sleep(0.2)
        os.kill(worker, signal.SIGKILL)
        assert (lost.result(20).outcome, lost.result().decided_by) == ("crashed", "signal 9")
        assert [future.result(20).answer for future in behind] == list("01234")
        assert worker not in pool.worker_pids()


def test_an_idle_worker_killed_from_outside_is_replaced_without_loss(misbehaving):
    with VerifierPool(quick(workers=1), misbehaving) as pool:
        os.kill(int(pool.submit("pid", SEVEN, "stop").result().answer), signal.SIGKILL)
        time.sleep(0.2)
        assert pool.submit("x", SEVEN, "stop").result(20).outcome == "correct"


HOSTILE = {
    "power tower": r"9^{9^{9}}",
    "plain power": r"9^(9^9)",
    "power": r"2^{1000000000}",
    "factorial": r"(10^9)!",
    "plain factorial": r"300000000!",
    "digits": "7" * 1_000_000,
    "braces": "{" * 3000 + "7" + "}" * 3000,
    "parentheses": "(" * 400 + "8" + ")" * 400,
    "fractions": r"\frac{1}{1+" * 300 + "1" + "}" * 300,
    "sum": r"\sum_{k=1}^{10000000} \frac{1}{k^2}",
    "integral": r"\int_0^\infty \frac{\sin(x^3) e^{-x^2}}{\sqrt{x^5+1}} dx",
    "set": r"\{" + ",".join(str(n + 1) for n in range(3000)) + r"\}",
    "binomial": r"\binom{100000000}{50000000}",
    "large exponent": r"\sqrt{2}^{999999}+x",
}


@pytest.mark.slow
def test_hostile_answers_end_within_budget_and_right_answers_after_them_are_correct():
    config = VerifyConfig(deadline_seconds=1, memory_mib=512, workers=2)
    with VerifierPool(config) as pool:
        started = time.monotonic()
        hostile = {name: pool.submit(rf"\boxed{{{answer}}}", SEVEN, "stop") for name, answer in HOSTILE.items()}
        after = [pool.submit(RIGHT, SEVEN, "stop") for _ in range(50)]
        outcomes = {name: future.result(120).outcome for name, future in hostile.items()}
        assert [future.result(120).outcome for future in after] == ["correct"] * 50
        assert time.monotonic() - started < 6 * len(HOSTILE)
    assert outcomes.pop("braces") == "correct"
    assert "correct" not in outcomes.values()


@pytest.mark.slow
def test_a_large_set_in_another_order_is_correct_within_budget():
    gold = r"\{" + ",".join(map(str, range(3000))) + r"\}"
    shuffled = r"\boxed{\{" + ",".join(str(n * 7 % 3000) for n in range(3000)) + r"\}}"
    with VerifierPool(VerifyConfig(deadline_seconds=1, workers=1)) as pool:
        assert pool.submit(shuffled, Problem.make("?", gold, "math"), "stop").result(30).outcome == "correct"


def test_any_thread_may_submit(misbehaving):
    verdicts = []
    with VerifierPool(quick(), misbehaving) as pool:
        threads = [threading.Thread(target=lambda: verdicts.append(pool.submit(RIGHT, SEVEN, "stop").result(30))) for _ in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
    assert [verdict.outcome for verdict in verdicts] == ["correct"] * 8


def test_a_pool_works_off_the_main_thread():
    outcomes = []

    def whole_life():
        with VerifierPool(quick(workers=1)) as pool:
            outcomes.append(pool.submit(WRONG, SEVEN, "stop").result(30).outcome)

    thread = threading.Thread(target=whole_life)
    thread.start()
    thread.join(30)
    assert outcomes == ["wrong"]


def test_verdicts_can_be_awaited_and_the_loop_goes_on_meanwhile(misbehaving):
    async def judge_two():
        with VerifierPool(quick(workers=1), misbehaving) as pool:
            ticks = 0
            slow = asyncio.wrap_future(pool.submit("spin", SEVEN, "stop"))
            while not slow.done():
                await asyncio.sleep(0.01)
                ticks += 1
            return ticks, (await slow).outcome

    ticks, outcome = asyncio.run(judge_two())
    assert outcome == "timeout"
    assert ticks > 10


def test_leaving_by_an_exception_cancels_what_is_left_and_leaves_no_process(misbehaving):
    pool = VerifierPool(quick(deadline_seconds=60), misbehaving)
    with pytest.raises(KeyboardInterrupt), pool:  # noqa: PT012
        ready = int(pool.submit("pid", SEVEN, "stop").result().answer)
        futures = [pool.submit("spin", SEVEN, "stop") for _ in range(100)]
        raise KeyboardInterrupt
    for future in futures:
        with pytest.raises((CancelledError, RuntimeError)):
            future.result(1)
    with pytest.raises(ProcessLookupError):
        os.kill(ready, 0)


def test_submitting_to_a_closed_pool_is_an_error():
    pool = VerifierPool(quick())
    with pytest.raises(RuntimeError, match="not open"):
        pool.submit(RIGHT, SEVEN, "stop")
    with pool:
        pass
    with pytest.raises(RuntimeError, match="not open"):
        pool.submit(RIGHT, SEVEN, "stop")


def test_workers_that_cannot_start_fail_their_futures_with_the_reason():
    with VerifierPool(quick(), "no_such_module:judge") as pool:
        with pytest.raises(RuntimeError, match="No module named 'no_such_module'"):
            pool.submit(RIGHT, SEVEN, "stop").result(60)
        with pytest.raises(RuntimeError, match="has failed"):
            pool.submit(RIGHT, SEVEN, "stop")


def test_no_worker_is_started_for_nothing():
    with VerifierPool(quick()) as pool:
        assert pool.worker_pids() == []


def test_a_busy_worker_dies_with_its_parent(misbehaving, tmp_path):
    script = """
        import os, sys, time
        from cotkit.pipelines.execute.pool import VerifierPool
        from cotkit.schemas.problem import Problem
        from cotkit.schemas.recipe import VerifyConfig
        problem = Problem.make("?", "7", "math")
        with VerifierPool(VerifyConfig(workers=1, deadline_seconds=600), "misbehaving:judge") as pool:
            print(pool.submit("pid", problem, "stop").result().answer, flush=True)
            pool.submit("spin", problem, "stop").result()
    """
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout
        worker = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{worker}").exists() and "Z" not in Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2][:3]:
        assert time.monotonic() < deadline, "the worker outlived its parent"
        time.sleep(0.05)


def test_a_response_larger_than_a_pipe_and_one_with_lone_surrogates_arrive_whole():
    with VerifierPool(quick(workers=1)) as pool:
        large = pool.submit("word " * 400_000 + RIGHT, SEVEN, "stop")
        broken = pool.submit("\ud800 " + RIGHT, SEVEN, "stop")
        assert [large.result(30).outcome, broken.result(30).outcome] == ["correct", "correct"]


def test_two_hostile_answers_first_in_the_queue_harm_none_of_a_thousand_behind_them(misbehaving):
    with VerifierPool(quick(deadline_seconds=2), misbehaving) as pool:
        hostile = [pool.submit("spin", SEVEN, "stop") for _ in range(2)]
        good = [pool.submit(str(n), SEVEN, "stop") for n in range(1000)]
        assert [future.result(30).answer for future in good] == [str(n) for n in range(1000)]
        assert [future.result(30).outcome for future in hostile] == ["timeout", "timeout"]


def test_what_lies_behind_a_slow_answer_goes_to_the_other_worker(misbehaving):
    with pytest.raises(KeyboardInterrupt), VerifierPool(quick(deadline_seconds=60), misbehaving) as pool:  # noqa: PT012
        slow = pool.submit("spin", SEVEN, "stop")
        behind = [pool.submit(str(n), SEVEN, "stop") for n in range(20)]
        assert [future.result(30).answer for future in behind] == [str(n) for n in range(20)]
        assert not slow.done()
        raise KeyboardInterrupt


# a module of its own: a spawned child imports its target by name
CHILD = """
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import VerifyConfig

def judge(queue):
    seven = Problem.make("What is 3 + 4?", "7", "math")
    with VerifierPool(VerifyConfig(workers=1)) as pool:
        queue.put([pool.submit(response, seven, "stop").result(30).outcome for response in ("\\\\boxed{7}", "\\\\boxed{8}")])
"""


@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")  # from Python 3.12 on; what is tested
@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
def test_a_pool_works_in_a_child_process_even_a_daemonic_one(method, tmp_path, monkeypatch):
    (tmp_path / "child_with_a_pool.py").write_text(CHILD)
    monkeypatch.syspath_prepend(tmp_path)
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    with VerifierPool(quick(workers=1)) as ours:
        ours.submit(RIGHT, SEVEN, "stop").result(30)
        child = context.Process(target=importlib.import_module("child_with_a_pool").judge, args=(queue,), daemon=True)
        child.start()
        assert queue.get(timeout=30) == ["correct", "wrong"]
        child.join(10)
        assert child.exitcode == 0
        assert ours.submit(RIGHT, SEVEN, "stop").result(30).outcome == "correct"


def test_verdicts_do_not_depend_on_the_number_of_workers_or_the_order():
    responses = [rf"so \boxed{{{answer}}}" for answer in ("7", "8", "7.0", "14/2", "x", "", r"\frac{21}{3}", r"\sqrt{49}", "7%")] * 20
    verdicts = []
    for workers, items in ((1, responses), (2, responses), (2, responses[::-1])):
        with VerifierPool(quick(workers=workers, deadline_seconds=5)) as pool:
            futures = [pool.submit(item, SEVEN, "stop") for item in items]
            verdicts.append([future.result(60) for future in futures])
    assert verdicts[0] == verdicts[1] == verdicts[2][::-1]
