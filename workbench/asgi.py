"""HTTP and sockets in one application, for Daphne."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "workbench.settings")
# First: it loads the apps, which the imports below need.
django.setup(set_prefix=False)

from channels.auth import AuthMiddlewareStack  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402

from flows.editor.presence import websocket_urlpatterns as presence_urlpatterns  # noqa: E402
from workbench.live.routing import websocket_urlpatterns  # noqa: E402
from workbench.process.web import KeptThreads, OnePieceHandler  # noqa: E402

# More take turns at one interpreter, which costs more than it gives: 16 answered a third fewer a
# second. And each holds a connection to the database.
MOST_AT_A_TIME = 8

application = ProtocolTypeRouter(
    {
        "http": KeptThreads(OnePieceHandler(), MOST_AT_A_TIME),
        "websocket": AuthMiddlewareStack(
            URLRouter([*websocket_urlpatterns, *presence_urlpatterns])
        ),
    }
)
