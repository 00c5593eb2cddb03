"""`cotkit sample` with vLLM in process, interrupted in every way: nothing is lost, nothing doubled, no engine is left behind."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.run_folder import RunFolder

pytestmark = pytest.mark.slow
PROMPTS = {"What is 6 + 3?": "9", "What is 4 + 4?": "8", "What is 7 - 2?": "5", "What is 3 * 3?": "9"}
N = 16
RECIPE = """
[sample]
teacher = "vllm:{model}"
n = 16
temperature = 0.8
max_tokens = 120
concurrency = 8
system_prompt = "{system}"
[sample.extra]
min_tokens = 60
[sample.engine]
enforce_eager = true
max_model_len = 512
block_size = 32
max_num_seqs = 4
"""
SECONDS = 300


@pytest.fixture
def command(model: str, tmp_path: Path) -> list[str]:
    problems, recipe = tmp_path / "problems.jsonl", tmp_path / "recipe.toml"
    problems.write_text("".join(json.dumps({"prompt": prompt, "answer": answer}) + "\n" for prompt, answer in PROMPTS.items()))
    recipe.write_text(RECIPE.format(model=model, system="You add and subtract small numbers for children, step by step. " * 4))
    words = ["sample", str(problems), "--recipe", str(recipe), "-o", str(tmp_path / "run"), "--progress", "lines", "--json"]
    return [sys.executable, "-m", "cotkit", *words]


def engine_processes(session: int) -> list[int]:
    """Give a run's processes that hold torch, without the run itself.

    The names that vLLM gives its processes are no sign: where the first environment variable was set anew, it cannot give them.
    """
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getsid(int(process.name)) == session != int(process.name) and "libtorch_cpu" in (process / "maps").read_text():
                found.append(int(process.name))
    return found


def started(command: list[str], run: Path, samples: int) -> subprocess.Popen[str]:
    """Start the command in a process group of its own, and hold it still as soon as so many samples are on disk.

    Still, so that it cannot end while its processes are looked at, however fast the machine is.
    """
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    deadline = time.monotonic() + SECONDS
    while len(on_disk(run)) < samples:
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGSTOP)
    assert child.poll() is None, child.communicate()
    return child


def on_disk(run: Path) -> set[str]:
    return RunFolder.open(run).sample_ids() if (run / "samples/live.sqlite").exists() else set()


def gone(session: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while engine_processes(session) and time.monotonic() < deadline:
        time.sleep(0.1)
    return engine_processes(session) == []


def test_a_run_that_is_interrupted_killed_and_robbed_of_its_engine_ends_with_every_sample_once(command: list[str], tmp_path: Path) -> None:
    run = tmp_path / "run"
    # Ctrl-C reaches the whole process group, the engine too
    child = started(command, run, samples=1)
    assert engine_processes(child.pid)
    os.killpg(child.pid, signal.SIGINT)
    os.killpg(child.pid, signal.SIGCONT)
    out, err = child.communicate(timeout=60)
    assert child.returncode == 130, err
    assert "Traceback" not in err
    assert out == ""
    assert gone(child.pid, 1)
    # kill -9 reaches the run alone
    before = on_disk(run)
    child = started(command, run, samples=len(before) + 3)
    assert engine_processes(child.pid)
    child.kill()
    os.killpg(child.pid, signal.SIGCONT)
    child.communicate()
    assert gone(child.pid, 10)
    before |= on_disk(run)
    # the engine dies under the run
    child = started(command, run, samples=len(before) + 3)
    engine = engine_processes(child.pid)
    assert engine
    for pid in engine:
        os.kill(pid, signal.SIGKILL)
    os.killpg(child.pid, signal.SIGCONT)
    out, err = child.communicate(timeout=120)
    assert child.returncode == 1, err
    assert "the engine died" in err
    assert "Traceback" not in err
    # what is left is drawn, and nothing again
    before |= on_disk(run)
    assert 7 <= len(before) < N * len(PROMPTS)
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    out, err = child.communicate(timeout=SECONDS)
    assert child.returncode == 0, err
    assert gone(child.pid, 1)
    summary = json.loads(out)
    assert summary["total"] == summary["done"] == N * len(PROMPTS)
    assert summary["new"] == N * len(PROMPTS) - len(before)
    assert "Exception ignored" not in err
    samples = pl.read_parquet(run / "samples/*.parquet")
    assert samples["sample_id"].n_unique() == samples.height == N * len(PROMPTS)
    assert before <= set(samples["sample_id"])
    assert samples["seed"].is_null().all()
    # every start draws from a seed of its own: no sample of one is another's
    assert samples.group_by("problem_id").agg(pl.col("response").n_unique())["response"].to_list() == [N] * len(PROMPTS)
    assert samples["teacher_fingerprint"].n_unique() == 1
