from typing import Any

from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "workbench.live"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_out

        user_logged_out.connect(end_session_sockets, dispatch_uid="live.end_session_sockets")


def end_session_sockets(sender: Any, request: Any, **kwargs: Any) -> None:
    """Close the sockets of the session that signs out; it is flushed right after this."""
    from workbench.live.access import session_group
    from workbench.live.nudges import publish

    key = getattr(getattr(request, "session", None), "session_key", None)
    if key:
        publish([session_group(key)], {"type": "live.end"})
