"""The Redis channel layer, with a way to ask which groups anybody listens to."""

import asyncio
from collections.abc import Iterable
from typing import Any

from channels_redis.pubsub import RedisPubSubChannelLayer
from redis import asyncio as redis


class ListenedLayer(RedisPubSubChannelLayer):  # type: ignore[misc] # channels_redis has no types
    """Sends by Redis's publish and subscribe, over the one server at ``url``."""

    def __init__(self, *, url: str) -> None:
        super().__init__(hosts=[url])
        self._url = url
        self._clients: dict[asyncio.AbstractEventLoop, redis.Redis] = {}

    async def find_listened(self, groups: Iterable[str]) -> set[str]:
        """Return the groups that a socket of any process has joined, by one request to Redis."""
        names = {self._get_group_channel_name(group): group for group in groups}
        counts: list[tuple[Any, int]] = await self._client().pubsub_numsub(*names)
        return {names[_text(name)] for name, count in counts if count}

    async def flush(self) -> None:
        """Leave all groups and close the connection of this event loop."""
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
