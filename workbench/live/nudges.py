"""Nudge open pages, from any thread of any process, without waiting.

A page asks by itself after 20 seconds without a nudge, so that one may be lost, late or merged with
the next of its group. It must never hold up the caller.
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
    """Tell the pages that listen to the groups to fetch anew. The payload is small, public JSON.

    Never blocks, never raises. This process sends a group at most 10 nudges a second: the first at
    once, then only the latest.
    """
    _offer({group: {"type": "live.nudge", "group": group, "payload": payload} for group in groups})


def nudge_on_commit(groups: Iterable[str], payload: dict[str, Any]) -> None:
    """Nudge when the transaction commits; at once where there is none."""
    named = list(groups)
    transaction.on_commit(lambda: nudge(named, payload))


def publish(groups: Iterable[str], message: dict[str, Any]) -> None:
    """Send a message to the sockets in the groups, in the same way as ``nudge``."""
    _offer(dict.fromkeys(groups, message))


def _offer(messages: dict[str, dict[str, Any]]) -> None:
    layer = get_channel_layer()
    if isinstance(layer, InMemoryChannelLayer):
        # No other process can listen: without a socket here in the group there is nobody to tell.
        sender, groups = _server, messages.keys() & layer.groups.keys()
    else:
        sender, groups = _own_sender(), messages.keys()
    if sender is not None and groups:
        sender.offer({group: messages[group] for group in groups})


def use_server_loop(loop: asyncio.AbstractEventLoop) -> None:
    """Send on the event loop that serves the sockets, where the layer is in memory.

    The layer's queues belong to that loop. A put from another thread does not wake it: on an idle
    server a nudge took half a second.
    """
    global _server  # noqa: PLW0603 - one for each process
    if _server is None or _server.loop is not loop:
        with _lock:
            if _server is None or _server.loop is not loop:
                _server = Sender(loop)


def _own_sender() -> Sender:
    """Return this process's sender to Redis, with a thread, loop and connection of its own."""
    global _own  # noqa: PLW0603 - one for each process
    if _own is None:
        with _lock:
            if _own is None:
                loop = asyncio.new_event_loop()
                threading.Thread(target=loop.run_forever, name="live", daemon=True).start()
                _own = Sender(loop)
    return _own


def _forget_parent() -> None:
    """Drop the parent's senders: threads do not survive a fork, so a child starts its own."""
    global _lock, _server, _own
    _lock, _server, _own = threading.Lock(), None, None


os.register_at_fork(after_in_child=_forget_parent)
