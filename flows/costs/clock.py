"""The clock task that removes old payments."""

from datetime import datetime, timedelta

from django.conf import settings

from flows.spending.models import Charge, Unanswered
from workbench.dispatch.clock import clock_task
from workbench.dispatch.sweeps import Sweep

TASK = "costs.prune"
BATCH = 2_000


@clock_task(TASK, 3600, "Delete an old payment")
def prune_charges(now: datetime) -> bool:
    """Delete payments older than KEEP_CHARGES_DAYS. Their sums by day stay."""
    sweep = Sweep(TASK, now)
    before = now - timedelta(days=settings.KEEP_CHARGES_DAYS)
    Unanswered.objects.filter(at__lt=before).delete()
    old = Charge.objects.filter(at__lt=before)
    found = old.exclude(pk__in=sweep.ids_passed_over()).order_by("at")
    ids = list(found.values_list("pk", flat=True)[:BATCH])
    sweep.together(ids, lambda some: Charge.objects.filter(pk__in=some).delete(), key=str)
    if len(ids) < BATCH:
        sweep.forget_gone()
    return len(ids) == BATCH
