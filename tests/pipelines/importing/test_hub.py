"""A dataset id is looked for on the Hub; without a network that is a clear error."""

import os
import subprocess
import sys
from pathlib import Path

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
