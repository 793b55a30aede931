"""DBOS: workflows of ten steps, and workflows that wait in ``recv`` for a message.

``worker`` is one of two processes that start and run workflows, without a queue: that is DBOS's
fastest way. ``desk`` is the process that decides, with a DBOSClient.
"""
# mypy: disable-error-code="untyped-decorator,no-any-return"

import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dbos import DBOS, DBOSClient, DBOSConfig

from bench.conversation import answer

STEPS = 10
THREADS = 32
# A workflow that waits holds a thread.
WAITING = 600
TOPIC = "decision"

DATABASE_URL = os.environ["BENCH_DATABASE_URL"]

_handles: dict[str, Any] = {}


@DBOS.step()
def trivial(n: int) -> int:
    return n + 1


@DBOS.workflow()
def ten_steps() -> int:
    n = 0
    for _ in range(STEPS):
        n = trivial(n)
    return n


@DBOS.step()
def stamp() -> float:
    return time.monotonic()


@DBOS.workflow()
def pausing() -> float:
    DBOS.recv(TOPIC, timeout_seconds=600)
    return stamp()


def linear(runs: int) -> dict[str, Any]:
    began = time.monotonic()
    with ThreadPoolExecutor(THREADS) as pool:
        ends = list(pool.map(lambda _: ten_steps(), range(runs)))
    ended = time.monotonic()
    assert ends == [STEPS] * runs
    return {"began": began, "ended": ended, "steps": runs * STEPS}


def pause(count: int) -> list[str]:
    """Start workflows that wait, and give them time to reach their ``recv``."""
    handles = [DBOS.start_workflow(pausing) for _ in range(count)]
    _handles.update((handle.workflow_id, handle) for handle in handles)
    time.sleep(1 + count / 100)
    return [handle.workflow_id for handle in handles]


def stamps() -> dict[str, float]:
    found = {id_: handle.get_result() for id_, handle in _handles.items()}
    _handles.clear()
    return found


def work() -> None:
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": DATABASE_URL,
        "sys_db_pool_size": THREADS,
        "max_executor_threads": WAITING,
        "log_level": "ERROR",
        "run_admin_server": False,
        "executor_id": f"worker-{os.getpid()}",
    }
    DBOS(config=config)
    DBOS.launch()
    answer({"linear": linear, "pause": pause, "stamps": stamps})
    DBOS.destroy()


def decide_all() -> None:
    client = DBOSClient(system_database_url=DATABASE_URL)

    def send(id_: str) -> tuple[float, float]:
        began = time.monotonic()
        client.send(id_, "approve", TOPIC)
        return began, time.monotonic()

    def decide(ids: list[str], pace_seconds: float, threads: int) -> dict[str, Any]:
        if pace_seconds:
            decided = {}
            for id_ in ids:
                decided[id_] = send(id_)
                time.sleep(pace_seconds)
            return decided
        with ThreadPoolExecutor(threads) as pool:
            return dict(zip(ids, pool.map(send, ids), strict=True))

    answer({"decide": decide})
    client.destroy()


if __name__ == "__main__":
    {"worker": work, "desk": decide_all}[sys.argv[1]]()
