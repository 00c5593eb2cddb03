"""Texts as the bytes that stand in memory, one text after the other; and whether compiled code is to look at them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import polars as pl

Function = TypeVar("Function", bound=Callable[..., Any])

LEAST_BYTES = 8 * 2**20
"""Less text is looked at in less time than it takes to load the compiled code: about a second."""

_seen = 0


class Utf8(NamedTuple):
    """The bytes of some texts."""

    data: npt.NDArray[np.uint8]
    bounds: npt.NDArray[np.int64]
    """Text i has the bytes `bounds[i]` to `bounds[i + 1]` of `data`."""


def utf8_of(texts: pl.Series) -> Utf8:
    """Give the bytes of texts without nulls."""
    import numpy as np
    import polars as pl

    array = texts.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, data = array.buffers()
    if data is None or not len(array):
        return Utf8(np.zeros(0, np.uint8), np.zeros(len(array) + 1, np.int64))
    return Utf8(np.frombuffer(data, np.uint8), np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1])


def is_for_compiled_code(size: int) -> bool:
    """Say whether so many bytes more are for compiled code: numba is installed, and this process has seen enough for it to pay."""
    global _seen
    _seen += size
    return _seen >= LEAST_BYTES and _has_numba()


def compiled(function: Function) -> Function:
    """Have a function compiled when it is first called; the code is kept for the next process where there is a folder for it."""
    from numba import njit

    try:
        return cast("Function", njit(cache=True, nogil=True)(function))
    except RuntimeError:  # neither the package's folder nor a home can be written to
        return cast("Function", njit(nogil=True)(function))


@lru_cache(maxsize=1)
def _has_numba() -> bool:
    return find_spec("numba") is not None
