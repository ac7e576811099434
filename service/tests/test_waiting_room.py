"""Callers without room in a pool wait for it: in their order, for a while, and not too many."""

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from auth.crypto.waiting_room import WaitingRoom
from auth.thread_pool import FullError, Pool


class Place:
    """The only place of a pool, taken until `free` is set."""

    def __init__(self) -> None:
        self.pool = Pool(1, places=1, name="test")
        self.free = threading.Event()

    def room(self, *, seats: int = 8, seconds: float = 20) -> WaitingRoom:
        return WaitingRoom(self.pool, seats=seats, seconds=seconds)

    async def taken(self, room: WaitingRoom) -> "asyncio.Task[None]":
        """Take the place; return the task that holds it."""

        async def hold() -> None:
            async with room.passed():
                room.arrived()
                await self.pool.run(lambda: self.free.wait(timeout=20))

        task = asyncio.create_task(hold())
        await asyncio.sleep(0)
        return task


@pytest.fixture(name="place")
def _place() -> Iterator[Place]:
    place = Place()
    yield place
    place.free.set()
    place.pool.close()


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(asyncio.wait_for(work, timeout=30))


@pytest.mark.parametrize("needs_a_thread", [True, False])
def test_callers_go_on_in_their_order_once_there_is_room(
    place: Place, *, needs_a_thread: bool
) -> None:
    room, order = place.room(), list[str]()

    async def caller(name: str) -> None:
        async with room.passed():
            order.append(name)
            if needs_a_thread:
                room.arrived()
                await place.pool.run(lambda: None)

    async def story() -> None:
        holder = await place.taken(room)
        callers = [asyncio.create_task(caller(name)) for name in "abc"]
        await asyncio.sleep(0.05)
        assert (order, room.waiting) == ([], 3)
        place.free.set()
        await asyncio.gather(holder, *callers)

    run(story())
    assert (order, room.waiting) == (["a", "b", "c"], 0)


def test_a_caller_waits_no_longer_than_its_seconds(place: Place) -> None:
    room = place.room(seconds=0.05)

    async def story() -> None:
        holder = await place.taken(room)
        with pytest.raises(FullError):
            async with room.passed():
                pytest.fail("there was no room")
        assert room.waiting == 0, "the seat stays taken"
        place.free.set()
        await holder

    run(story())


def test_a_caller_without_a_seat_is_refused_at_once(place: Place) -> None:
    room = place.room(seats=1)

    async def caller() -> None:
        async with room.passed():
            pass

    async def story() -> None:
        holder = await place.taken(room)
        seated = asyncio.create_task(caller())
        await asyncio.sleep(0)
        with pytest.raises(FullError):
            await asyncio.wait_for(caller(), timeout=5)
        place.free.set()
        await asyncio.gather(holder, seated)

    run(story())


def test_a_caller_that_is_gone_holds_up_nobody(place: Place) -> None:
    room, passed = place.room(), list[str]()

    async def caller(name: str) -> None:
        async with room.passed():
            passed.append(name)

    async def story() -> None:
        holder = await place.taken(room)
        gone, next_caller = (asyncio.create_task(caller(name)) for name in ("gone", "next"))
        await asyncio.sleep(0)
        gone.cancel()
        place.free.set()
        await asyncio.gather(holder, next_caller)

    run(story())
    assert passed == ["next"]


def test_a_place_is_kept_for_a_caller_on_its_way_to_the_pool(place: Place) -> None:
    room, order = place.room(), list[str]()

    async def caller(name: str) -> None:
        async with room.passed():
            order.append(name)
            await asyncio.sleep(0.01)
            room.arrived()
            await place.pool.run(lambda: None)

    async def story() -> None:
        place.free.set()
        await asyncio.gather(*map(caller, "abc"))

    run(story())
    assert order == ["a", "b", "c"]
