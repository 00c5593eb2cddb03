"""Verdicts on their way from the pool's thread to the event loop: those that come together share one wake-up.

asyncio.wrap_future wakes the loop once per verdict, through a pipe: two system calls and a turn of the loop each.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import Future

from ...schemas.verdict import Verdict


class Verdicts:
    """Lives within one event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._arrived: deque[Future[Verdict]] = deque()
        self._waiting: dict[Future[Verdict], asyncio.Future[Verdict]] = {}

    async def of(self, judged: Future[Verdict]) -> Verdict:
        """Wait for a verdict; cancelling cancels it in the pool. Raises what the pool raised."""
        waiting = self._waiting[judged] = self._loop.create_future()
        judged.add_done_callback(self._arrive)
        try:
            return await waiting
        except asyncio.CancelledError:
            judged.cancel()
            raise
        finally:
            del self._waiting[judged]

    def _arrive(self, judged: Future[Verdict]) -> None:
        """Take a verdict, in whatever thread it comes."""
        self._arrived.append(judged)
        if len(self._arrived) == 1 and not self._loop.is_closed():  # the first wakes the loop, which takes all that is there by then
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        while self._arrived:
            judged = self._arrived[0]
            waiting = self._waiting.get(judged)
            if waiting is not None and not waiting.done():
                if judged.cancelled():
                    waiting.cancel()
                elif error := judged.exception():
                    waiting.set_exception(error)
                else:
                    waiting.set_result(judged.result())
            self._arrived.popleft()
