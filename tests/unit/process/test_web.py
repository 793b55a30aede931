import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import iscoroutinefunction, sync_to_async

from workbench.process.web import ReusedThreads, SynchronousHandler

pytestmark = pytest.mark.unit


class Desk:
    """An application that works on its request's thread until it is let go."""

    def __init__(self) -> None:
        self.at_work: list[int] = []
        self.threads: list[int] = []
        self.go_on = threading.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await sync_to_async(self.work)()

    def work(self) -> None:
        thread = threading.get_ident()
        self.threads.append(thread)
        self.at_work.append(thread)
        assert self.go_on.wait(10)
        self.at_work.remove(thread)


def run(scene: Callable[[Desk, ReusedThreads], Awaitable[None]], most: int) -> Desk:
    desk = Desk()
    asyncio.run(asyncio.wait_for(scene(desk, ReusedThreads(desk, most)), 10))
    return desk


async def until(reached: Callable[[], bool]) -> None:
    while not reached():
        await asyncio.sleep(0.001)


def test_the_next_request_has_the_thread_of_the_last() -> None:
    async def scene(desk: Desk, web: ReusedThreads) -> None:
        desk.go_on.set()
        for _ in range(5):
            await web(None, None, None)

    assert len(set(run(scene, most=4).threads)) == 1


def test_more_requests_than_places_wait_in_line() -> None:
    async def scene(desk: Desk, web: ReusedThreads) -> None:
        requests = [asyncio.create_task(web(None, None, None)) for _ in range(7)]
        await until(lambda: len(desk.at_work) == 2)
        assert len(desk.threads) == 2
        desk.go_on.set()
        await asyncio.gather(*requests)

    desk = run(scene, most=2)
    assert (len(desk.threads), len(set(desk.threads))) == (7, 2)


def test_a_thread_whose_client_went_away_is_given_on_when_it_is_done() -> None:
    async def scene(desk: Desk, web: ReusedThreads) -> None:
        left = asyncio.create_task(web(None, None, None))
        await until(lambda: len(desk.at_work) == 1)
        left.cancel()
        following = asyncio.create_task(web(None, None, None))
        await asyncio.wait([left, following], timeout=0.05)
        assert len(desk.threads) == 1
        desk.go_on.set()
        await following

    run(scene, most=1)


def test_a_place_is_free_again_though_its_thread_is_never_done() -> None:
    async def scene(desk: Desk, web: ReusedThreads) -> None:
        left = asyncio.create_task(web(None, None, None))
        await until(lambda: len(desk.at_work) == 1)
        left.cancel()
        await asyncio.sleep(0)
        left.cancel()
        await asyncio.wait([left])
        following = asyncio.create_task(web(None, None, None))
        await until(lambda: len(desk.at_work) == 2)
        desk.go_on.set()
        await following

    assert len(set(run(scene, most=1).threads)) == 2


def test_middleware_and_view_are_one_function() -> None:
    chain = SynchronousHandler()._middleware_chain  # type: ignore[attr-defined]
    assert not iscoroutinefunction(chain)
