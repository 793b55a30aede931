"""The clock task that forgets answered requests of the API."""

from datetime import datetime

from workbench.dispatch.clock import clock_task
from workbench.http.idempotency import prune


@clock_task("accounts.prune_idempotent_requests", every_seconds=3600)
def prune_idempotent_requests(now: datetime) -> None:
    prune(now)
