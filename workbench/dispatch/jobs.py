"""The clock task that resends messages."""

from datetime import datetime

from workbench.dispatch.broker import detect_loss
from workbench.dispatch.clock import clock_task
from workbench.dispatch.outbox import RESEND, resend_all, resend_due


@clock_task(RESEND, every_seconds=1, title="Send a message again")
def resend(now: datetime) -> bool:
    """Ring for rows whose message was lost, delayed or failed. Return whether more may be due."""
    if detect_loss():
        resend_all(now)
    return resend_due(now)
