"""The clock task that removes old recorded answers of models."""

from datetime import datetime, timedelta

from django.conf import settings

from flows.models import RecordedAnswer
from workbench.dispatch.clock import clock_task
from workbench.dispatch.sweeps import Sweep

TASK = "backtests.prune_answers"
BATCH = 2_000


@clock_task(TASK, 3600, "Delete an old answer of a model")
def prune_answers(now: datetime) -> bool:
    """Delete answers older than KEEP_ANSWERS_DAYS; return whether there may be more."""
    sweep = Sweep(TASK, now)
    old = RecordedAnswer.objects.filter(at__lt=now - timedelta(days=settings.KEEP_ANSWERS_DAYS))
    found = old.exclude(pk__in=sweep.ids_passed_over()).order_by("at")
    ids = list(found.values_list("pk", flat=True)[:BATCH])
    sweep.together(ids, lambda some: RecordedAnswer.objects.filter(pk__in=some).delete(), key=str)
    if len(ids) < BATCH:
        sweep.forget_gone()
    return len(ids) == BATCH
