"""Coalesces messages by group and sends them on one event loop."""

import asyncio
import heapq
import logging
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)

SPACING_SECONDS = 0.1  # at most 10 a second to one group
SEND_SECONDS = 2.0
REST_SECONDS = 1.0  # after a failure; what comes meanwhile is merged
KEPT_INSTANTS = 4096
MAX_GROUPS = 20_000  # kept while the layer is away; beyond, pages find out by asking

Key = tuple[str, str]


class Sender:
    """Takes messages from any thread; its state beyond ``_fresh`` is touched by its loop only."""

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

    def offer(self, groups: Iterable[str], message: dict[str, Any]) -> None:
        """Keep the latest message of each group and wake the loop. Never blocks, never raises."""
        kind = str(message["type"])
        with self._lock:
            for group in groups:
                if len(self._fresh) < MAX_GROUPS:
                    self._fresh[group, kind] = message
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
            now = self.loop.time()
            for key, message in self._take(now):
                if not await self._send(key, message):
                    await asyncio.sleep(REST_SECONDS)

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
        """Return what may be sent now; the rest is kept for when its group may again."""
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

    async def _send(self, key: Key, message: dict[str, Any]) -> bool:
        layer = get_channel_layer()
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await layer.group_send(key[0], message)
        except Exception as error:
            # Pages ask by themselves after 20 quiet seconds; the caller's work is committed.
            logger.warning("live: no nudge to %s: %s: %s", key[0], type(error).__name__, error)
            return False
        return True
