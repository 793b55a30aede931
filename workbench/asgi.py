"""The ASGI application that Daphne serves: HTTP and sockets."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
# Before the imports below, which need the apps.
django.setup(set_prefix=False)

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.conf import settings  # noqa: E402

from flows.editor.presence import websocket_urlpatterns as presence_urlpatterns  # noqa: E402
from workbench.live.routing import refused_urlpatterns, websocket_urlpatterns  # noqa: E402
from workbench.process.memory import collect_seldom  # noqa: E402
from workbench.process.proxies import TrustedProxies  # noqa: E402
from workbench.process.web import ReusedThreads, SynchronousHandler  # noqa: E402

# More threads only compete for the one interpreter: 16 answered a third fewer requests a second.
# And each thread holds a connection to the database.
MOST_AT_A_TIME = 8

application = TrustedProxies(
    ProtocolTypeRouter(
        {
            "http": ReusedThreads(SynchronousHandler(), MOST_AT_A_TIME),
            "websocket": AuthMiddlewareStack(
                URLRouter([*websocket_urlpatterns, *presence_urlpatterns, *refused_urlpatterns])
            ),
        }
    ),
    settings.TRUSTED_PROXIES,
)
collect_seldom()
