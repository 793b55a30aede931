"""From any thread of any process to the channel layer, after commit, without waiting.

A page that misses a nudge asks by itself after 20 quiet seconds, so a nudge may be lost, late or
merged with the next one of its group. It may never hold up the caller.
"""

import asyncio
import os
import threading
from collections.abc import Iterable
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.db import transaction

from workbench.live.sender import Sender

_lock = threading.Lock()
_server: Sender | None = None
_own: Sender | None = None


def nudge(groups: Iterable[str], payload: dict[str, Any]) -> None:
    """Tell the pages that listen to a group that it changed; the payload is JSON, small, no secret.

    Never blocks, never raises. At most 10 a second reach a group from this process: the first at
    once, then the latest.
    """
    _offer({group: {"type": "live.nudge", "group": group, "payload": payload} for group in groups})


def nudge_on_commit(groups: Iterable[str], payload: dict[str, Any]) -> None:
    """Nudge when the transaction around it has committed; at once where there is none."""
    named = list(groups)
    transaction.on_commit(lambda: nudge(named, payload))


def publish(groups: Iterable[str], message: dict[str, Any]) -> None:
    """Send a message to the sockets of the groups, as ``nudge`` does."""
    _offer(dict.fromkeys(groups, message))


def _offer(messages: dict[str, dict[str, Any]]) -> None:
    layer = get_channel_layer()
    if isinstance(layer, InMemoryChannelLayer):
        # Only this process listens: without a socket in the group there is nobody to tell.
        sender, groups = _server, messages.keys() & layer.groups.keys()
    else:
        sender, groups = _own_sender(), messages.keys()
    if sender is not None and groups:
        sender.offer({group: messages[group] for group in groups})


def use_server_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Deliver on the loop that serves the sockets.

    The in-memory layer's queues belong to that loop, and a put from another thread does not wake
    it: idle, a delivery took half a second.
    """
    global _server  # noqa: PLW0603 - one for each process
    if _server is None or _server.loop is not loop:
        with _lock:
            if _server is None or _server.loop is not loop:
                _server = Sender(loop)


def _own_sender() -> Sender:
    """Return the sender on this process's own loop: one thread, one Redis connection, kept."""
    global _own  # noqa: PLW0603 - one for each process
    if _own is None:
        with _lock:
            if _own is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="live", daemon=True).start()
                _own = Sender(loop)
    return _own


def _forget_parent() -> None:
    """Threads do not survive a fork: a forked worker starts a sender of its own."""
    global _lock, _server, _own
    _lock, _server, _own = threading.Lock(), None, None


os.register_at_fork(after_in_child=_forget_parent)
