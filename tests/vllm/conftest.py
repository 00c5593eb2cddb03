"""The model of the vLLM tests: SmolLM2 as a Hugging Face folder, which `make test-vllm` converts."""

import importlib.util
import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODEL = Path(os.environ.get("COTKIT_VLLM_MODEL", ROOT / ".venv-vllm/models/SmolLM2-135M-Instruct"))


@pytest.fixture(scope="session")
def model() -> str:
    if importlib.util.find_spec("vllm") is None:
        pytest.skip("vLLM is not installed here: `make test-vllm` makes an environment with its CPU build")
    if not (MODEL / "config.json").is_file():
        pytest.skip("the model is not converted: `make test-vllm` does it, or set COTKIT_VLLM_MODEL")
    return str(MODEL)
