"""Presence on a canvas: who is here, where their pointer is, what they have selected.

Nothing is stored: each browser repeats its state, and forgets those that have gone quiet.
"""

import re
from typing import Any

from channels.db import database_sync_to_async
from django.urls import path

from workbench.accounts.permissions import can
from workbench.live.sockets import PersonSocket, read_person

FORBIDDEN = 4403
MAX_SELECTED = 50
MAX_NAME = 80
TAB = re.compile(r"[A-Za-z0-9-]{1,40}")


class PresenceConsumer(PersonSocket):
    """Relays ``{tab, at: [x, y] | null, selected: [step]}`` to the others on the same flow.

    Authorises at connect and when the person's roles change; otherwise it neither queries nor
    renders. A browser reports on itself only, and the person's name is added here.
    """

    group = tab = ""

    async def opened(self) -> None:
        flow = self.scope["url_route"]["kwargs"]["name"]
        if not await database_sync_to_async(can)(self.user, "flows.view", flow=flow):
            await self.close(code=FORBIDDEN)
            return
        self.person = self.user.display_name or self.user.get_username()
        self.group = f"presence.{flow}"
        await self.channel_layer.group_add(self.group, self.channel_name)

    async def closed(self) -> None:
        if self.group:
            await self.channel_layer.group_discard(self.group, self.channel_name)
        if self.tab:
            await self.send_to_others({"tab": self.tab, "gone": True})

    async def received(self, message: Any) -> None:
        state = clean_state(message)
        if not self.group or state is None or (self.tab and state["tab"] != self.tab):
            return
        self.tab = state["tab"]
        await self.send_to_others({**state, "person": self.person})

    async def send_to_others(self, state: dict[str, Any]) -> None:
        message = {"type": "presence.state", "from": self.channel_name, "state": state}
        await self.channel_layer.group_send(self.group, message)

    async def presence_state(self, message: dict[str, Any]) -> None:
        if message["from"] != self.channel_name:
            await self.say(message["state"])

    async def live_access(self, event: dict[str, Any]) -> None:
        """Close if the person may no longer see the flow."""
        flow = self.scope["url_route"]["kwargs"]["name"]
        if not await database_sync_to_async(_may_still_see)(self.user.pk, flow):
            await self.close(code=FORBIDDEN)


def _may_still_see(user_id: int, flow: str) -> bool:
    return can(read_person(user_id), "flows.view", flow=flow)


def clean_state(content: Any) -> dict[str, Any] | None:
    """Return the state that a browser reports, reduced to what others may trust, or None."""
    tab = content.get("tab") if isinstance(content, dict) else None
    if not isinstance(tab, str) or not TAB.fullmatch(tab):
        return None
    at, selected = content.get("at"), content.get("selected")
    place = at if is_point(at) else None
    steps = selected if isinstance(selected, list) else []
    named = [
        each for each in steps[:MAX_SELECTED] if isinstance(each, str) and len(each) <= MAX_NAME
    ]
    return {"tab": tab, "at": place, "selected": named}


def is_point(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2  # noqa: PLR2004 - x and y
        and all(isinstance(n, int | float) and abs(n) < 1e7 for n in value)  # noqa: PLR2004
    )


websocket_urlpatterns = [path("live/presence/<slug:name>/", PresenceConsumer.as_asgi())]
