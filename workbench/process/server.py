"""Daphne in this process, with what it needs to start clearly and stop cleanly."""

import asyncio
import fcntl
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

from channels.routing import get_default_application
from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server, twisted_loop

HANDSHAKE_SECONDS = 5
# After this, what still holds the process is left behind: rows are the truth.
EXIT_SECONDS = 4.5


class PortTaken(Exception):
    """Something else listens on the address."""


class AlreadyServed(Exception):
    """Another process serves this database file."""


def check_port(host: str, port: int) -> None:
    """Raise PortTaken if ``host:port`` cannot be bound: Daphne would log it and exit with 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"{host}:{port} cannot be used: {error.strerror}.") from None


def lock_folder(folder: Path) -> IO[str]:
    """Hold the folder for this process until the returned file is closed.

    On SQLite one process does all the work, and gives back at its start what a dead one held.

    Raises: AlreadyServed.
    """
    lock = (folder / "serve.lock").open("a+")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise AlreadyServed(f"Process {holder} serves the database in {folder} already.") from None
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def run_daphne(host: str, port: int, *, on_ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM. Sockets that are open then are cancelled and drained."""
    Server(
        application=get_default_application(),
        endpoints=build_endpoint_description_strings(host=host, port=port),
        websocket_handshake_timeout=HANDSHAKE_SECONDS,
        ready_callable=on_ready,
        verbosity=1,
    ).run()
    _drain(twisted_loop)


def _drain(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what is left on the loop; collected half-way through, it crashed the interpreter."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=1))


def exit_in_time() -> None:
    """See to it that the process ends, whatever a request or a step still waits for."""
    timer = threading.Timer(EXIT_SECONDS, os._exit, args=(0,))
    timer.daemon = True
    timer.start()
