"""Fetch the recipe and the problems of a dataset that cotkit pushed, to run it again.

A recipe is somebody else's file: it may not pick the server that gets the key of this machine, nor let a model bring code along.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from ... import __version__
from ...schemas.errors import CotkitError
from ...schemas.recipe import Recipe, SampleConfig, load_recipe
from ..decontamination import SHIPPED
from .errors import retrying
from .provenance import NAME as PROVENANCE
from .provenance import PROBLEMS, RECIPE, sha256
from .public import LEXICONS, LOCAL_SERVER
from .repo import Patience, check_name

CODE = ("trust_remote_code", "worker_cls", "worker_extension_cls", "scheduler_cls", "logits_processors", "reasoning_parser_plugin")
"""Settings of vLLM that load code."""
LEXICON = re.compile(rf"{LEXICONS}/\w[\w.\-]*\.toml")


class Fetched(NamedTuple):
    """A recipe whose files are on this machine."""

    recipe: Recipe
    notes: list[str]


def fetch_recipe(name: str, teacher: str | None = None, patience: Patience | None = None) -> Fetched:
    """Fetch `OWNER/NAME` or `OWNER/NAME@REVISION`; every file is checked against the hashes in its provenance.

    `teacher` takes the place of the recipe's. Raises CotkitError when it is no dataset of cotkit's, a file is not what the
    provenance says, or the recipe would ask a server of others.
    """
    patience = patience or Patience()
    repo, _, revision = name.partition("@")
    check_name(repo)
    told = _fetched(repo, PROVENANCE, revision or "main", patience)
    provenance = _read(told, repo)
    revision = told.parent.name if len(told.parent.name) == 40 else revision or "main"  # the same commit for all files
    wanted = [RECIPE, PROBLEMS, *(path for path in provenance["files"] if LEXICON.fullmatch(path))]
    places = {path: _fetched(repo, path, revision, patience) for path in wanted}
    for path, place in places.items():
        if sha256(place) != provenance["files"].get(path, {}).get("sha256"):
            raise CotkitError(f"{repo}: {path} is not what {PROVENANCE} says", "it was changed since the push: look at the repo's history")
    recipe = load_recipe(places[RECIPE])
    gone = [name for name in recipe.curate.decontaminate if name not in SHIPPED and not Path(name).exists()]
    if gone:
        raise CotkitError(f"{repo}: its recipe drops the problems of {gone[0]}, which is not here", "put that file into this folder")
    sample, notes = _trusted(recipe.sample, repo, teacher)
    problems = recipe.problems.model_copy(update={"source": str(places[PROBLEMS]), "map": {}, "kind": None, "limit": None})
    if provenance.get("cotkit") != __version__:
        notes.append(f"the dataset was made with cotkit {provenance.get('cotkit')}, this is {__version__}")
    return Fetched(recipe.model_copy(update={"problems": problems, "sample": sample}), notes)


def _trusted(sample: SampleConfig, repo: str, teacher: str | None) -> tuple[SampleConfig, list[str]]:
    """Give the settings without what a stranger must not decide, and what was taken out."""
    theirs, notes = sample.teacher, []
    if teacher is None and theirs.startswith("openai:"):
        servers = theirs.removeprefix("openai:").partition("#")[0].split(",")
        if strange := [url for url in servers if url != LOCAL_SERVER]:
            raise CotkitError(f"{repo}: its recipe asks the server {strange[0]}", f"say that you want that with --teacher {theirs}")
        notes.append(f"the recipe's server is not published: {LOCAL_SERVER} is asked; --teacher names another")
    taken = [name for name in CODE if name in sample.engine]
    engine = {name: value for name, value in sample.engine.items() if name not in taken}
    notes += [f"{name} of the recipe's engine is left out, as it runs code" for name in taken]
    return sample.model_copy(update={"engine": engine, "teacher": teacher or theirs}), notes


def _fetched(repo: str, path: str, revision: str, patience: Patience) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import RemoteEntryNotFoundError

    def download() -> str | None:
        try:
            return hf_hub_download(repo, path, repo_type="dataset", revision=revision)
        except RemoteEntryNotFoundError:
            return None

    found = retrying(download, repo, *patience)
    if found is None:
        raise CotkitError(f"{repo}: was not pushed by cotkit: no {path}", "name a dataset that `cotkit push` made")
    return Path(found)


def _read(path: Path, repo: str) -> dict[str, Any]:
    try:
        provenance = json.loads(path.read_text(encoding="utf-8"))
        assert isinstance(provenance["files"], dict)
    except (ValueError, KeyError, TypeError, AssertionError):
        raise CotkitError(f"{repo}: {PROVENANCE} cannot be read", "name a dataset that `cotkit push` made") from None
    return provenance
