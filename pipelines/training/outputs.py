"""Where a training goes when nothing else is said: into the run folder that its export lies in."""

from __future__ import annotations

import re
from pathlib import Path

from ...schemas.errors import CotkitError


def default_folder(export: Path, model: str, *words: str) -> Path:
    """Give `RUN/training/WORDS-MODEL` for an export of a run; raises CotkitError for one that lies elsewhere.

    The model's name is that of its folder, or of its training where it is a training's `model`.
    """
    place = export.resolve()
    run = next((folder for folder in place.parents if (folder / "recipe.toml").is_file() and (folder / "problems.parquet").is_file()), None)
    if run is None:
        raise CotkitError(f"{export}: lies in no run folder", "name the folder of the training with -o")
    return run / "training" / "-".join([*words, _short(model)])


def _short(model: str) -> str:
    r"""Give a model's name for a folder.

    >>> _short("Qwen/Qwen2.5-7B-Instruct"), _short("runs/qwq/training/sft-qwen2.5-7b/model")
    ('qwen2.5-7b-instruct', 'sft-qwen2.5-7b')
    """
    parts = [part for part in Path(model).parts if part not in ("/", "model", "..", ".")]
    return re.sub(r"[^a-z0-9.]+", "-", (parts[-1] if parts else "model").lower()).strip("-.") or "model"
