"""Engines on a Ray cluster of two nodes draw what one machine draws, also when one of them is killed in the middle."""

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.sampling.scheduler import sample_run
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import Recipe, SampleConfig

pytest.importorskip("ray", reason="ray is not installed: pip install 'cotkit[ray]'")
PROBLEMS = pl.DataFrame(
    [Problem.make(f"What is {i} + {i}?", str(2 * i), "math").model_dump() for i in range(10)], schema=Problem.polars_schema()
)
CHILD = """
import json, os, signal, subprocess, sys
from pathlib import Path
from ray.cluster_utils import Cluster

cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
cluster.add_node(num_cpus=1)
os.environ["RAY_ADDRESS"] = cluster.address

from cotkit.pipelines.run_folder import RunFolder
from cotkit.pipelines.sampling.scheduler import sample_run

seen = {"killed": [], "engines": set()}

def watch(progress):
    seen["engines"].add(progress.engine.get("engines"))
    if progress.done >= 40 and not seen["killed"]:
        engines = subprocess.run(["pgrep", "-f", "^ray::Engine"], capture_output=True, text=True).stdout.split()
        seen["killed"] = engines[:1]
        os.kill(int(engines[0]), signal.SIGKILL)

progress = sample_run(RunFolder.open(Path(sys.argv[1])), watch)
engines = sorted(filter(None, seen["engines"]))
print(json.dumps({"done": progress.done, "failed": progress.failed, "killed": seen["killed"], "engines": engines}))
cluster.shutdown()
"""


def make_run(path: Path, executor: str) -> RunFolder:
    script = path.parent / "script.jsonl"
    lines = [{"response": "So \\boxed{{answer}}.", "seconds": 0.05}, {"response": "So \\boxed{{wrong}}.", "seconds": 0.15}]
    script.write_text("\n".join(map(json.dumps, lines)))
    config = SampleConfig(teacher=f"scripted:{script}", n=30, concurrency=8, executor=executor, replicas=2 if executor == "ray" else None)
    return RunFolder.create(path, Recipe(sample=config), PROBLEMS)


@pytest.mark.slow
def test_two_engines_draw_what_one_draws_though_one_is_killed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "ray", "ray")
    child = subprocess.run([sys.executable, "-W", "ignore", "-c", CHILD, str(run.path)], capture_output=True, text=True, timeout=240)
    assert child.returncode == 0, child.stderr[-3000:]
    said = json.loads(child.stdout.splitlines()[-1])
    assert said["killed"]
    assert (said["done"], said["failed"]) == (300, 0)
    assert "1 of 2" in said["engines"]
    alone = make_run(tmp_path / "alone", "local")
    sample_run(alone)
    columns = ["sample_id", "response", "seed"]
    drawn = [folder.scan("samples").select(columns).sort("sample_id").collect() for folder in (run, alone)]
    assert drawn[0].equals(drawn[1])
