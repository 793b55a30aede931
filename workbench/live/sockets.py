"""What every socket of a page keeps to: its own site, its session's life, and a person's share."""

import asyncio
import json
import time
from collections import Counter
from contextlib import suppress
from typing import Any

from autobahn.exception import Disconnected
from channels.db import database_sync_to_async
from channels.exceptions import DenyConnection
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth import HASH_SESSION_KEY, get_user_model

from workbench.accounts.idleness import is_idle
from workbench.live.access import access_group, session_group
from workbench.live.origin import is_own_origin
from workbench.values.json_text import read_json

SIGNED_OUT = 4401
TOO_MANY = 4429
# A browser opens two for each tab.
MOST_SOCKETS = 60
# A pointer that moves on a canvas sends some 20 a second.
MOST_MESSAGES_A_SECOND = 60
MAX_MESSAGE_CHARS = 16_384
# A session can end without a signal: its row expires, the password changes. Checked this often.
SESSION_CHECK_SECONDS = 60

# Open sockets of each person in this process.
_open: Counter[int] = Counter()


class PersonSocket(AsyncWebsocketConsumer):  # type: ignore[misc] # channels has no types
    """A socket of a person who is signed in. It closes with 4401 when their session ends.

    A person may have MOST_SOCKETS in a process, and send MOST_MESSAGES_A_SECOND on each; what is
    more is closed with 4429. A subclass implements ``opened``, ``received`` and ``live_access``,
    which is called when the person's roles have changed.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_if_open(message: dict[str, Any]) -> None:
            # A page may leave while it is being answered; ``disconnect`` comes next.
            with suppress(Disconnected):
                await send(message)

        await super().__call__(scope, receive, send_if_open)

    async def opened(self) -> None:
        """Begin: the socket is accepted, and ``self.user`` is who is signed in."""

    async def received(self, message: Any) -> None:
        """Take a message of the page: None if it was no JSON, or too long."""

    async def closed(self) -> None:
        """Tidy up after ``opened``."""

    async def connect(self) -> None:
        self.is_counted = False
        self.watch: asyncio.Task[None] | None = None
        self.second, self.messages = 0.0, 0
        self.user = self.scope["user"]
        if not is_own_origin(self.scope["headers"]):
            raise DenyConnection
        await self.accept()
        if not self.user.is_authenticated:
            await self.close(SIGNED_OUT)
        elif _open[self.user.pk] >= MOST_SOCKETS:
            await self.close(TOO_MANY)
        else:
            _open[self.user.pk] += 1
            self.is_counted = True
            # Joined without asking an authoriser: a page cannot name these two groups.
            key = self.scope["session"].session_key
            self.own_groups = [access_group(self.user.pk), session_group(key)]
            for group in self.own_groups:
                await self.channel_layer.group_add(group, self.channel_name)
            self.watch = asyncio.create_task(self._watch_session())
            await self.opened()

    async def disconnect(self, code: int) -> None:
        if not self.is_counted:
            return
        person = self.scope["user"].pk
        _open[person] -= 1
        if not _open[person]:
            del _open[person]
        if self.watch:
            self.watch.cancel()
        for group in self.own_groups:
            await self.channel_layer.group_discard(group, self.channel_name)
        await self.closed()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if not self.is_counted:
            return
        now = time.monotonic()
        if now - self.second >= 1:
            self.second, self.messages = now, 0
        self.messages += 1
        if self.messages > MOST_MESSAGES_A_SECOND:
            await self.close(TOO_MANY)
        else:
            await self.received(_read(text_data or ""))

    async def say(self, message: Any) -> None:
        await self.send(text_data=json.dumps(message, separators=(",", ":")))

    async def live_end(self, event: dict[str, Any]) -> None:
        await self.close(SIGNED_OUT)

    async def _watch_session(self) -> None:
        while True:
            await asyncio.sleep(SESSION_CHECK_SECONDS)
            lives = database_sync_to_async(_session_lives)
            if not await lives(self.scope["session"], self.scope["user"].pk):
                await self.close(SIGNED_OUT)
                return


def read_person(user_id: int) -> Any:
    """Read the person anew: an older object keeps its grants. None if they are gone or inactive."""
    return get_user_model().objects.filter(pk=user_id, is_active=True).first()


def _read(text: str) -> Any:
    try:
        return read_json(text) if len(text) <= MAX_MESSAGE_CHARS else None
    except ValueError:
        return None


def _session_lives(session: Any, user_id: int) -> bool:
    """Return whether the session is stored, in use and still valid for its person."""
    store = type(session)(session.session_key)
    user = read_person(user_id)
    valid = user is not None and store.get(HASH_SESSION_KEY) == user.get_session_auth_hash()
    return valid and not is_idle(store)
