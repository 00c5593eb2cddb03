"""A page of memory that a worker and its parent share: which item the worker is at, and since when.

The worker writes before every item, which costs less than a microsecond; the parent looks only when something takes long. So
answers can travel in batches, and still the parent knows which item a dead or stuck worker was at.
"""

from __future__ import annotations

import mmap
import struct
import time
from typing import NamedTuple

_BEGUN = struct.Struct("ddq")
_NUMBER = struct.Struct("q")
_IMPORTING_AT, _REVOKED_AT = 24, 32
BYTES = 64


class Begun(NamedTuple):
    """The item that a worker is at, and when it began."""

    cpu: float
    """CPU seconds of the worker's process at that time."""
    wall: float
    """`time.monotonic()` at that time: one clock for all processes of a machine."""
    number: int
    """-1 before the first item."""


class ProgressPage:
    """The page in a file descriptor that the parent makes and the worker inherits."""

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, BYTES)

    def clear(self) -> None:
        """Say that no item has begun."""
        _BEGUN.pack_into(self._memory, 0, 0.0, time.monotonic(), -1)
        _NUMBER.pack_into(self._memory, _REVOKED_AT, -1)

    def begin(self, number: int) -> float:
        """Note that an item begins now, and give the CPU seconds. The number comes last: until then the times are too late."""
        cpu = time.process_time()
        _BEGUN.pack_into(self._memory, 0, cpu, time.monotonic(), number)
        return cpu

    def begun(self) -> Begun:
        """Tell which item began last."""
        return Begun._make(_BEGUN.unpack_from(self._memory, 0))

    @property
    def importing(self) -> bool:
        """Whether the worker is importing a library, which is on no item's account."""
        return bool(_NUMBER.unpack_from(self._memory, _IMPORTING_AT)[0])

    @importing.setter
    def importing(self, now: bool) -> None:
        _NUMBER.pack_into(self._memory, _IMPORTING_AT, int(now))

    def forgive(self, cpu: float, wall: float) -> None:
        """Take time off the current item's account."""
        begun = self.begun()
        _BEGUN.pack_into(self._memory, 0, begun.cpu + cpu, begun.wall + wall, begun.number)

    @property
    def revoked(self) -> int:
        """Items up to this number that have not begun are no longer the worker's."""
        return _NUMBER.unpack_from(self._memory, _REVOKED_AT)[0]

    @revoked.setter
    def revoked(self, number: int) -> None:
        _NUMBER.pack_into(self._memory, _REVOKED_AT, number)

    def close(self) -> None:
        """Give the page back."""
        self._memory.close()
