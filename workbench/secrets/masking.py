"""Take the values of secrets out of what is about to be stored or shown."""

from collections.abc import Collection, Mapping
from typing import Any

MASK = "•••"
# Shorter values would mask ordinary words.
SHORTEST = 4


def mask(value: Any, secrets: Collection[str]) -> Any:
    """Return a JSON value in whose texts and keys each secret is replaced by dots."""
    hidden = sorted((s for s in secrets if len(s) >= SHORTEST), key=len, reverse=True)
    return _masked(value, hidden) if hidden else value


def _masked(value: Any, hidden: list[str]) -> Any:
    if isinstance(value, str):
        for secret in hidden:
            value = value.replace(secret, MASK)
        return value
    if isinstance(value, Mapping):
        return {_masked(key, hidden): _masked(item, hidden) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(item, hidden) for item in value]
    return value
