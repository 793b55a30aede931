"""Run Daphne in this process: refuse to start with a clear reason, and stop cleanly."""

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

from workbench.process.deadlines import TimedChannel

HANDSHAKE_SECONDS = 5
# A request or step that takes longer to end is abandoned: its rows tell how to go on.
EXIT_SECONDS = 4.5


class PortTaken(Exception):
    """The address cannot be used, usually because another process listens on it."""


class AlreadyServed(Exception):
    """Another process serves the database in this folder."""


def check_port(host: str, port: int) -> None:
    """Raise PortTaken if ``host:port`` cannot be bound. Daphne would log it and exit with 0."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(f"{host}:{port} cannot be used: {error.strerror}.") from None


def lock_folder(folder: Path) -> IO[str]:
    """Lock the folder for this process until the returned file is closed. Raises: AlreadyServed."""
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
    """Serve until SIGINT or SIGTERM, then cancel the sockets that are still open."""

    def begin() -> None:
        server.http_factory.protocol = TimedChannel
        on_ready()

    server = Server(
        application=get_default_application(),
        endpoints=build_endpoint_description_strings(host=host, port=port),
        websocket_handshake_timeout=HANDSHAKE_SECONDS,
        ready_callable=begin,
        verbosity=1,
    )
    server.run()
    _drain(twisted_loop)


def _drain(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel the tasks left on the loop: garbage-collected, they crashed the interpreter."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks, timeout=1))


def exit_after_delay() -> None:
    """End the process in 4.5 s, whatever a request or a step still waits for."""
    timer = threading.Timer(EXIT_SECONDS, os._exit, args=(0,))
    timer.daemon = True
    timer.start()
