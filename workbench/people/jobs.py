"""The clock task that forgets answered requests of the API."""

from datetime import datetime

from workbench.dispatch.clock import clock_task
from workbench.http.idempotency import prune


@clock_task("accounts.prune_idempotent_requests", 3600, "Delete an old answer of the API")
def prune_idempotent_requests(now: datetime) -> bool:
    return prune(now) > 0
