"""What a usual call of each connection costs and how long most take, for steps that choose."""

import logging
import threading
import time
from collections.abc import Mapping
from decimal import Decimal

from django.db import DatabaseError

from flows.connections.health import ConnectionHealth, read_health
from flows.connections.known import KNOWN
from flows.connections.prices import compute_cost
from flows.steps.routing import Figures
from workbench.dispatch import agreed_time

logger = logging.getLogger(__name__)
KEPT_SECONDS = 30.0
# What is compared is a call of this size, since nobody knows the next one's.
USUAL_INPUT_TOKENS, USUAL_OUTPUT_TOKENS, USUAL_SECONDS = 1000, 250, 1.0


class KnownRates:
    """This process's copy of how connections do, at most half a minute old."""

    def __init__(self) -> None:
        self._health: Mapping[str, ConnectionHealth] = {}
        self._read_at = float("-inf")
        self._lock = threading.Lock()

    def figures_of(self, name: str) -> Figures:
        """Return the figures of a connection. Three queries if the copy is old, else none."""
        known = KNOWN.find(name)
        if known is None:
            return Figures()
        health = self._read().get(name, ConnectionHealth())
        seconds = USUAL_SECONDS if health.p50_ms is None else health.p50_ms / 1000
        price = compute_cost(known.row, Decimal(seconds), USUAL_INPUT_TOKENS, USUAL_OUTPUT_TOKENS)
        return Figures(price or 0.0, health.p95_ms)

    def forget(self) -> None:
        self._read_at = float("-inf")

    def _read(self) -> Mapping[str, ConnectionHealth]:
        with self._lock:
            if time.monotonic() - self._read_at > KEPT_SECONDS:
                self._read_at = time.monotonic()
                try:
                    rows = [known.row for known in KNOWN.all().values()]
                    self._health = read_health(rows, agreed_time.now())
                except DatabaseError:
                    logger.warning("How connections do could not be read", exc_info=True)
            return self._health


RATES = KnownRates()
