"""Tasks in worker processes: each done once, in any order, whoever is killed meanwhile."""

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from cotkit.pipelines.execute.crew import TaskLostError, compute_all
from cotkit.schemas.errors import CotkitError

WORK = """
    import os, signal, time
    from pathlib import Path
    from cotkit.schemas.errors import CotkitError

    class Unpicklable(Exception):
        def __init__(self): self.file = open(__file__)

    def work(folder, task):
        with open(Path(folder) / "begun", "a") as file:
            file.write(f"{os.getpid()} {task}\\n")
        marker = Path(folder) / f"died-{task}"
        if task == "fatal" or (task == "once" and not marker.exists()):
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        if task == "wrong": raise CotkitError("a wrong file", "mend it")
        if task == "odd": raise Unpicklable
        if task == "long": time.sleep(600)
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import textwrap

    (tmp_path / "crew_work.py").write_text(textwrap.dedent(WORK))
    monkeypatch.syspath_prepend(tmp_path)
    import importlib

    module = importlib.import_module("crew_work")
    yield partial(module.work, str(tmp_path))
    sys.modules.pop("crew_work")


def begun(folder: Path) -> list[str]:
    return [line.split()[1] for line in (folder / "begun").read_text().splitlines()]


@pytest.mark.parametrize("workers", [1, 2, 9])
def test_every_task_is_done_once(work, tmp_path: Path, workers: int) -> None:
    tasks = [str(number) for number in range(6)]
    assert sorted(compute_all(work, tasks, workers, 2)) == tasks
    assert sorted(begun(tmp_path)) == tasks


def test_a_killed_worker_costs_its_task_a_second_beginning_and_no_other_task(work, tmp_path: Path) -> None:
    assert sorted(compute_all(work, ["a", "once", "b", "c"], 2, 2)) == ["a", "b", "c", "once"]
    assert sorted(begun(tmp_path)) == ["a", "b", "c", "once", "once"]


def test_a_task_that_kills_its_workers_is_given_up(work, tmp_path: Path) -> None:
    with pytest.raises(TaskLostError, match="fatal"):
        list(compute_all(work, ["fatal"], 2, 3))
    assert begun(tmp_path) == ["fatal"] * 3


def test_workers_killed_while_they_start_are_replaced(work, tmp_path: Path) -> None:
    import threading

    stop = threading.Event()
    killed: list[int] = []

    def kill_children() -> None:
        while not stop.is_set() and len(killed) < 4:
            for child in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
                for pid in map(int, child.read_text().split()):
                    if len(killed) < 4 and pid not in killed and b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)
            time.sleep(0.005)

    if not Path("/proc/self/task").exists():
        pytest.skip("children are found on Linux")
    killer = threading.Thread(target=kill_children)
    killer.start()
    try:
        assert sorted(compute_all(work, ["a", "b", "c"], 2, 9)) == ["a", "b", "c"]
    finally:
        stop.set()
        killer.join()
    assert len(killed) == 4


def test_what_the_work_raises_is_raised_here_with_its_hint(work) -> None:
    with pytest.raises(CotkitError) as caught:
        list(compute_all(work, ["wrong"], 1, 2))
    assert (caught.value.message, caught.value.hint) == ("a wrong file", "mend it")
    with pytest.raises(RuntimeError, match="Unpicklable"):
        list(compute_all(work, ["odd"], 1, 2))


def test_whoever_stops_listening_ends_the_workers(work, tmp_path: Path) -> None:
    done = compute_all(work, ["a", "long"], 2, 2)
    assert next(done) == "a"
    started = time.monotonic()
    while "long" not in begun(tmp_path):
        time.sleep(0.01)
    done.close()
    assert time.monotonic() - started < 60
    for line in (tmp_path / "begun").read_text().splitlines():
        assert not Path(f"/proc/{line.split()[0]}").exists()
