"""The format reward: reasoning closed once before the answer, and a complete box after it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...schemas.reward import FormatConfig
from ..extraction import extract

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPEN, CLOSE = "<think>", "</think>"


def format_reward(texts: Sequence[str], config: FormatConfig) -> NDArray[np.float64]:
    r"""Give (B,): 1 for a well-formed completion, 0 for any other.

    `<think>` may be missing where the prompt has opened the reasoning; it may stand at the start alone.

    >>> format_reward([r"<think>3 + 4</think>It is \\boxed{7}.", r"It is \\boxed{7}."], FormatConfig()).tolist()
    [1.0, 0.0]
    """
    return np.array([float(_well_formed(text, config)) for text in texts])


def _well_formed(text: str, config: FormatConfig) -> bool:
    if config.reasoning:
        begun = text.lstrip().removeprefix(OPEN)
        if OPEN in begun or begun.count(CLOSE) != 1:
            return False
        reasoning, _, text = begun.partition(CLOSE)
        if not (reasoning.strip() and text.strip()):
            return False
    return not config.boxed or extract(text).found_by == "boxed"
