"""When a session is over: it was not used for too long, or it is too old."""

import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings

# What a session keeps, in seconds since the epoch.
BEGAN, USED = "began_at", "used_at"


def begin(session: Any) -> None:
    """Note that the session begins now."""
    session[BEGAN] = session[USED] = int(time.time())


def is_idle(session: Mapping[str, Any]) -> bool:
    """Return whether the session must end. One that is older than this rule begins now."""
    now = time.time()
    unused: float = now - session.get(USED, now)
    age: float = now - session.get(BEGAN, now)
    longest: float = settings.SESSION_LONGEST_SECONDS
    return unused > float(settings.SESSION_IDLE_SECONDS) or age > longest
