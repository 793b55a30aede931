"""What teams do by the clock."""

from datetime import datetime

from reviews.team.services.absences import start_due_absences
from workbench.dispatch.clock import clock_task


@clock_task("reviews.absences", every_seconds=5)
def absences(now: datetime) -> bool:
    return start_due_absences(now)
