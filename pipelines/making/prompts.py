"""The words of a made problem, from `data/prompts`, and which part of a split it belongs to."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from ...data import data_file
from ...schemas.making import Part


@lru_cache(maxsize=4)
def words_of(name: str) -> dict[str, Any]:
    """Read a file of words; texts are stripped of blank lines around them."""
    return _stripped(tomllib.loads(data_file("prompts", f"{name}.toml").read_text(encoding="utf-8")))


def is_in_part(key: str, part: Part, test_share: float) -> bool:
    """Say whether what a key names belongs to a part: by the hash of the key alone, so that no seed moves it.

    >>> sum(is_in_part(str(n), "test", 0.25) for n in range(1000)), is_in_part("3,3,8,8", "all", 0.5)
    (237, True)
    """
    if part == "all":
        return True
    place = int.from_bytes(blake2b(key.encode(), digest_size=6).digest()) / 2**48
    return (place < test_share) == (part == "test")


def _stripped(words: Any) -> Any:
    if isinstance(words, dict):
        return {name: _stripped(value) for name, value in words.items()}
    return words.strip() if isinstance(words, str) else words
