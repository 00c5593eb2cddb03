"""Replicas: each request goes where there is most room, and none is lost while one replica lives."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest
from cotkit.pipelines.sampling.replicas import Replica, ReplicaError, Replicas
from cotkit.pipelines.sampling.teacher import Completion, Request, TeacherError
from cotkit.schemas.errors import CotkitError


class Engine:
    """A replica that takes a little time; `alive` and `fails` are turned by the tests."""

    def __init__(self, name: str = "", seconds: float = 0.005) -> None:
        self.name = self.fingerprint = name
        self.seconds = seconds
        self.alive = True
        self.fails: Exception | None = None
        self.drawn = self.asked = self.probed = self.running = self.most_running = 0

    async def generate(self, request: Request) -> Completion:
        self.asked += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self.alive:
                await asyncio.sleep(self.seconds)
            if not self.alive:
                raise ReplicaError(f"{self.name} is gone", fallen=True)
            if self.fails:
                raise self.fails
            self.drawn += 1
            return Completion(self.name, "stop")
        finally:
            self.running -= 1

    async def probe(self) -> None:
        self.probed += 1
        if not self.alive:
            raise TeacherError(f"{self.name} is still gone")

    def engine_facts(self) -> dict[str, str]:
        return {"cache hits": "83 %"}


def request(index: int = 0) -> Request:
    return Request("p", index, [], {}, index)


def run(engines: list[Engine], work: Callable[[Replicas], Awaitable[None]], retries: int = 5, patience: float = 5.0) -> None:
    async def session() -> None:
        replicas: list[Replica] = list(engines)
        async with Replicas("t", "f", replicas, retries, "servers") as teacher:
            teacher.first_wait_seconds, teacher.patience_seconds = 0.02, patience
            await work(teacher)

    asyncio.run(session())


async def draw(teacher: Replicas, count: int, in_flight: int = 16) -> list[Completion]:
    left = iter(range(count))

    async def worker() -> list[Completion]:
        return [await teacher.generate(request(index)) for index in left]

    return [completion for some in await asyncio.gather(*(worker() for _ in range(in_flight))) for completion in some]


def test_the_replica_with_the_fewest_outstanding_requests_is_asked() -> None:
    slow, quick = Engine("slow", 0.04), Engine("quick", 0.005)

    async def work(teacher: Replicas) -> None:
        assert len(await draw(teacher, 200, in_flight=8)) == 200

    run([slow, quick], work)
    assert slow.most_running == quick.most_running == 4
    assert quick.drawn > 3 * slow.drawn


def test_a_replica_that_dies_loses_nothing_and_is_asked_again_when_it_is_back() -> None:
    one, other = Engine("one"), Engine("other")

    async def work(teacher: Replicas) -> None:
        async def kill() -> None:
            await asyncio.sleep(0.03)
            one.alive = False
            await asyncio.sleep(0.03)
            asked = one.asked
            assert teacher.engine_facts() == {"servers": "1 of 2"}
            await asyncio.sleep(0.1)
            assert one.asked == asked  # probes alone go there
            one.alive = True

        completions, _ = await asyncio.gather(draw(teacher, 1500), kill())
        assert len(completions) == 1500
        assert teacher.engine_facts() == {"servers": "2 of 2"}

    run([one, other], work)
    assert one.probed >= 2
    assert one.drawn > 100


def test_a_request_is_tried_at_every_replica_though_retries_are_none() -> None:
    engines = [Engine(str(place)) for place in range(4)]
    for engine in engines[:3]:
        engine.fails = TeacherError("reset")

    async def work(teacher: Replicas) -> None:
        assert (await teacher.generate(request())).text == "3"

    run(engines, work, retries=0)
    assert [engine.asked for engine in engines] == [1, 1, 1, 1]


def test_all_replicas_may_be_gone_for_a_while() -> None:
    engines = [Engine("a"), Engine("b")]

    async def work(teacher: Replicas) -> None:
        async def outage() -> None:
            await asyncio.sleep(0.02)
            for engine in engines:
                engine.alive = False
            await asyncio.sleep(0.3)
            assert teacher.engine_facts() == {"servers": "0 of 2"}
            for engine in engines:
                engine.alive = True

        completions, _ = await asyncio.gather(draw(teacher, 300), outage())
        assert len(completions) == 300

    run(engines, work)


@pytest.mark.alone
def test_patience_with_replicas_that_are_all_gone_ends() -> None:
    engines = [Engine("a"), Engine("b")]
    for engine in engines:
        engine.alive = False

    async def work(teacher: Replicas) -> None:
        started = time.monotonic()
        results = await asyncio.gather(*(teacher.generate(request(index)) for index in range(8)), return_exceptions=True)
        assert all(isinstance(result, TeacherError) for result in results)
        assert "none of 2 servers came back" in str(results[0])
        assert "a is still gone; b is still gone" in str(results[0])
        assert 0.3 < time.monotonic() - started < 2
        engines[1].alive = True
        await asyncio.sleep(0.5)
        assert (await teacher.generate(request())).text == "b"

    run(engines, work, patience=0.3)


@pytest.mark.parametrize("retries", [0, 3])
def test_attempts_at_a_request_that_always_fails_are_counted(retries: int) -> None:
    engine = Engine()
    engine.fails = ReplicaError("half an answer")

    async def work(teacher: Replicas) -> None:
        with pytest.raises(TeacherError, match=f"failed {retries + 1} times, at last: half an answer"):
            await teacher.generate(request())

    run([engine], work, retries)
    assert engine.asked == retries + 1
    assert engine.probed == 0


def test_a_request_that_brings_every_replica_down_ends_and_the_others_go_on() -> None:
    class Fragile(Engine):
        async def generate(self, request: Request) -> Completion:
            if request.index == 7:
                raise TeacherError("reset by peer")
            return await super().generate(request)

    async def work(teacher: Replicas) -> None:
        results = await asyncio.gather(*(teacher.generate(request(index)) for index in range(20)), return_exceptions=True)
        assert [index for index, result in enumerate(results) if isinstance(result, TeacherError)] == [7]

    run([Fragile("a"), Fragile("b")], work, retries=2)


@pytest.mark.alone
def test_a_replica_that_asks_to_be_left_alone_is_and_its_request_goes_elsewhere() -> None:
    busy, free = Engine("busy"), Engine("free")
    busy.fails = ReplicaError("slow down", leave_alone_seconds=0.3)

    async def work(teacher: Replicas) -> None:
        started = time.monotonic()
        assert {completion.text for completion in await draw(teacher, 40, in_flight=4)} == {"free"}
        assert time.monotonic() - started < 0.3
        asked, busy.fails = busy.asked, None
        assert asked <= 4
        await asyncio.sleep(0.5)
        assert {completion.text for completion in await draw(teacher, 40, in_flight=4)} == {"free", "busy"}

    run([busy, free], work)


def test_a_replica_that_never_hears_a_request_uses_up_no_attempt_but_patience() -> None:
    engine = Engine()
    engine.fails = ReplicaError("cannot connect", fallen=True, sent=False)

    async def work(teacher: Replicas) -> None:
        with pytest.raises(TeacherError, match="cannot connect"):
            await teacher.generate(request())

    run([engine], work, retries=0, patience=0.2)
    assert engine.asked > 1


def test_a_replica_that_is_down_from_the_start_joins_when_it_comes_up() -> None:
    late, early = Engine("late"), Engine("early")
    late.alive = False

    async def work(teacher: Replicas) -> None:
        teacher.set_aside(late, "not there yet")
        assert {completion.text for completion in await draw(teacher, 40)} == {"early"}
        assert late.asked == 0
        late.alive = True
        await asyncio.sleep(0.3)
        assert {completion.text for completion in await draw(teacher, 40)} == {"early", "late"}

    run([late, early], work)


def test_what_nothing_mends_is_not_tried_again() -> None:
    engines = [Engine(), Engine()]
    engines[0].fails = CotkitError("wrong key", "set it")

    async def work(teacher: Replicas) -> None:
        with pytest.raises(CotkitError, match="wrong key"):
            await teacher.generate(request())

    run(engines, work)
    assert [engine.asked for engine in engines] == [1, 0]


def test_a_cancelled_request_is_cancelled_at_its_replica_and_takes_no_room() -> None:
    engine = Engine(seconds=10)

    async def work(teacher: Replicas) -> None:
        task = asyncio.create_task(teacher.generate(request()))
        await asyncio.sleep(0.01)
        assert engine.running == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert engine.running == 0

    run([engine], work)


def test_the_only_replica_speaks_for_itself_while_it_is_up() -> None:
    engine = Engine()

    async def work(teacher: Replicas) -> None:
        assert teacher.engine_facts() == {"cache hits": "83 %"}
        teacher.set_aside(engine, "gone")
        assert teacher.engine_facts() == {"servers": "0 of 1"}

    run([engine], work)
