"""What the vllm teacher does without an engine; the engine itself is tested by `make test-vllm`."""

import asyncio
import importlib.util
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cotkit.pipelines.sampling.teacher import open_teacher
from cotkit.pipelines.sampling.vllm_model import model_fingerprint
from cotkit.pipelines.sampling.vllm_prompts import keeps_special_tokens
from cotkit.pipelines.sampling.vllm_start import EngineLog
from cotkit.pipelines.sampling.vllm_stats import EngineStats
from cotkit.schemas.errors import CotkitError
from cotkit.schemas.problem import Problem
from cotkit.schemas.recipe import SampleConfig

GUARD = "cotkit.pipelines.sampling.engine_guard"
PARENT = f"""
import os, subprocess, sys
engine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
guard = subprocess.Popen([sys.executable, "-m", "{GUARD}"], stdin=subprocess.PIPE, start_new_session=True)
guard.stdin.write(b"%d\\n" % engine.pid)
guard.stdin.flush()
print(engine.pid, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize(
    ("teacher", "message"),
    [
        ("vllm:", "no model"),
        ("vllm:./nowhere", "no such folder"),
        ("vllm:/models/nowhere", "no such folder"),
        ("vllm:a/b/c", "no such folder"),
        pytest.param(
            "vllm:owner/model",
            "vLLM is not installed",
            marks=pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed here"),
        ),
    ],
)
def test_what_cannot_start_says_so_at_once(teacher: str, message: str) -> None:
    async def enter() -> None:
        async with open_teacher(SampleConfig(teacher=teacher), Problem.polars_schema().to_frame()):
            pass

    with pytest.raises(CotkitError, match=message) as raised:
        asyncio.run(enter())
    assert raised.value.hint


def alive(pid: int) -> bool:
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("end", ["kill", "terminate"])
def test_an_engine_dies_with_a_parent_that_was_killed(end: str) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert alive(pid)
        getattr(parent, end)()
    deadline = time.monotonic() + 10
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(pid)


@pytest.mark.parametrize(
    ("log", "cause", "hint"),
    [
        (
            "(Worker pid=7) torch.OutOfMemoryError: CUDA out of memory. Tried.\nRuntimeError: Engine core initialization failed.",
            "torch.OutOfMemoryError: CUDA out of memory",
            "engine.gpu_memory_utilization",
        ),
        (
            "ValueError: Free memory on device cuda:0 (3.1/79.1 GiB) on startup is less than desired GPU memory utilization",
            "Free memory on device",
            "free the GPU",
        ),
        (
            "ValueError: To serve at least one request with the models's max seq len (131072), 16 GiB KV cache is needed",
            "max seq len (131072)",
            "engine.max_model_len",
        ),
        ("OSError: me/absent is not a local folder and is not a valid model identifier", "me/absent", "HF_TOKEN"),
        ("ValueError: World size (8) is larger than the number of available GPUs (1)", "World size", "engine.tensor_parallel_size"),
        ("SomeError: never seen before", "never seen", "its log says more"),
    ],
    ids=["out of memory", "no room on the GPU", "no room for the context", "no such model", "too few GPUs", "unknown"],
)
def test_the_first_error_of_the_log_is_the_cause_and_has_a_hint(log: str, cause: str, hint: str) -> None:
    file = EngineLog()
    file.file.write(f"INFO loading\n{log}\n")
    file.file.flush()
    failure = file.failure("m: vLLM did not start", file.first_error())
    assert cause in failure.message.splitlines()[0]
    assert hint in failure.hint
    assert str(file.path) in failure.hint
    file.remove()
    file.file.close()
    assert not file.path.exists()


def tokenizer(*special: str) -> Any:
    """As transformers' tokenizers tell their special tokens; `<think>` is an ordinary added token in DeepSeek-R1 and Qwen3."""
    added = {1: SimpleNamespace(special=False)}
    return SimpleNamespace(all_special_tokens=list(special), added_tokens_decoder=added)


@pytest.mark.parametrize(
    ("special", "style", "kept"),
    [
        (["<|im_start|>", "<|im_end|>"], "auto", False),
        (["<|im_start|>", "<|im_end|>"], "chatml", True),
        (["[THINK]", "[/THINK]", "</s>"], "auto", True),
        (["[THINK]", "[/THINK]", "</s>"], "none", False),
        (["<|START_THINKING|>", "<|END_THINKING|>"], "start_thinking", True),
        (["<|start|>", "<|channel|>", "<|message|>"], "auto", True),
        (["<|start|>", "<|channel|>", "<|message|>"], "think", False),
    ],
    ids=["ChatML", "ChatML asked for", "Magistral", "no reasoning wanted", "Command A", "gpt-oss", "another style asked for"],
)
def test_special_tokens_stay_in_the_text_only_where_they_mark_reasoning(special: list[str], style: str, kept: bool) -> None:
    assert keeps_special_tokens(tokenizer(*special), style) is kept


def resolved(dtype: str = "bfloat16") -> Any:
    return SimpleNamespace(dtype=dtype, quantization=None)


def test_the_fingerprint_is_of_the_distribution_and_not_of_place_or_speed(tmp_path: Path) -> None:
    def fingerprint(folder: Path, template: str = "t", dtype: str = "bfloat16", **engine: Any) -> str:
        return model_fingerprint(str(folder), SampleConfig(teacher=f"vllm:{folder}", engine=engine), resolved(dtype), template)

    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        (folder / "config.json").write_text("{}")
        (folder / "model.safetensors").write_bytes(b"weights")
        (folder / "README.md").write_text(str(folder))
    first = fingerprint(here)
    assert fingerprint(there) == fingerprint(here, tensor_parallel_size=8, max_model_len=4096) == first
    changed = {fingerprint(here, template="u"), fingerprint(here, dtype="float16"), fingerprint(here, kv_cache_dtype="fp8")}
    (there / "model.safetensors").write_bytes(b"other weights")
    changed |= {fingerprint(there)}
    (there / "config.json").write_text('{"a": 1}')
    changed |= {fingerprint(there), first}
    assert len(changed) == 6


def test_a_hub_model_is_told_by_the_commit_that_was_resolved(tmp_path: Path) -> None:
    def cached(commit: str) -> str:
        cache = tmp_path / commit / "models--owner--model"
        (cache / "refs").mkdir(parents=True)
        (cache / "refs/main").write_text(commit)
        (cache / f"snapshots/{commit}").mkdir(parents=True)
        (cache / f"snapshots/{commit}/config.json").write_text("{}")
        config = SampleConfig(teacher="vllm:owner/model", engine={"download_dir": str(tmp_path / commit)})
        return model_fingerprint("owner/model", config, resolved(), "t")

    assert cached("a" * 40) != cached("b" * 40)


def test_the_engines_facts_sum_over_its_replicas() -> None:
    stats = EngineStats()
    assert stats.facts() == {"running": "0", "waiting": "0"}
    for engine, hits in ((0, 0), (1, 60)):
        cache = SimpleNamespace(queries=100, hits=hits)
        stats.record(engine, SimpleNamespace(num_running_reqs=4, num_waiting_reqs=1, prefix_cache_stats=cache))
    assert stats.facts() == {"running": "8", "waiting": "2", "cache hits": "30%"}
