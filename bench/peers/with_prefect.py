"""Prefect: flows of ten tasks whose results are kept, against a server on the same PostgreSQL.

``worker`` is one of two processes that run several flows at a time: async flows, gathered, as its
documentation recommends for many small flows.
"""
# mypy: disable-error-code="untyped-decorator"

import asyncio
import sys
import time
from typing import Any

from prefect import flow, task

from bench.conversation import answer

STEPS = 10
TOGETHER = 8


@task(persist_result=True)
async def trivial(n: int) -> int:
    return n + 1


@flow(persist_result=True)
async def ten_tasks() -> int:
    n = 0
    for _ in range(STEPS):
        n = await trivial(n)
    return n


async def run(runs: int) -> list[int]:
    left, ends = list(range(runs)), []

    async def some() -> None:
        while left:
            left.pop()
            ends.append(await ten_tasks())

    await asyncio.gather(*(some() for _ in range(TOGETHER)))
    return ends


def linear(runs: int) -> dict[str, Any]:
    began = time.monotonic()
    ends = asyncio.run(run(runs))
    ended = time.monotonic()
    assert ends == [STEPS] * runs
    return {"began": began, "ended": ended, "steps": runs * STEPS}


if __name__ == "__main__":
    assert sys.argv[1] == "worker"
    answer({"linear": linear})
