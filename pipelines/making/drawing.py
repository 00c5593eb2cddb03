"""Draw the images of a made problem set beside it, as its `meta` says: hands of cards, and the four views of a step.

Pillow draws, and is imported here alone: `pip install 'cotkit[images]'`. An image is a function of its problem, and one that is
there is not drawn again.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...schemas.errors import CotkitError
from ..run_folder.parquet import replacing
from .cards import draw_hand_image
from .views import draw_views

if TYPE_CHECKING:
    import polars as pl


def draw_images(problems: pl.DataFrame, out: Path, progress: Callable[[int], object] | None = None) -> int:
    """Draw what is missing beside the problem set `out`, and give the number of images drawn; raises CotkitError without Pillow."""
    drawn = 0
    for kind, meta in problems.select("kind", "meta").iter_rows():
        about: dict[str, Any] = json.loads(meta)
        path = out.parent / about["image"] if "image" in about else None
        if path is None or path.exists():
            continue
        check_pillow()
        image = draw_hand_image(about["cards"], about["layout"]) if kind == "game24" else draw_views(about)
        with replacing(path) as temporary:
            image.save(temporary, format="PNG", compress_level=1)
        drawn += 1
        if progress is not None:
            progress(drawn)
    return drawn


def check_pillow() -> None:
    """Raise CotkitError when there is no Pillow."""
    if find_spec("PIL") is None:
        raise CotkitError("images need Pillow, which is not installed", "pip install 'cotkit[images]'")
