"""HTTP and sockets in one application, for Daphne."""

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
# First: it loads the apps, which the imports below need.
http_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.core.signals import request_finished  # noqa: E402
from django.db import connection  # noqa: E402

from flows.consumers import websocket_urlpatterns as presence_urlpatterns  # noqa: E402
from workbench.live.routing import websocket_urlpatterns  # noqa: E402


def close_connection(**_: Any) -> None:
    """Give the connection back at the end of the request.

    Each request has a thread of its own here, and a connection that stays open in a thread that
    ended is never used again: fifty clients took all that PostgreSQL has.
    """
    if connection.vendor == "postgresql":
        connection.close()


request_finished.connect(close_connection)

application = ProtocolTypeRouter(
    {
        "http": http_application,
        "websocket": AuthMiddlewareStack(
            URLRouter([*websocket_urlpatterns, *presence_urlpatterns])
        ),
    }
)
