"""Threads for step code: one for short calls, as many as are needed for those that block."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from flows.runtime.step_pool import StepPool, StepQuit


@contextmanager
def pool_on(loop: asyncio.AbstractEventLoop, threads: int, **options: Any) -> Iterator[StepPool]:
    pool = StepPool(loop, threads, **options)
    pool.start()
    yield pool
    pool.stop()


def with_pool(
    scenario: Callable[[StepPool], Awaitable[Any]], threads: int = 8, **options: Any
) -> Any:
    async def play() -> Any:
        with pool_on(asyncio.get_running_loop(), threads, **options) as pool:
            return await scenario(pool)

    return asyncio.run(play())


def test_short_calls_take_their_turn_one_after_the_other() -> None:
    under_way: list[int] = [0]
    most: list[int] = []

    def short() -> None:
        under_way[0] += 1
        most.append(under_way[0])
        under_way[0] -= 1

    async def scenario(pool: StepPool) -> None:
        await asyncio.gather(*(pool.submit(short) for _ in range(200)))

    with_pool(scenario, patience_seconds=60)
    assert set(most) == {1}


def test_calls_that_block_all_run_beside_one_another() -> None:
    async def scenario(pool: StepPool) -> list[int]:
        together = threading.Barrier(8)
        return sorted(await asyncio.gather(*(pool.submit(together.wait, 30) for _ in range(8))))

    assert with_pool(scenario) == list(range(8))


def test_a_call_behind_a_blocking_one_is_not_held_up() -> None:
    async def scenario(pool: StepPool) -> str:
        release = threading.Event()
        blocked = pool.submit(release.wait, 30)
        quick = await pool.submit(lambda: "quick")
        release.set()
        assert await blocked
        return str(quick)

    assert with_pool(scenario) == "quick"


def test_without_patience_each_call_has_a_thread_at_once() -> None:
    async def scenario(pool: StepPool) -> list[int]:
        together = threading.Barrier(2)
        return sorted(await asyncio.gather(*(pool.submit(together.wait, 30) for _ in range(2))))

    assert with_pool(scenario, threads=2, patience_seconds=0) == [0, 1]


def test_no_call_is_lost_between_a_thread_and_its_sleep() -> None:
    async def scenario(pool: StepPool) -> list[int]:
        return [await pool.submit(int, str(n)) for n in range(2_000)]

    # Without patience for help: a lost call would hang here.
    assert with_pool(scenario, patience_seconds=60) == list(range(2_000))


@pytest.mark.parametrize(
    ("raised", "expected"),
    [(ValueError("no"), ValueError), (SystemExit(1), StepQuit), (StopIteration(), StepQuit)],
)
def test_what_a_call_raises_comes_back_and_the_thread_goes_on(
    raised: BaseException, expected: type[Exception]
) -> None:
    def fail() -> None:
        raise raised

    async def scenario(pool: StepPool) -> str:
        with pytest.raises(expected):
            await pool.submit(fail)
        return str(await pool.submit(lambda: "still here"))

    assert with_pool(scenario, threads=1) == "still here"
