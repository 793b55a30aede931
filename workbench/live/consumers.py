"""The socket of a page: it authorises groups, then passes nudges on without a query."""

import asyncio
from typing import Any

from channels.db import database_sync_to_async
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer

from workbench.live.access import authorise
from workbench.live.nudges import use_server_loop
from workbench.live.sockets import SIGNED_OUT, PersonSocket, read_person

MAX_GROUPS = 100


class RefusingConsumer(AsyncWebsocketConsumer):  # type: ignore[misc] # channels has no types
    """Answers a socket at an address that has none."""

    async def connect(self) -> None:
        raise DenyConnection


class LiveConsumer(PersonSocket):
    """Page to server: ``{"listen": [group, …]}``, the whole list that it wants; ``{"ping": n}``.

    Server to page: ``{"listening": […], "refused": […]}``; ``{"group", "payload"}``;
    ``{"pong": n}``.
    """

    listening: frozenset[str] = frozenset()
    stale = False

    async def opened(self) -> None:
        use_server_loop(asyncio.get_running_loop())

    async def closed(self) -> None:
        for group in self.listening:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def received(self, message: Any) -> None:
        match message:
            case {"ping": int() as number}:
                await self.say({"pong": number})
            case {"listen": list() as groups} if all(isinstance(group, str) for group in groups):
                await self._listen(frozenset(groups[:MAX_GROUPS]))
            case _:
                await self.say({"error": 'Send {"listen": ["run.12"]} or {"ping": 1}.'})

    async def _listen(self, wanted: frozenset[str]) -> None:
        asked = wanted - self.listening
        allowed = await database_sync_to_async(authorise)(self.user, asked)
        await self._join((self.listening & wanted) | allowed)
        refused = sorted(wanted - self.listening)
        await self.say({"listening": sorted(self.listening), "refused": refused})

    async def _join(self, groups: frozenset[str]) -> None:
        for group in self.listening - groups:
            await self.channel_layer.group_discard(group, self.channel_name)
        for group in groups - self.listening:
            await self.channel_layer.group_add(group, self.channel_name)
        self.listening = groups

    # Messages from the channel layer, by their type

    async def live_nudge(self, event: dict[str, Any]) -> None:
        if self.stale:
            await self._authorise_again()
        if event["group"] in self.listening:
            await self.say({"group": event["group"], "payload": event["payload"]})

    async def live_access(self, event: dict[str, Any]) -> None:
        self.stale = True

    async def _authorise_again(self) -> None:
        self.stale = False
        self.user = await database_sync_to_async(read_person)(self.user.pk)
        if self.user is None:
            self.listening = frozenset()
            await self.close(SIGNED_OUT)
            return
        before = self.listening
        await self._join(await database_sync_to_async(authorise)(self.user, before))
        if refused := sorted(before - self.listening):
            await self.say({"listening": sorted(self.listening), "refused": refused})
