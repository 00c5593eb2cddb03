"""Clocks, CPU limits and libraries of the pool's workers: what is on an answer's account, and what is not."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time

import pytest
from cotkit.pipelines.execute.items import ItemMaker
from cotkit.pipelines.execute.pool import VerifierPool
from cotkit.pipelines.execute.worker_process import WorkerProcess
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import VerifyConfig

SEVEN = Problem.make("What is 3 + 4?", "7", "math")
RIGHT, WRONG = r"\boxed{7}", r"\boxed{8}"


def quick(**settings):
    return VerifyConfig(**{"deadline_seconds": 0.5, "memory_mib": 512, "workers": 2, **settings})


@pytest.mark.skipif(sys.platform != "linux", reason="CPU clocks of other processes are read on Linux")
def test_no_answer_runs_past_its_deadline_by_more_than_50_milliseconds(misbehaving, tmp_path):
    clock = tmp_path / "clock"
    with VerifierPool(quick(workers=1), misbehaving) as pool:
        for _ in range(3):
            future = pool.submit(f"clock {clock}", SEVEN, "stop")
            assert future.result(30).decided_by == "cpu"
            assert 0.45 < float(clock.read_text()) < 0.55
            assert future.milliseconds >= 450


@pytest.mark.skipif(sys.platform != "linux", reason="CPU clocks of other processes are read on Linux")
def test_a_machine_that_stands_still_makes_no_timeout(misbehaving, tmp_path):
    script = """
        from cotkit.pipelines.execute.pool import VerifierPool
        from cotkit.schemas.problem import Problem
        from cotkit.schemas.recipe import VerifyConfig
        problem = Problem.make("?", "7", "math")
        with VerifierPool(VerifyConfig(workers=1, deadline_seconds=0.5), "misbehaving:judge") as pool:
            print(pool.submit("pid", problem, "stop").result().answer, flush=True)
            print(pool.submit("nap", problem, "stop").result().outcome, flush=True)
            print(pool.submit("sleep", problem, "stop").result().decided_by, flush=True)
    """
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True, env=environment) as parent:
        assert parent.stdout
        worker = int(parent.stdout.readline())
        time.sleep(0.3)
        for pid, signal_number, seconds in (
            (parent.pid, signal.SIGSTOP, 0),
            (worker, signal.SIGSTOP, 4),  # the limit by the wall is 3 s
            (parent.pid, signal.SIGCONT, 0.3),
            (worker, signal.SIGCONT, 0),
        ):
            os.kill(pid, signal_number)
            time.sleep(seconds)
        assert parent.stdout.readline() == "correct\n"
        assert parent.stdout.readline() == "wall\n"


@pytest.mark.skipif(sys.platform != "linux", reason="states of other processes are read on Linux")
@pytest.mark.parametrize(("response", "waits"), [("spin", False), ("sleep", True)])
@pytest.mark.usefixtures("misbehaving")
def test_what_runs_or_waits_for_a_core_uses_up_its_cpu_time_alone(response, waits):
    with tempfile.TemporaryFile() as errors:
        worker = WorkerProcess.start("misbehaving:judge", quick(), errors)
        worker.give([("item", ItemMaker().item(response, SEVEN, "stop").frame)])
        while worker.current() is None:
            time.sleep(0.01)
        started = time.monotonic()
        while time.monotonic() < started + 3:
            spent = worker.spent()
            time.sleep(0.02)
        worker.kill()
    assert (spent.wall > 2.5) is waits
    assert (spent.cpu > 0.1) is not waits


def test_a_worker_has_a_cpu_limit_of_its_own(misbehaving):
    with VerifierPool(quick(workers=1), misbehaving) as pool:
        limit, used = json.loads(pool.submit("limits", SEVEN, "stop").result(30).answer or "")
    assert used + 1 < limit < used + 60


@pytest.mark.parametrize("signal_number", [signal.SIGXCPU])
def test_a_worker_that_its_cpu_limit_ends_is_a_timeout(misbehaving, signal_number):
    with VerifierPool(quick(workers=1, deadline_seconds=30), misbehaving) as pool:
        worker = int(pool.submit("pid", SEVEN, "stop").result(30).answer)
        lost = pool.submit("spin", SEVEN, "stop")
        time.sleep(0.2)
        os.kill(worker, signal_number)
        assert (lost.result(20).outcome, lost.result().decided_by) == ("timeout", "cpu")


def test_importing_a_library_is_on_no_answers_account(misbehaving, tmp_path):
    (tmp_path / "mpmath.py").write_text(
        "import time\nend = time.process_time() + 1.2\nwhile time.process_time() < end: pass\nBACKEND = 'slow'"
    )
    verifier = tmp_path / "misbehaving.py"
    verifier.write_text(verifier.read_text().replace("mpmath.libmp", "mpmath"))
    with VerifierPool(quick(workers=1), misbehaving) as pool:
        future = pool.submit("import", SEVEN, "stop")
        spin = pool.submit("spin", SEVEN, "stop")
        assert (future.result(30).outcome, future.result().answer) == ("correct", "slow")
        assert future.milliseconds < 500
        assert spin.result(30).outcome == "timeout"


def test_a_library_that_cannot_be_imported_fails_the_pool_with_the_reason(misbehaving, tmp_path):
    (tmp_path / "mpmath.py").write_text("raise ImportError('torn installation')")
    with VerifierPool(quick(workers=1), misbehaving) as pool, pytest.raises(RuntimeError, match="torn installation"):
        pool.submit("import", SEVEN, "stop").result(30)


def test_a_worker_imports_no_library_that_it_does_not_need_and_gmpy2_never(misbehaving, tmp_path):
    (tmp_path / "ours.py").write_text(
        "import sys\nfrom cotkit.verifiers import judge as judge_math\nfrom misbehaving import judge as misbehave\n"
        "def judge(*item): return misbehave(*item) if item[0] in ('modules', 'import') else judge_math(*item)\n"
    )

    def loaded(pool):
        return {"sympy", "math_verify", "mpmath", "gmpy2"} & set((pool.submit("modules", SEVEN, "stop").result(30).answer or "").split())

    integral = Problem.make("?", r"\int_0^1 3x^2 dx", "math")
    with VerifierPool(quick(workers=1, deadline_seconds=5), "ours:judge") as pool:
        assert pool.submit(RIGHT, SEVEN, "stop").result(30).outcome == "correct"
        assert loaded(pool) == set()
        assert pool.submit(r"\boxed{\int_0^1 2x dx}", integral, "stop").result(30).outcome == "correct"
        assert loaded(pool) == {"sympy", "math_verify", "mpmath"}
        assert pool.submit("import", SEVEN, "stop").result(30).answer == "python"
