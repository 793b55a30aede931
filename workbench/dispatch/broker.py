"""The broker: Redis where REDIS_URL is set, else a queue in this process.

Its messages only ring for rows of the outbox. Any of them may be lost, repeated or late.
"""

import logging
import threading
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

import dramatiq
import redis
from django.conf import settings
from django.db import close_old_connections, connections
from dramatiq.brokers.stub import StubBroker
from dramatiq.middleware import Middleware, TimeLimit

from workbench.dispatch import agreed_time
from workbench.dispatch.delivery import DELIVERY_SECONDS, deliver
from workbench.dispatch.redis_broker import WakingRedisBroker

logger = logging.getLogger(__name__)

QUEUE = "jobs"
ACTOR = "dispatch.deliver"
# After Redis failed, nobody rings for so long: each caller would wait for a time-out of its own.
QUIET_SECONDS = 5.0

_quiet_until = 0.0


class DatabaseConnections(Middleware):
    """Gives each job a live connection to the database, and closes it when its thread ends."""

    def before_process_message(
        self, broker: dramatiq.Broker, message: dramatiq.MessageProxy
    ) -> None:
        close_old_connections()

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        close_old_connections()

    def before_worker_thread_shutdown(
        self, broker: dramatiq.Broker, thread: threading.Thread
    ) -> None:
        connections.close_all()


@cache
def get_broker() -> dramatiq.Broker:
    """Return this process's broker, with the one actor that delivers rows of the outbox.

    Dramatiq's own retries are left out: they keep a delayed message in a worker's memory, where it
    dies with the worker.
    """
    middleware = [DatabaseConnections(), TimeLimit(time_limit=DELIVERY_SECONDS * 1000)]
    broker: dramatiq.Broker
    if settings.REDIS_URL:
        broker = WakingRedisBroker(url=settings.REDIS_URL, middleware=middleware)
    else:
        broker = StubBroker(middleware=middleware)
    dramatiq.set_broker(broker)
    dramatiq.actor(actor_name=ACTOR, queue_name=QUEUE, broker=broker)(_deliver)
    return broker


def _deliver(outbox_id: int) -> None:
    deliver(outbox_id, agreed_time.now())


def ring(outbox_ids: Iterable[int]) -> None:
    """Send a message for each row. Never raises: without a message, the clock rings for the row."""
    global _quiet_until  # noqa: PLW0603 - one for each process; a stale read costs one time-out
    if time.monotonic() < _quiet_until:
        return
    actor = get_broker().get_actor(ACTOR)
    try:
        for outbox_id in outbox_ids:
            actor.send(outbox_id)
    except redis.RedisError as error:
        _quiet_until = time.monotonic() + QUIET_SECONDS
        logger.warning("Redis cannot be reached; the clock will resend the messages: %s", error)


def detect_loss() -> bool:
    """Return True to the first caller after Redis lost its data.

    Never raises: while Redis is away, nobody can know, and the answer is False.
    """
    global _quiet_until  # noqa: PLW0603 - as above
    if not settings.REDIS_URL:
        return False
    broker: Any = get_broker()
    try:
        lost: bool = broker.detect_loss()
    except redis.RedisError:
        return False
    if lost:
        # Redis answers again, and every due row must be rung for at once.
        _quiet_until = 0.0
    return lost
