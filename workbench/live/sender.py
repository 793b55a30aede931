"""Merge messages by group and send them on one event loop.

A worker nudges thousands of runs a second, and hardly any is open on a page. So the layer is first
asked, once for a batch, which groups anybody listens to: sending to every group took half of a busy
worker's time.
"""

import asyncio
import heapq
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer

logger = logging.getLogger(__name__)

SPACING_SECONDS = 0.1  # between two messages to one group
SEND_SECONDS = 2.0
PAUSE_SECONDS = 0.02  # between two batches
REST_SECONDS = 1.0  # after a batch that failed
KEPT_INSTANTS = 4096
MAX_GROUPS = 20_000  # kept while the layer is away; pages of further ones ask by themselves

Key = tuple[str, str]


class Sender:
    """Takes messages from any thread. Only its loop touches its state other than ``_fresh``."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._lock = threading.Lock()
        self._fresh: dict[Key, dict[str, Any]] = {}
        self._rung = False
        self._later: dict[Key, dict[str, Any]] = {}
        self._due: list[tuple[float, Key]] = []
        self._sent_at: dict[Key, float] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def offer(self, messages: Mapping[str, dict[str, Any]]) -> None:
        """Keep the latest message of each group and wake the loop. Never blocks, never raises."""
        with self._lock:
            for group, message in messages.items():
                if len(self._fresh) < MAX_GROUPS:
                    self._fresh[group, str(message["type"])] = message
            if self._rung:
                return
            self._rung = True
        with suppress(RuntimeError):  # the loop is closed: the server is going down
            self.loop.call_soon_threadsafe(self._ring)

    def _ring(self) -> None:
        if self._task is None or self._task.done():
            self._task = self.loop.create_task(self._run())
        self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wait()
            ready = self._take(self.loop.time())
            if ready:
                await asyncio.sleep(PAUSE_SECONDS if await self._send(ready) else REST_SECONDS)

    async def _wait(self) -> None:
        timeout = self._due[0][0] - self.loop.time() if self._due else None
        if timeout is not None and timeout <= 0:
            return
        try:
            await asyncio.wait_for(self._wake.wait(), timeout)
        except TimeoutError:
            return
        self._wake.clear()

    def _take(self, now: float) -> list[tuple[Key, dict[str, Any]]]:
        """Return the messages that may be sent now. The others stay until their spacing is over."""
        with self._lock:
            fresh, self._fresh, self._rung = self._fresh, {}, False
        ready = []
        for key, message in fresh.items():
            may_at = self._sent_at.get(key, 0.0) + SPACING_SECONDS
            if key in self._later:
                self._later[key] = message
            elif may_at > now:
                self._later[key] = message
                heapq.heappush(self._due, (may_at, key))
            else:
                ready.append((key, message))
        while self._due and self._due[0][0] <= now:
            key = heapq.heappop(self._due)[1]
            ready.append((key, self._later.pop(key)))
        self._forget(now)
        for key, _ in ready:
            self._sent_at[key] = now
        return ready

    def _forget(self, now: float) -> None:
        if len(self._sent_at) > KEPT_INSTANTS:
            recent = {key: at for key, at in self._sent_at.items() if at + SPACING_SECONDS > now}
            self._sent_at = recent

    async def _send(self, ready: list[tuple[Key, dict[str, Any]]]) -> bool:
        """Send the messages that anybody listens to. Return whether the layer took them."""
        layer = get_channel_layer()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                heard = await _find_listened(layer, {group for (group, _), _ in ready})
                for (group, _), message in ready:
                    if group in heard:
                        await layer.group_send(group, message)
        except Exception as error:
            # Pages ask by themselves after 20 quiet seconds; the caller's work is committed.
            logger.warning("Nudges could not be sent: %s: %s", type(error).__name__, error)
            return False
        return True


async def _find_listened(layer: Any, groups: set[str]) -> set[str]:
    if isinstance(layer, InMemoryChannelLayer):
        return groups & set(layer.groups)
    listened: set[str] = await layer.find_listened(groups)
    return listened
