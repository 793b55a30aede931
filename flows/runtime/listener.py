"""Listen to PostgreSQL's doorbell, in a thread, and wake the driver when it rings."""

import contextlib
import logging
import threading
from collections.abc import Callable

import psycopg

from flows.store import get_store
from flows.store.bell import CHANNEL, connect_outside_django
from workbench.dispatch.outage import is_away, outage

logger = logging.getLogger(__name__)

RECONNECT_SECONDS = 1.0
DOORBELL = "the doorbell"


class Listener:
    """Calls ``ring`` for each notification. Does nothing where the store rings no other process."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="doorbell", daemon=True)

    def start(self) -> None:
        if get_store().rings_other_processes:
            self._thread.start()

    def stop(self) -> None:
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join(2)

    def _listen(self) -> None:
        while not self._stopped.is_set():
            try:
                self._hear()
            except psycopg.Error as error:
                if not is_away(error):
                    logger.warning("The doorbell is gone, connecting again: %s", error)
                self._stopped.wait(RECONNECT_SECONDS)

    def _hear(self) -> None:
        with contextlib.ExitStack() as stack:
            with outage.watch(DOORBELL):
                listening = stack.enter_context(connect_outside_django())
                listening.execute(f"LISTEN {CHANNEL}")
            # What was rung while nobody listened.
            self._ring()
            while not self._stopped.is_set():
                with outage.watch(DOORBELL):
                    for _ in listening.notifies(timeout=0.5):
                        self._ring()
