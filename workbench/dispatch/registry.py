"""The handlers of jobs, by name. Each app registers its own in ``jobs``, imported at start-up."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

Handler = Callable[[dict[str, Any], datetime], None]

_handlers: dict[str, Handler] = {}


class JobUnknown(LookupError):
    """No handler has this name: its app is not installed, or a newer release wrote the job."""


class JobAlreadyRegistered(ValueError):
    """Another handler is registered under this name."""


def job(name: str) -> Callable[[Handler], Handler]:
    """Register ``handler(args, now)`` for the job ``name``, such as ``reviews.send_notice``.

    The handler must be idempotent: if a worker dies after the work and before the row is deleted,
    it runs again. ``args["outbox_id"]`` is the same each time. It may take 50 seconds.
    """

    def register(handler: Handler) -> Handler:
        known = _handlers.get(name)
        if known is not None and known is not handler:
            raise JobAlreadyRegistered(f"Job {name!r} has a handler already: {known!r}")
        _handlers[name] = handler
        return handler

    return register


def get_handler(name: str) -> Handler:
    """Raises: JobUnknown."""
    try:
        return _handlers[name]
    except KeyError:
        raise JobUnknown(f"No handler is registered for job {name!r}") from None
