"""Bare Dramatiq: no-op actors, each of which sends the next, ten in a chain.

Nothing is stored: it is what a durable engine on the same broker can at best be compared with.

``dramatiq bench.peers.with_dramatiq -p 2`` are the workers; ``desk`` sends and counts.
"""
# mypy: disable-error-code="no-untyped-call"

import os
import sys
import time
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker

from bench.conversation import answer

STEPS = 10
LIMIT_SECONDS = 180
ENDED = "bench:ended"

url = os.environ["BENCH_REDIS_URL"]
client = redis.Redis.from_url(url)
dramatiq.set_broker(RedisBroker(url=url))


@dramatiq.actor
def trivial(n: int) -> None:
    if n + 1 < STEPS:
        trivial.send(n + 1)
    else:
        client.incr(ENDED)


def linear(runs: int) -> dict[str, Any]:
    client.set(ENDED, 0)
    began = time.monotonic()
    for _ in range(runs):
        trivial.send(0)
    while int(client.get(ENDED) or 0) < runs:
        if time.monotonic() - began > LIMIT_SECONDS:
            raise TimeoutError("The chains did not end.")
        time.sleep(0.02)
    return {"began": began, "ended": time.monotonic(), "steps": runs * STEPS}


if __name__ == "__main__":
    assert sys.argv[1] == "desk"
    answer({"linear": linear})
