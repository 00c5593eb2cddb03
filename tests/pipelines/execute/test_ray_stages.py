"""Stages give the same bytes here, in parts, and on a Ray cluster of two nodes; workers are killed in the middle, here and there."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.curation import curate_run
from cotkit.pipelines.execute.stages import Part
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.sampling.scheduler import sample_run
from cotkit.pipelines.tagging import tag_run
from cotkit.pipelines.verification import verify_run
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import CurateConfig, Recipe, SampleConfig, SplitConfig, VerifyConfig

STAGES = ("verdicts", "tags", "keys", "decisions")
CURATE = CurateConfig(
    max_similarity=0.9,
    splits=[SplitConfig(name="a", per_problem=3, prefer="random"), SplitConfig(name="b", per_problem=2, prefer="diverse")],
)
CHILD = """
import json, os, signal, subprocess, sys, threading, time
from pathlib import Path
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
cluster.add_node(num_cpus=1)
os.environ["RAY_ADDRESS"] = cluster.address

from cotkit.pipelines.curation import curate_run
from cotkit.pipelines.execute.stages import Part
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.tagging import tag_run
from cotkit.pipelines.verification import verify_run

killed = []

def kill_some():
    while len(killed) < 3:
        pids = subprocess.run(["pgrep", "-f", "^ray::compute_shard"], capture_output=True, text=True).stdout.split()
        for pid in [pid for pid in pids if pid not in killed][:1]:
            killed.append(pid)
            os.kill(int(pid), signal.SIGKILL)
        time.sleep(0.02)

run, away = RunFolder.open(Path(sys.argv[1])), Part(0, 1, "ray")
threading.Thread(target=kill_some, daemon=True).start()
done = [verify_run(run, run.recipe.verify, away), tag_run(run, run.recipe.tag, away), curate_run(run, run.recipe.curate, away)]
print(json.dumps({"computed": [stage.computed for stage in done], "killed": killed}))
cluster.shutdown()
"""


def copy_without_stages(run: RunFolder, path: Path) -> RunFolder:
    shutil.copytree(run.path, path)
    for stage in STAGES:
        shutil.rmtree(path / stage, ignore_errors=True)
    return RunFolder.open(path)


def stage_bytes(run: RunFolder) -> dict[str, bytes]:
    return {f"{stage}/{path.name}": path.read_bytes() for stage in STAGES for path in sorted((run.path / stage).glob("*.parquet"))}


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    rows = [Problem.make(f"What is {i} + {i}?", str(2 * i), "math").model_dump() for i in range(40)]
    problems = pl.DataFrame(rows, schema=Problem.polars_schema())
    for n in (2, 4, 6, 8):  # a shard for each
        recipe = Recipe(sample=SampleConfig(teacher="scripted:mixed", n=n), verify=VerifyConfig(workers=1), curate=CURATE)
        run = RunFolder.create(tmp_path / "drawn", recipe, problems)
        sample_run(run)
    return run


def here(run: RunFolder, path: Path, workers: int) -> RunFolder:
    copy = copy_without_stages(run, path)
    verify_run(copy, VerifyConfig(workers=workers))
    tag_run(copy, copy.recipe.tag, workers=workers)
    curate_run(copy, CURATE, workers=workers)
    return copy


def test_one_process_two_and_parts_in_any_order_give_the_same_bytes(run: RunFolder, tmp_path: Path) -> None:
    one, two = here(run, tmp_path / "one", 1), here(run, tmp_path / "two", 2)
    parts = copy_without_stages(run, tmp_path / "parts")
    for index in (2, 0, 3, 1):
        verify_run(parts, parts.recipe.verify, Part(index, 4))
        tag_run(parts, parts.recipe.tag, Part(index, 4), workers=1)
    for index in (1, 3, 0, 2):
        assert curate_run(parts, CURATE, Part(index, 4), workers=1).computed == 1
    assert not (parts.path / "decisions").exists()
    curate_run(parts, CURATE)
    assert len(stage_bytes(one)) == 4 * len(STAGES)
    assert stage_bytes(one) == stage_bytes(two) == stage_bytes(parts)


@pytest.mark.slow
@pytest.mark.parametrize(("command", "stage"), [("tag", "tags"), ("curate", "keys")])
def test_a_local_worker_that_is_killed_changes_nothing(run: RunFolder, tmp_path: Path, command: str, stage: str) -> None:
    one = here(run, tmp_path / "one", 1)
    struck = here(run, tmp_path / "struck", 1)
    for later in STAGES[STAGES.index(stage) :]:
        shutil.rmtree(struck.path / later)
    words = [sys.executable, "-m", "cotkit", command, str(struck.path), "--workers", "2"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as child:
        killed: list[str] = []
        while not killed and child.poll() is None:
            killed = subprocess.run(["pgrep", "-P", str(child.pid), "-f", "spawn_main"], capture_output=True, text=True).stdout.split()[:1]
        os.kill(int(killed[0]), signal.SIGKILL)
        said = child.communicate()[1]
    assert child.returncode == 0, said
    if command == "tag":
        curate_run(struck, CURATE)
    assert stage_bytes(struck) == stage_bytes(one)


@pytest.mark.slow
def test_a_cluster_that_loses_a_worker_gives_the_same_bytes(run: RunFolder, tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="ray is not installed: pip install 'cotkit[ray]'")
    away, one = copy_without_stages(run, tmp_path / "away"), here(run, tmp_path / "one", 1)
    child = subprocess.run([sys.executable, "-W", "ignore", "-c", CHILD, str(away.path)], capture_output=True, text=True, timeout=240)
    assert child.returncode == 0, child.stderr[-3000:]
    said = json.loads(child.stdout.splitlines()[-1])
    assert said["killed"]
    assert said["computed"] == [len(run.shard_numbers())] * 3
    assert stage_bytes(away) == stage_bytes(one)
