"""Commits: write to the ledger what finishes in the same turn of the event loop in one transaction.

A transaction costs some 50 µs, whatever is in it. A sample is on disk when `add` returns; a verdict may wait, for a lost one is
judged again.
"""

from __future__ import annotations

import asyncio

from ...schemas.sample import Sample
from ...schemas.verdict import Verdict
from ..run_folder import Ledger

VERDICTS_AT_ONCE = 64


class Commits:
    """Writes samples and verdicts to a ledger; lives within one event loop."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._arrived: list[tuple[Sample, asyncio.Future[None]]] = []
        self._verdicts: list[tuple[str, Verdict]] = []

    async def add(self, sample: Sample) -> None:
        """Commit a finished sample; when this returns, it is on disk. Raises CotkitError when it cannot be written."""
        loop = asyncio.get_running_loop()
        on_disk = loop.create_future()
        self._arrived.append((sample, on_disk))
        if len(self._arrived) == 1:
            loop.call_soon(self._commit)
        await on_disk

    def add_verdict(self, sample_id: str, verdict: Verdict) -> None:
        """Take a verdict on a committed sample, to be written soon."""
        self._verdicts.append((sample_id, verdict))
        if len(self._verdicts) >= VERDICTS_AT_ONCE:
            self.flush()

    def flush(self) -> None:
        """Write the verdicts that wait."""
        verdicts, self._verdicts = self._verdicts, []
        self._ledger.add_verdicts(verdicts)

    def _commit(self) -> None:
        arrived, self._arrived = self._arrived, []
        if error := self._write([sample for sample, _ in arrived]):
            for sample, on_disk in arrived:  # a disk that has no room for all may have room for some
                _tell(on_disk, self._write([sample]) if len(arrived) > 1 else error)
        else:
            for _, on_disk in arrived:
                _tell(on_disk, None)

    def _write(self, samples: list[Sample]) -> Exception | None:
        try:
            self._ledger.add_all(samples)
        except Exception as error:  # noqa: BLE001 - raised where the sample is waited for
            return error
        return None


def _tell(on_disk: asyncio.Future[None], error: Exception | None) -> None:
    if on_disk.done():
        return  # its task was cancelled meanwhile
    if error is None:
        on_disk.set_result(None)
    else:
        on_disk.set_exception(error)
