from django.urls import path, re_path

from workbench.live.consumers import LiveConsumer, RefusingConsumer

websocket_urlpatterns = [path("live/", LiveConsumer.as_asgi())]
# After all others: without it, the router raises for an address that is not there.
refused_urlpatterns = [re_path(r"", RefusingConsumer.as_asgi())]
