"""Replicas: one teacher made of several equal ones (servers, engines on other machines), some of which may be gone for a while.

    async with Replicas("vllm:MODEL", fingerprint, actors, noun="actors") as teacher:
        completion = await teacher.generate(request)

Each request goes to the replica with the fewest outstanding ones. A replica that falls is set aside and probed with back-off
until it is well, or until a request that was on its way succeeds; what it had goes to the others. Only probes reach it
meanwhile, so a dead replica uses up no request's attempts. When all are down, requests wait for
what `patience_seconds` says.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol, Self

from ...schemas.errors import CotkitError
from .teacher import Completion, Request, Teacher, TeacherError

LONGEST_REQUEST_WAIT_SECONDS = 60.0
LONGEST_PROBE_WAIT_SECONDS = 15.0
PROBE_SECONDS = 30.0
"""Time limit of one probe."""


class ReplicaError(TeacherError):
    """A replica failed a request for now. A plain TeacherError counts as one that has fallen in the middle of a request."""

    def __init__(self, message: str, *, fallen: bool = False, sent: bool = True, leave_alone_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.fallen = fallen
        """The replica itself is in doubt, not only this request."""
        self.sent = sent
        """False when the request never reached it: that uses up no attempt."""
        self.leave_alone_seconds = leave_alone_seconds
        """How long the replica asked to be left alone."""


class Replica(Teacher, Protocol):
    """A teacher that can say whether it is well. It makes one attempt per request; trying again is the business of Replicas."""

    async def probe(self) -> None:
        """Return when requests are welcome; raises TeacherError or CotkitError when not."""
        ...


class _Seat:
    """A replica and how it is doing."""

    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.up = True
        self.outstanding = 0
        self.falls = 0
        """Falls since the last completion."""
        self.alone_until = 0.0
        """On the monotonic clock: not before does anything go to it."""
        self.last_failure = ""


class _Trouble:
    """What a request has been through."""

    def __init__(self) -> None:
        self.since = time.monotonic()
        self.failed_at: list[_Seat] = []


class Replicas:
    """A Teacher over one replica or more; a context manager, as probes run in tasks of their own."""

    patience_seconds = 300.0
    """How long requests wait when every replica is down: a server that is started again loads its model within that."""
    first_wait_seconds = 0.5
    """Back-off before a request's second attempt and a fallen replica's first probe; doubled each time."""

    def __init__(self, name: str, fingerprint: str, replicas: Sequence[Replica], retries: int = 5, noun: str = "replicas") -> None:
        self.name, self.fingerprint = name, fingerprint
        self._replicas = replicas
        self._seats = [_Seat(replica) for replica in replicas]
        # with `retries` 0 too, a request is tried once at each
        self._attempts = retries + len(replicas)
        self._noun = noun
        self._any_up = asyncio.Event()
        self._any_up.set()
        self._all_down_since = 0.0
        self._probes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for probe in self._probes:
            probe.cancel()
        await asyncio.gather(*self._probes, return_exceptions=True)

    async def generate(self, request: Request) -> Completion:
        """Draw one response wherever there is room; raises TeacherError when attempts or patience are used up."""
        trouble: _Trouble | None = None
        while True:
            seat = self._freest(trouble) or await self._wait_for_one()
            seat.outstanding += 1
            try:
                completion = await seat.replica.generate(request)
            except TeacherError as error:
                trouble = trouble or _Trouble()
                await self._after_failure(trouble, seat, error)
            else:
                if not seat.up or seat.falls:
                    self._well(seat, proven=True)
                return completion
            finally:
                seat.outstanding -= 1

    @property
    def at_once(self) -> int:
        """As many as keep every replica busy; one that is down may come back."""
        return sum(replica.at_once for replica in self._replicas)

    def engine_facts(self) -> dict[str, str]:
        """Say how many are up (`{"servers": "2 of 3"}`), or what the only one says when it is up."""
        up = sum(seat.up for seat in self._seats)
        if up == len(self._seats) == 1:
            return self._seats[0].replica.engine_facts()
        return {self._noun: f"{up} of {len(self._seats)}"}

    def set_aside(self, replica: Replica, reason: str) -> None:
        """Take a replica for down from the start; it joins when a probe finds it well."""
        self._fall(next(seat for seat in self._seats if seat.replica is replica), ReplicaError(reason))

    def _freest(self, trouble: _Trouble | None) -> _Seat | None:
        """Choose among those that are up, one that has not failed this request before if there is one."""
        up = [seat for seat in self._seats if seat.up]
        if trouble is not None:
            up = [seat for seat in up if seat not in trouble.failed_at] or up
        return min(up, key=_outstanding) if up else None

    async def _wait_for_one(self) -> _Seat:
        """Wait until a replica is up, as long as patience lasts from the moment the last one fell."""
        while True:
            try:
                async with asyncio.timeout(self._all_down_since + self.patience_seconds - time.monotonic()):
                    await self._any_up.wait()
            except TimeoutError:
                why = "; ".join(seat.last_failure for seat in self._seats)
                raise TeacherError(f"none of {len(self._seats)} {self._noun} came back in {self.patience_seconds:.0f} s: {why}") from None
            if seat := self._freest(None):
                return seat

    async def _after_failure(self, trouble: _Trouble, seat: _Seat, error: TeacherError) -> None:
        """Set the replica aside if it is in doubt, and wait before the next attempt if there is none that has not failed yet."""
        fault = error if isinstance(error, ReplicaError) else ReplicaError(str(error), fallen=True)
        if fault.fallen or fault.leave_alone_seconds:
            self._fall(seat, fault)
        if not fault.sent and time.monotonic() - trouble.since < self.patience_seconds:
            return
        trouble.failed_at.append(seat)
        failures = len(trouble.failed_at)
        if failures >= self._attempts or not fault.sent:
            raise TeacherError(f"failed {failures} times, at last: {error}") from error
        if not any(other.up and other not in trouble.failed_at for other in self._seats):
            await asyncio.sleep(self._back_off(failures - len(self._seats), LONGEST_REQUEST_WAIT_SECONDS))

    def _fall(self, seat: _Seat, fault: ReplicaError) -> None:
        """Set a replica aside; the many requests that fall with it count as one fall."""
        seat.last_failure = str(fault)
        seat.alone_until = max(seat.alone_until, time.monotonic() + fault.leave_alone_seconds)
        if not seat.up:
            return
        seat.up = False
        if not any(other.up for other in self._seats):
            self._any_up.clear()
            self._all_down_since = time.monotonic()
        probe = asyncio.create_task(self._probe_until_well(seat))
        self._probes.add(probe)
        probe.add_done_callback(self._probes.discard)

    async def _probe_until_well(self, seat: _Seat) -> None:
        while not seat.up:
            wait = self._back_off(seat.falls, LONGEST_PROBE_WAIT_SECONDS)
            seat.falls += 1
            await asyncio.sleep(max(wait, seat.alone_until - time.monotonic()))
            try:
                async with asyncio.timeout(PROBE_SECONDS):
                    await seat.replica.probe()
            except (TeacherError, CotkitError, TimeoutError) as error:
                seat.last_failure = str(error) or seat.last_failure
            else:
                self._well(seat)

    def _back_off(self, times: int, longest: float) -> float:
        """Give the seconds to wait before trying again: doubled each time, and up to half of it off, so that not all come at once."""
        return min(longest, self.first_wait_seconds * 2 ** min(max(times, 0), 16)) * random.uniform(0.5, 1.0)

    def _well(self, seat: _Seat, proven: bool = False) -> None:
        """Take a replica back; only a completion proves that it is well, so that one that merely says so is tried ever more rarely."""
        if time.monotonic() < seat.alone_until:
            return
        if proven:
            seat.falls = 0
        if not seat.up:
            seat.up = True
            self._any_up.set()


def _outstanding(seat: _Seat) -> int:
    return seat.outstanding
