"""What dispatch itself asks of the clock."""

from datetime import datetime

from workbench.dispatch.broker import has_forgotten
from workbench.dispatch.clock import clock_task
from workbench.dispatch.outbox import resend_all, resend_due


@clock_task("dispatch.resend_due", every_seconds=1)
def resend(now: datetime) -> bool:
    if has_forgotten():
        resend_all(now)
    return resend_due(now)
