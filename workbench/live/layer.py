"""The Redis channel layer, which can tell which groups a page listens to."""

import asyncio
from collections.abc import Iterable
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer
from redis import asyncio as redis


class ListenedLayer(RedisPubSubChannelLayer):  # type: ignore[misc] # channels_redis has no types
    """Redis's publish and subscribe. ``url`` is the one server that carries it."""

    def __init__(self, *, url: str) -> None:
        super().__init__(hosts=[url])
        self._url = url
        self._clients: dict[asyncio.AbstractEventLoop, redis.Redis] = {}

    async def listened(self, groups: Iterable[str]) -> set[str]:
        """Return those of the groups that a socket of any process is in. One question for all."""
        names = {self._get_group_channel_name(group): group for group in groups}
        counts: list[tuple[Any, int]] = await self._client().pubsub_numsub(*names)
        return {names[_text(name)] for name, count in counts if count}

    async def flush(self) -> None:
        """Forget all groups and close the connections of this loop."""
        client = self._clients.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.aclose()
        await self._get_layer().flush()

    def _client(self) -> redis.Redis:
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = redis.Redis.from_url(self._url)
        return self._clients[loop]


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
