"""Rank the cases of a queue again after its weights changed."""

from django.db import connection, transaction

from reviews.models import ACTIVE_STATES, OPEN_ENDED, Case, Queue
from reviews.rules.ordering import rank, read_ordering
from workbench.live import nudge_on_commit

BATCH = 1_000


def rerank_queue(queue_id: int) -> int:
    """Rank every active case of the queue by its present weights; return how many ranks changed.

    In batches, each locked for a moment only, so that people can claim meanwhile. Idempotent.
    """
    moved, last = 0, 0
    while True:
        with transaction.atomic():
            queue = Queue.objects.filter(pk=queue_id).first()
            if queue is None:
                return moved
            cases = list(
                Case.objects.select_for_update(of=("self",))
                .filter(OPEN_ENDED, queue=queue, state__in=ACTIVE_STATES, pk__gt=last)
                .only("pk", "opened_at", "due_at", "priority", "value", "rank")
                .order_by("pk")[:BATCH]
            )
            moved += _rank_all(queue, cases)
            if len(cases) < BATCH:
                nudge_on_commit([f"queue.{queue.name}"], {"ranked": moved})
                return moved
            last = cases[-1].pk


def _rank_all(queue: Queue, cases: list[Case]) -> int:
    ordering = read_ordering(queue.ordering)
    new = []
    for case in cases:
        place = rank(
            ordering,
            opened_at=case.opened_at,
            due_at=case.due_at,
            priority=case.priority,
            value=case.value,
        )
        if place != case.rank:
            new.append((place, case.pk))
    if new:
        with connection.cursor() as cursor:
            # One statement sent for all rows; bulk_update would build a CASE of a thousand arms.
            cursor.executemany("UPDATE reviews_case SET rank = %s WHERE id = %s", new)
    return len(new)
