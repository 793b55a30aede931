"""The handlers of jobs, by name. Each app's ``jobs`` module is imported at start-up."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

Handler = Callable[[dict[str, Any], datetime], None]

_handlers: dict[str, Handler] = {}


class JobUnknown(LookupError):
    """No handler has this name here: its app is missing, or a newer release wrote it."""


class JobAlreadyRegistered(ValueError):
    """Two handlers claim one name."""


def job(name: str) -> Callable[[Handler], Handler]:
    """Register ``handler(args, now)`` for the job ``name``, such as ``reviews.send_notice``.

    The handler must be idempotent: a worker that dies after the work and before the row is
    deleted makes it run again. ``args["outbox_id"]`` is the same each time. It has 50 seconds.
    """

    def register(handler: Handler) -> Handler:
        known = _handlers.get(name)
        if known is not None and known is not handler:
            raise JobAlreadyRegistered(f"Job {name!r} has a handler already: {known!r}")
        _handlers[name] = handler
        return handler

    return register


def get_handler(name: str) -> Handler:
    try:
        return _handlers[name]
    except KeyError:
        raise JobUnknown(f"No handler is registered for job {name!r}") from None
