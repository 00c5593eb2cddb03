"""What drew the samples: engine, version, dtype, parallel sizes and chat template, as far as it can be told on this machine.

A score of thirty problems moves by several points with dtype, parallel sizes and engine version (NovaSky-AI/SkyThought#38, #66).
"""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from ...schemas.evaluation import Engine
from ...schemas.recipe import SampleConfig
from ...schemas.record import content_hash

PACKAGES = {"vllm": "vllm", "embedded": "xllamacpp", "scripted": "cotkit"}
"""The packages that engines in this process, or in a child of it, are part of."""
PARALLEL = ("tensor_parallel_size", "pipeline_parallel_size", "data_parallel_size")
ASK_SECONDS = 5.0


def engine_of(config: SampleConfig, fingerprints: list[str]) -> Engine:
    """Describe the engine of a sampling configuration; a server is asked for its version and template."""
    kind, _, place = config.teacher.partition(":")
    servers, _, model = place.partition("#")
    told = _told_by_server(servers.split(",")[0]) if kind == "openai" else {}
    settings = {name: value for name, value in config.engine.items() if name not in (*PARALLEL, "dtype")}
    parallel = {name: int(config.engine[name]) for name in PARALLEL if name in config.engine}
    if kind == "openai":
        parallel["servers"] = servers.count(",") + 1
    template = told.get("chat_template") or (_chat_template(place) if kind == "vllm" else None)
    return Engine(
        name=kind,
        version=told.get("version") or _installed(PACKAGES.get(kind)),
        model=model if kind == "openai" else place or kind,
        fingerprint=",".join(fingerprints),
        dtype=config.engine.get("dtype"),
        parallel=parallel,
        chat_template=content_hash(template) if template else None,
        settings=settings,
    )


def _installed(package: str | None) -> str | None:
    try:
        return f"{package} {version(package)}" if package else None
    except PackageNotFoundError:
        return None


def _told_by_server(url: str) -> dict[str, str]:
    """Ask a server for its version (vLLM: /version) and its chat template (llama.cpp: /props); nothing where it does not tell."""
    root, told = url.rstrip("/").removesuffix("/v1"), {}
    for path, names in (("version", {"version": "version"}), ("props", {"build_info": "version", "chat_template": "chat_template"})):
        answer = _asked(f"{root}/{path}")
        told |= {ours: answer[theirs] for theirs, ours in names.items() if isinstance(answer.get(theirs), str) and ours not in told}
    return told


def _asked(url: str) -> dict[str, Any]:
    try:
        with urllib.request.urlopen(url, timeout=ASK_SECONDS) as answer:
            said = json.loads(answer.read(1 << 20))
    except (OSError, ValueError, urllib.error.URLError):
        return {}
    return said if isinstance(said, dict) else {}


def _chat_template(model: str) -> str | None:
    """Read the chat template of a model's tokenizer, in its folder or in the Hub's cache; None where it is not on this machine."""
    for name in ("chat_template.jinja", "tokenizer_config.json"):
        path = _model_file(model, name)
        if path is None:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        if name.endswith(".jinja"):
            return text
        try:
            template = json.loads(text).get("chat_template")
        except ValueError:
            return None
        return template if isinstance(template, str) else json.dumps(template) if template else None
    return None


def _model_file(model: str, name: str) -> Path | None:
    if Path(model).is_dir():
        return Path(model) / name if (Path(model) / name).is_file() else None
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(model, name)
    except HFValidationError:
        return None
    return Path(found) if isinstance(found, str) else None
