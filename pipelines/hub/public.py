"""What of a run is published: its recipe and teachers, without private servers, local paths or secrets.

openai:http://10.0.0.7:8000/v1#/models/QwQ-32B   becomes   openai:http://127.0.0.1:8000/v1#QwQ-32B
"""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...schemas.recipe import Recipe, is_lexicon_path

if TYPE_CHECKING:
    import polars as pl

LEXICONS = "lexicons"
"""Folder of a published dataset that holds the lexicons which are no part of cotkit."""
REMOVED = "(removed)"
LOCAL_SERVER = "http://127.0.0.1:8000/v1"
PRIVATE_ENDINGS = (".local", ".internal", ".lan", ".corp", ".home", ".intranet", ".localdomain", ".localhost")
SECRET_NAME = re.compile(r"api[_-]?key|secret|passw|authori[sz]ation|credential|(?:^|[_-])(?:token|key|auth)$", re.IGNORECASE)
SECRET_VALUE = re.compile(r"\b(?:hf_|sk-|Bearer )[A-Za-z0-9_\-]{16,}")


def public_recipe(recipe: Recipe) -> Recipe:
    """Give the recipe as it is published; it draws the same samples from the same teacher."""
    sample = recipe.sample.model_copy(
        update={
            "teacher": public_teacher(recipe.sample.teacher),
            "extra": without_secrets(recipe.sample.extra),
            "engine": without_secrets(recipe.sample.engine),
        }
    )
    problems = recipe.problems.model_copy(update={"source": public_path(recipe.problems.source)})
    own = {name: f"{LEXICONS}/{Path(name).name}" for name in own_lexicons(recipe)}
    tag = recipe.tag.model_copy(update={"lexicons": [own.get(name, name) for name in recipe.tag.lexicons]})
    curate = recipe.curate.model_copy(update={"decontaminate": [public_path(name) for name in recipe.curate.decontaminate]})
    sft = recipe.export.sft.model_copy(update={"student": recipe.export.sft.student and public_path(recipe.export.sft.student)})
    export = recipe.export.model_copy(update={"sft": sft})
    return recipe.model_copy(update={"sample": sample, "problems": problems, "tag": tag, "curate": curate, "export": export})


def own_lexicons(recipe: Recipe) -> list[str]:
    """Name the lexicons that are files of the user's own."""
    return [name for name in recipe.tag.lexicons if is_lexicon_path(name)]


def public_teacher(name: str) -> str:
    """Give a teacher's name without private servers and local paths.

    >>> public_teacher("openai:http://me:pass@gpu1:8000/v1#Qwen/QwQ-32B"), public_teacher("vllm:/models/QwQ-32B")
    ('openai:http://127.0.0.1:8000/v1#Qwen/QwQ-32B', 'vllm:QwQ-32B')
    """
    kind, colon, place = name.partition(":")
    if kind == "openai":
        servers, _, model = place.partition("#")
        shown = ",".join(dict.fromkeys(_public_server(url) for url in servers.split(",")))
        return f"openai:{shown}#{public_path(model)}"
    return f"{kind}{colon}{public_path(place)}"


def model_of(name: str) -> str:
    """Give the model of a teacher as a reader knows it.

    >>> model_of("openai:http://127.0.0.1:8000/v1#Qwen/QwQ-32B"), model_of("embedded")
    ('Qwen/QwQ-32B', 'SmolLM2-135M-Instruct')
    """
    kind, _, place = public_teacher(name).partition(":")
    if kind == "openai":
        return place.partition("#")[2] or place
    return place or ("SmolLM2-135M-Instruct" if kind == "embedded" else kind)


def public_path(name: str) -> str:
    """Give a local path's last part; a Hub id and any other name stay as they are.

    >>> public_path("/home/me/math.jsonl"), public_path("data/math.jsonl"), public_path("Qwen/QwQ-32B")
    ('math.jsonl', 'math.jsonl', 'Qwen/QwQ-32B')
    """
    path = Path(name)
    file = path.suffix.lower() in (".jsonl", ".ndjson", ".json", ".parquet", ".csv", ".tsv", ".toml", ".gz", ".zst", ".gguf")
    deep = name.count("/") > 1 and ":" not in name
    local = deep or name.startswith(("/", "./", "../", "~")) or (file and not name.startswith("hf:"))
    return path.name if local and path.name else name


def public_sources(column: str = "source") -> pl.Expr:
    """Give the column of the problems' sources with the last part alone of what are local paths."""
    import polars as pl

    source = pl.col(column).fill_null("")
    local = source.str.contains(r"^[/~.]") | source.str.contains(r"/.*\.(?:jsonl|ndjson|json|parquet|csv|tsv)$")
    return pl.when(local).then(source.str.extract(r"([^/]+)/*$")).otherwise(source).fill_null("").alias(column)


def without_secrets(value: Any, name: str = "") -> Any:
    """Give settings without what looks like a key or token, and with the last part alone of local paths.

    >>> without_secrets({"api_key": "abc", "max_tokens": 5, "download_dir": "/home/me/models"})
    {'api_key': '(removed)', 'max_tokens': 5, 'download_dir': 'models'}
    """
    if isinstance(value, dict):
        return {key: without_secrets(entry, str(key)) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_secrets(entry, name) for entry in value]
    if isinstance(value, str):
        if SECRET_NAME.search(name) or SECRET_VALUE.search(value):
            return REMOVED
        return Path(value).name if value.startswith(("/", "~")) and "\n" not in value and Path(value).name else value
    return value


def public_parameters(parameters: str) -> dict[str, Any]:
    """Read sampling parameters as they are published."""
    return without_secrets(json.loads(parameters or "{}"))


def _public_server(url: str) -> str:
    parts = urlsplit(url if "://" in url else f"//{url}")
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
        public = False
    except ValueError:
        public = parts.scheme == "https" and "." in host and not host.endswith(PRIVATE_ENDINGS)
    # a user, a password and a query never go along
    return f"https://{host}{parts.path}" if public else LOCAL_SERVER
