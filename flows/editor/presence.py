"""Presence on a canvas: who is here, where their pointer is, what they have selected.

Kept in no table: each browser repeats itself to the others, and forgets who has gone quiet.
"""

import re
from typing import Any

from channels.db import database_sync_to_async
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncJsonWebsocketConsumer
from django.urls import path

from workbench.accounts.permissions import can
from workbench.live.origin import is_own_origin

FORBIDDEN = 4403
MAX_SELECTED = 50
MAX_NAME = 80
TAB = re.compile(r"[A-Za-z0-9-]{1,40}")


class PresenceConsumer(AsyncJsonWebsocketConsumer):  # type: ignore[misc]
    """Relays ``{tab, at: [x, y] | null, selected: [step]}`` to the others on the same flow.

    Authorises at connect; then neither queries nor renders. A message is what one browser says
    of itself: the person's name is added here.
    """

    async def connect(self) -> None:
        if not is_own_origin(self.scope["headers"]):
            raise DenyConnection
        self.flow = self.scope["url_route"]["kwargs"]["name"]
        self.group = f"presence.{self.flow}"
        self.tab = ""
        user = self.scope["user"]
        if not await database_sync_to_async(can)(user, "flows.view", flow=self.flow):
            await self.accept()
            await self.close(code=FORBIDDEN)
            return
        self.person = user.display_name or user.get_username()
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        if hasattr(self, "person"):
            await self.channel_layer.group_discard(self.group, self.channel_name)
            if self.tab:
                await self.tell({"tab": self.tab, "gone": True})

    async def receive_json(self, content: Any, **kwargs: Any) -> None:
        said = checked(content)
        if said is None or (self.tab and said["tab"] != self.tab):
            return
        self.tab = said["tab"]
        await self.tell({**said, "person": self.person})

    async def tell(self, said: dict[str, Any]) -> None:
        message = {"type": "presence.said", "from": self.channel_name, "said": said}
        await self.channel_layer.group_send(self.group, message)

    async def presence_said(self, message: dict[str, Any]) -> None:
        if message["from"] != self.channel_name:
            await self.send_json(message["said"])


def checked(content: Any) -> dict[str, Any] | None:
    """Return what a browser may say, or None: the others' pages must not have to trust it."""
    if not isinstance(content, dict) or not TAB.fullmatch(str(content.get("tab"))):
        return None
    at, selected = content.get("at"), content.get("selected")
    place = at if is_place(at) else None
    steps = selected if isinstance(selected, list) else []
    named = [
        each for each in steps[:MAX_SELECTED] if isinstance(each, str) and len(each) <= MAX_NAME
    ]
    return {"tab": content["tab"], "at": place, "selected": named}


def is_place(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2  # noqa: PLR2004 - x and y
        and all(isinstance(n, int | float) and abs(n) < 1e7 for n in value)  # noqa: PLR2004
    )


websocket_urlpatterns = [path("live/presence/<slug:name>/", PresenceConsumer.as_asgi())]
