"""How connections do, from what the breakers and the journal know. Nothing is called for it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flows.connections.models import Connection
from flows.models import Journal, Run
from flows.resilience.models import Breaker, BreakerState
from workbench.secrets.uses import connection_use

Json = Any
WINDOW = timedelta(hours=1)
# So much of the journal is looked at, however many runs there were in the last hour.
MOST_RUNS = 1_000
MOST_CALLS = 5_000


@dataclass(slots=True)
class ConnectionHealth:
    """``state`` is ``closed``, ``open`` or ``half_open`` as of its breaker; times in ms.

    Latencies and ``calls`` are of answered calls of the last hour, the newest of very many.
    """

    state: str = BreakerState.CLOSED
    retry_at: datetime | None = None
    last_error: str = ""
    failed_at: datetime | None = None
    latencies: list[float] = field(default_factory=list)

    @property
    def calls(self) -> int:
        return len(self.latencies)

    @property
    def p50_ms(self) -> float | None:
        return find_percentile(self.latencies, 0.5)

    @property
    def p95_ms(self) -> float | None:
        return find_percentile(self.latencies, 0.95)


def read_health(rows: Sequence[Connection], now: datetime) -> dict[str, ConnectionHealth]:
    """Return how each connection does, by name: three queries."""
    found = {row.name: ConnectionHealth() for row in rows}
    names = {connection_use(name): name for name in found}
    for breaker in Breaker.objects.filter(destination__in=list(names)):
        each = found[names[breaker.destination]]
        each.state, each.retry_at = breaker.state, breaker.retry_at
        each.last_error, each.failed_at = breaker.last_error, breaker.failed_at
    for name, latencies in _list_latencies(now).items():
        if name in found:
            found[name].latencies = sorted(latencies)
    return found


def find_percentile(ordered: Sequence[float], share: float) -> float | None:
    """Return the value at a share of an ordered list (nearest rank), None if it is empty."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _list_latencies(now: datetime) -> dict[str, list[float]]:
    """Return the latencies of the answered calls of the last hour by connection: two queries.

    The journal has no order in time over all runs, so the newest runs are looked at.
    """
    newest = Run.objects.order_by("-pk").values_list("pk", flat=True)
    oldest_of_them = newest[MOST_RUNS - 1 : MOST_RUNS]
    rows = Journal.objects.filter(
        run_id__gte=next(iter(oldest_of_them), 0),
        at__gte=now - WINDOW,
        provenance__provider="connection",
    )
    kept = rows.order_by("-run_id", "-seq").values_list("provenance", flat=True)[:MOST_CALLS]
    found: dict[str, list[float]] = defaultdict(list)
    for made in filter(None, kept):
        found[str(made.get("model"))].append(float(made.get("latency_ms") or 0))
    return found
