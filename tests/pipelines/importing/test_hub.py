"""A dataset id is looked for on the Hub; without a network that is a clear error."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
from cotkit.pipelines.importing import import_problems
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.recipe import ProblemsConfig
try:
    import_problems(ProblemsConfig(source="someone/some-set:main"))
except CotkitError as error:
    print(error)
"""


def test_offline_says_that_the_hub_cannot_be_reached(tmp_path: Path) -> None:
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment, timeout=120, check=True)
    assert "someone/some-set:main: the Hugging Face Hub cannot be reached" in done.stdout
    assert "hint: check the network and HF_HUB_OFFLINE" in done.stdout


PUSH = """
import datasets
row = {"problem": "What is 3 + 4?", "answer": "7", "solution": "Count.", "generations": ["<think>a</think>7", "8"], "finish_reasons": None}
rows = [row | {"problem": f"What is {n} + 4?", "answer": str(n + 4), "correctness_math_verify": [True, False]} for n in range(40)]
for name in ("default", "extended"):
    datasets.Dataset.from_list(rows[:20] if name == "default" else rows).push_to_hub("me/OpenR1-Math-220k", name, private=True)
"""


@pytest.mark.slow
def test_a_repository_is_streamed_from_a_hub(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("loopback_of_pull", Path(__file__).parents[1] / "hub" / "loopback_hub.py")
    assert spec is not None
    assert spec.loader is not None
    loopback = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loopback  # dataclasses look their module up
    spec.loader.exec_module(loopback)
    with loopback.serve_hub() as hub:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
        environment = kept | hub.environment(tmp_path / "home")
        subprocess.run([sys.executable, "-c", PUSH], env=environment, check=True, timeout=300, capture_output=True)

        def pull(*words: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-m", "cotkit", "pull", "me/OpenR1-Math-220k", *words]
            return subprocess.run(command, env=environment, text=True, capture_output=True, timeout=300, check=False)

        whole = pull("--config", "extended", "-o", str(tmp_path / "run"), "--json")
        assert whole.returncode == 0, whole.stderr
        said = json.loads(whole.stdout)
        assert (said["set"], said["problems"], said["samples"]) == ("OpenR1-Math-220k", 40, 80)
        again = pull("--config", "extended", "--limit", "10", "-o", str(tmp_path / "run"))
        assert "0 samples added, 20 were there" in again.stderr
        for words, known in (
            (("--config", "no-such"), "['default', 'extended']"),
            (("--config", "default", "--split", "test"), "['train']"),
        ):
            wrong = pull(*words, "-o", str(tmp_path / "other"))
            assert wrong.returncode == 1
            assert known in wrong.stderr
            assert "Traceback" not in wrong.stderr
