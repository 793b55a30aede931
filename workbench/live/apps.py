from typing import Any

from django.apps import AppConfig
from django.contrib.auth.signals import user_logged_out

from workbench.live.access import session_group
from workbench.live.nudges import publish


class LiveConfig(AppConfig):
    name = "workbench.live"

    def ready(self) -> None:
        user_logged_out.connect(close_session_sockets, dispatch_uid="live.close_session_sockets")


def close_session_sockets(sender: Any, request: Any, **kwargs: Any) -> None:
    """Close the sockets of the session that signs out; it is flushed right after this."""
    key = getattr(getattr(request, "session", None), "session_key", None)
    if key:
        publish([session_group(key)], {"type": "live.end"})
