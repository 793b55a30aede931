"""HTTP and sockets in one application, for Daphne."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
# First: it loads the apps, which the imports below need.
http_application = get_asgi_application()

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from flows.consumers import websocket_urlpatterns as presence_urlpatterns  # noqa: E402
from workbench.live.routing import websocket_urlpatterns  # noqa: E402

application = ProtocolTypeRouter(
    {
        "http": http_application,
        "websocket": AuthMiddlewareStack(
            URLRouter([*websocket_urlpatterns, *presence_urlpatterns])
        ),
    }
)
