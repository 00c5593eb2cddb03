"""Which model a `vllm` teacher is: found before the engine starts, and hashed into the teacher's fingerprint.

The fingerprint is of what changes the distribution that samples are drawn from: weights, dtype, quantization, tokenizer and chat
template. Parallel sizes, memory and context change how fast and how long, so samples drawn with others are the same teacher's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...schemas.errors import CotkitError
from ...schemas.recipe import SampleConfig
from ...schemas.record import content_hash
from .weights import sha256_of

ARGUMENTS = (
    "tokenizer",
    "tokenizer_revision",
    "tokenizer_mode",
    "hf_overrides",
    "kv_cache_dtype",
    "rope_scaling",
    "rope_theta",
    "lora_modules",
)
"""Engine arguments that change the distribution and show neither in the weights nor in dtype and quantization."""
HASHED_BYTES = 1 << 24
"""Files up to this size are hashed (configs, tokenizers); of larger ones, the weights, the size is taken."""
FILES = {".json", ".jinja", ".model", ".safetensors", ".bin", ".pt", ".pth", ".gguf"}


def check_model(model: str) -> None:
    """Raise CotkitError when `model` can be neither a Hub id nor a folder that exists."""
    if not model:
        raise CotkitError("--teacher vllm: no model", "give vllm:MODEL, a Hub id such as vllm:Qwen/QwQ-32B or a folder")
    if Path(model).exists():
        return
    if model.startswith((".", "/", "~")) or model.count("/") > 1:
        raise CotkitError(f"{model}: no such folder", "give vllm:MODEL, a Hub id such as vllm:Qwen/QwQ-32B or a folder that exists")


def model_fingerprint(model: str, config: SampleConfig, resolved: Any, template: str | None) -> str:
    """Hash what makes the teacher itself; `resolved` is vLLM's `ModelConfig` of the engine that runs."""
    given = {name: config.engine[name] for name in ARGUMENTS if name in config.engine}
    settings = {"dtype": str(resolved.dtype), "quantization": str(resolved.quantization), "api": config.api, "template": template}
    return content_hash("vllm", _weights(model, config), settings, _plain(given))


def _weights(model: str, config: SampleConfig) -> Any:
    path = Path(model)
    if path.is_file():
        return [path.name, path.stat().st_size]
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if file.suffix in FILES)
        return [[file.name, file.stat().st_size, sha256_of(file) if file.stat().st_size <= HASHED_BYTES else ""] for file in files]
    return [model, _commit(model, config) or str(config.engine.get("revision"))]


def _commit(model: str, config: SampleConfig) -> str | None:
    """Give the commit that the Hub's cache resolved the revision to; None where the weights come from elsewhere."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(
        model, "config.json", cache_dir=config.engine.get("download_dir"), revision=config.engine.get("revision")
    )
    return Path(found).parent.name if isinstance(found, str) else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in sorted(value.items())}
    return value if isinstance(value, str | int | float | bool | None) else str(value)
