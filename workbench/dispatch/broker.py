"""The broker: Redis where REDIS_URL is set, else a queue in this process.

It carries doorbells. Every one of them may be lost, repeated or late without harm.
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
# While Redis is away, callers are not made to find out one by one.
QUIET_SECONDS = 5.0

_quiet_until = 0.0


class DatabaseConnections(Middleware):
    """Gives each job a live connection, and closes those of threads that end."""

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
    """Return this process's broker, with the one actor that delivers outbox rows.

    Dramatiq's retries are left out: they would keep delays in a worker's memory.
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
    """Send a message for each row. Never raises: a row without a message waits for the clock."""
    global _quiet_until  # noqa: PLW0603 - one process, one Redis; a late reader rings in vain
    if time.monotonic() < _quiet_until:
        return
    actor = get_broker().get_actor(ACTOR)
    try:
        for outbox_id in outbox_ids:
            actor.send(outbox_id)
    except redis.RedisError as error:
        _quiet_until = time.monotonic() + QUIET_SECONDS
        logger.warning("Redis cannot be reached, the clock will ring later: %s", error)


def has_forgotten() -> bool:
    """Say whether Redis lost what was sent, once for each loss. Never raises: away, it may not."""
    global _quiet_until  # noqa: PLW0603 - as above
    if not settings.REDIS_URL:
        return False
    broker: Any = get_broker()
    try:
        forgotten: bool = broker.has_forgotten()
    except redis.RedisError:
        return False
    if forgotten:
        # It answers again, and there is much to say.
        _quiet_until = 0.0
    return forgotten
