"""Dramatiq's Redis broker, with consumers that wake at once.

Dramatiq's own consumer polls, ever more slowly while idle, so that a message waited for 84 ms on
average. Here each enqueue also pushes to a short wake list, on which idle consumers block.
"""

import time
from typing import Any

import redis
from dramatiq.broker import MessageProxy
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from dramatiq.message import Message
from dramatiq.middleware import Middleware
from redis.backoff import NoBackoff
from redis.retry import Retry

CONNECT_SECONDS = 0.5
ANSWER_SECONDS = 1.0
# Consumers fetch in batches: more wake-ups than this would tell them nothing new.
WAKE_LIST_LENGTH = 64
BUSY_SECONDS = 0.01


def redis_client(url: str, *, answer_seconds: float = ANSWER_SECONDS) -> redis.Redis:
    """Return a client that fails fast: a commit must not wait for a Redis that is away."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=answer_seconds,
        retry=Retry(NoBackoff(), 0),
    )


class WakingRedisBroker(RedisBroker):
    """A RedisBroker whose idle consumers block on a wake list instead of polling."""

    def __init__(self, *, url: str, middleware: list[Middleware]) -> None:
        super().__init__(  # type: ignore[no-untyped-call]
            client=redis_client(url), middleware=middleware
        )
        self.url = url

    @property
    def consumer_class(self) -> type["WakingConsumer"]:
        return WakingConsumer

    def wake_list(self, queue_name: str) -> str:
        return f"{self.namespace}:wake:{queue_name}"

    def detect_loss(self) -> bool:
        """Return True to the first caller after Redis lost its data. Raises: redis.RedisError.

        A mark is kept in Redis. Whoever finds it missing sets it again, and so is the first.
        """
        return bool(self.client.set(f"{self.namespace}:remembers", "1", nx=True))

    def enqueue(self, message: Message[Any], *, delay: int | None = None) -> Message[Any]:
        sent = super().enqueue(message, delay=delay)
        name = self.wake_list(message.queue_name)
        pipeline = self.client.pipeline(transaction=False)
        pipeline.lpush(name, "1")
        pipeline.ltrim(name, 0, WAKE_LIST_LENGTH - 1)
        pipeline.execute()
        return sent


class WakingConsumer(_RedisConsumer):
    """Fetches what is queued; while nothing is, blocks until a message is sent."""

    def __init__(
        self, broker: WakingRedisBroker, queue_name: str, prefetch: int, timeout: int
    ) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]
        self.wake_list = broker.wake_list(queue_name)
        self.wait_seconds = timeout / 1000
        self.waiting = redis_client(broker.url, answer_seconds=self.wait_seconds + ANSWER_SECONDS)

    def __next__(self) -> MessageProxy | None:
        try:
            if not self.message_cache:
                self._fill_cache()
            if not self.message_cache:
                return None
            message = Message.decode(self.message_cache.pop(0))
        except (redis.ConnectionError, redis.TimeoutError) as error:
            raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]
        self.queued_message_ids.add(message.message_id)
        return MessageProxy(message)

    def _fill_cache(self) -> None:
        room = self.prefetch - self.outstanding_message_count
        if room <= 0:
            # All threads are busy: leave the wake-ups to other processes.
            time.sleep(BUSY_SECONDS)
            return
        self.message_cache = self.broker.do_fetch(self.queue_name, room)
        if not self.message_cache:
            self.waiting.blpop([self.wake_list], timeout=self.wait_seconds)

    def close(self) -> None:
        self.waiting.close()
