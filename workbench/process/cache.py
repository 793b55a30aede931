"""A cache that all processes share in Redis, and that each keeps for itself while Redis is away."""

import json
import logging
from typing import Any

from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

from workbench.values.json_text import read_json

logger = logging.getLogger(__name__)


class JsonText:
    """Stores values as JSON: nothing that Redis holds is ever executed."""

    def dumps(self, value: Any) -> Any:
        # Whole numbers stay numbers, for Redis counts with them.
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, stored: Any) -> Any:
        return read_json(stored)


class SharedCache(RedisCache):
    """Django's Redis cache, which answers from this process while Redis is away.

    What is cached may be lost at any time, so that nobody notices but who counts attempts.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        super().__init__(server, {**params, "OPTIONS": {"serializer": JsonText}})
        self._own = LocMemCache(server, {})

    def get(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("get", *args, **kwargs)

    def set(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("set", *args, **kwargs)

    def add(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("add", *args, **kwargs)

    def incr(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("incr", *args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        return self._ask("delete", *args, **kwargs)

    def _ask(self, method: str, *args: Any, **kwargs: Any) -> Any:
        try:
            return getattr(super(), method)(*args, **kwargs)
        except (RedisError, OSError) as error:
            logger.debug("The cache is kept by this process: %s", error)
            return getattr(self._own, method)(*args, **kwargs)
