"""DBOS: the same two workloads, on the same PostgreSQL. Needs the extra `dbos`.

``python -m bench.peer_dbos w1 DATABASE_URL RUNS`` is one process of W1; start two.
``… w2 DATABASE_URL DECISIONS`` pauses workflows on ``recv`` and wakes them from this process.
Prints one JSON object.
"""
# mypy: disable-error-code="untyped-decorator,no-any-return"

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from dbos import DBOS, DBOSConfig

STEPS = 10
THREADS = 32


@DBOS.step()
def trivial(n: int) -> int:
    return n + 1


@DBOS.workflow()
def ten_steps() -> None:
    for n in range(STEPS):
        trivial(n)


@DBOS.step()
def stamp() -> float:
    return time.monotonic()


@DBOS.workflow()
def pausing() -> float:
    DBOS.recv("decision", timeout_seconds=120)
    return stamp()


def w1(runs: int) -> dict[str, Any]:
    began = time.monotonic()

    def one(_: int) -> None:
        ten_steps()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(one, range(runs)))
    return {"began": began, "ended": time.monotonic(), "steps": runs * STEPS}


def w2(decisions: int) -> dict[str, Any]:
    seconds = []
    for _ in range(decisions):
        handle = DBOS.start_workflow(pausing)
        time.sleep(0.05)
        DBOS.send(handle.workflow_id, "approve", "decision")
        decided = time.monotonic()
        seconds.append(handle.get_result() - decided)
    return {"seconds": seconds}


def main() -> None:
    workload, url, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
    config: DBOSConfig = {
        "name": "bench",
        "system_database_url": url,
        "log_level": "ERROR",
        "run_admin_server": False,
    }
    DBOS(config=config)
    DBOS.launch()
    print("ready", flush=True)
    sys.stdin.readline()
    print(json.dumps(w1(count) if workload == "w1" else w2(count)), flush=True)
    DBOS.destroy()


if __name__ == "__main__":
    main()
