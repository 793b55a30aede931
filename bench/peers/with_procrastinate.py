"""Procrastinate: jobs that defer the next job, ten in a chain; a job that a decision defers.

``worker`` is one of two workers that listen for jobs; ``desk`` defers them. Finished jobs are kept:
that is the default, and our journal is kept too.
"""
# mypy: disable-error-code="untyped-decorator"

import asyncio
import os
import sys
import threading
import time
import uuid
from collections.abc import Awaitable
from typing import Any

from procrastinate import App, PsycopgConnector

from bench.conversation import answer

STEPS = 10
CONCURRENCY = 32
LIMIT_SECONDS = 180

connector = PsycopgConnector(
    conninfo=os.environ["BENCH_DATABASE_URL"], min_size=4, max_size=CONCURRENCY
)
app = App(connector=connector)
loop = asyncio.new_event_loop()
_stamps: dict[str, float] = {}


@app.task(name="trivial")
async def trivial(n: int) -> int:
    if n + 1 < STEPS:
        await trivial.defer_async(n=n + 1)
    return n + 1


@app.task(name="stamp")
async def stamp(id_: str) -> None:
    _stamps[id_] = time.monotonic()


def run(what: Awaitable[Any]) -> Any:
    """Await something on the loop, which has a thread of its own, and return its result."""

    async def wait() -> Any:
        return await what

    return asyncio.run_coroutine_threadsafe(wait(), loop).result()


# --- The workers --------------------------------------------------------------------------


def stamps() -> dict[str, float]:
    return dict(_stamps.popitem() for _ in range(len(_stamps)))


async def work_on() -> None:
    await app.run_worker_async(concurrency=CONCURRENCY, install_signal_handlers=False)


def worker() -> None:
    working = asyncio.run_coroutine_threadsafe(work_on(), loop)
    answer({"stamps": stamps})
    working.cancel()


# --- The desk -----------------------------------------------------------------------------


async def finished() -> int:
    row = await connector.execute_query_one_async(
        "SELECT count(*) AS n FROM procrastinate_jobs WHERE status = 'succeeded'"
    )
    return int(row["n"])


async def run_chains(runs: int) -> dict[str, Any]:
    before = await finished()
    began = time.monotonic()
    await trivial.batch_defer_async(*({"n": 0} for _ in range(runs)))
    while await finished() - before < runs * STEPS:
        if time.monotonic() - began > LIMIT_SECONDS:
            raise TimeoutError("The chains did not end.")
        await asyncio.sleep(0.02)
    return {"began": began, "ended": time.monotonic(), "steps": runs * STEPS}


def pause(count: int) -> list[str]:
    """Return new ids. Nothing has to wait: the decision itself makes the job."""
    return [uuid.uuid4().hex for _ in range(count)]


async def decide_one(id_: str) -> tuple[float, float]:
    began = time.monotonic()
    await stamp.defer_async(id_=id_)
    return began, time.monotonic()


async def decide_paced(ids: list[str], pace_seconds: float) -> dict[str, Any]:
    decided = {}
    for id_ in ids:
        decided[id_] = await decide_one(id_)
        await asyncio.sleep(pace_seconds)
    return decided


async def decide_at_once(ids: list[str], threads: int) -> dict[str, Any]:
    decided, left = {}, list(reversed(ids))

    async def some() -> None:
        while left:
            id_ = left.pop()
            decided[id_] = await decide_one(id_)

    await asyncio.gather(*(some() for _ in range(threads)))
    return decided


def decide(ids: list[str], pace_seconds: float, threads: int) -> dict[str, Any]:
    if pace_seconds:
        return dict(run(decide_paced(ids, pace_seconds)))
    return dict(run(decide_at_once(ids, threads)))


def desk() -> None:
    answer({"linear": lambda runs: run(run_chains(runs)), "pause": pause, "decide": decide})


def set_up() -> None:
    run(app.schema_manager.apply_schema_async())


if __name__ == "__main__":
    threading.Thread(target=loop.run_forever, daemon=True).start()
    run(app.open_async())
    {"worker": worker, "desk": desk, "set-up": set_up}[sys.argv[1]]()
    run(app.close_async())
