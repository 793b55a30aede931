"""Mix known answers in among new cases, by the clock.

It goes over new ids and draws by a hash, and a unique constraint keeps a second clock from opening
what the first has opened. New ids are looked at for a minute, because an id may be given before an
older one is committed.
"""

from bisect import insort
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from reviews.models import Case
from reviews.models.quality import (
    CheckKind,
    CheckState,
    KnownAnswer,
    QualityCheck,
    QueuePolicy,
)
from reviews.rules.choosing import compute_place, is_drawn
from reviews.services.checks import open_check
from workbench.dispatch.sweeps import Sweep, ids_in

BATCH = 2_000
SETTLED_AFTER = timedelta(minutes=1)


def seed_known_answers(now: datetime) -> bool:
    """Mix known answers in among a share of new cases; return whether more may wait."""
    sweep = Sweep("reviews.known_answers", now)
    more = False

    def seed(policy: QueuePolicy) -> None:
        nonlocal more
        more |= seed_queue(policy, sweep)

    policies = QueuePolicy.objects.filter(known_percent__gt=0).select_related("queue")
    sweep.each(
        policies.exclude(pk__in=sweep.ids_passed_over("policy:")),
        seed,
        key=lambda policy: f"policy:{policy.pk}",
        own_transaction=True,
    )
    if not more:
        sweep.forget_gone()
    return more


def seed_queue(policy: QueuePolicy, sweep: Sweep) -> bool:
    """Mix known answers in among the queue's new cases; return whether more may wait."""
    now, prefix = sweep.now, f"policy:{policy.pk}:case:"
    # A case that was set aside may lie before the new ones by now.
    again = ids_in(sweep.to_retry, prefix)
    new = Q(pk__gt=policy.seeded_to) | Q(pk__in=again)
    cases = list(
        Case.objects.filter(new, queue=policy.queue, wait_id__isnull=False)
        .order_by("pk")
        .values_list("pk", "opened_at")[:BATCH]
    )
    passed_over = set(sweep.ids_passed_over(prefix))
    drawn = [
        pk
        for pk, _ in cases
        if pk not in passed_over and is_drawn(policy.known_percent, "known", policy.queue.name, pk)
    ]
    due = _leave_out_opened(drawn)
    if due:
        free = FreeAnswers(policy)
        sweep.each(
            due,
            lambda pk: open_copy(free, pk, now),
            key=lambda pk: f"{prefix}{pk}",
            own_transaction=True,
        )
    old = [pk for pk, opened_at in cases if opened_at < now - SETTLED_AFTER]
    if old:
        QueuePolicy.objects.filter(pk=policy.pk, seeded_to__lt=old[-1]).update(seeded_to=old[-1])
    return len(old) == BATCH


def _leave_out_opened(case_ids: Sequence[int]) -> list[int]:
    """Return the cases that have no known answer beside them: one query."""
    sources = {f"case:{case_id}": case_id for case_id in case_ids}
    opened = QualityCheck.objects.filter(kind=CheckKind.KNOWN, source__in=sources)
    have_one = set(opened.values_list("source", flat=True)) if sources else set()
    return [case_id for source, case_id in sources.items() if source not in have_one]


class FreeAnswers:
    """The queue's known answers of which no copy is open: their ids, read once for a sweep."""

    def __init__(self, policy: QueuePolicy) -> None:
        free = _find_free(policy).order_by("pk")
        self._policy, self._ids = policy, list(free.values_list("pk", flat=True))

    def take(self, case_id: int) -> KnownAnswer | None:
        """Return the one drawn for the case; None if all are in use. Nobody else is given it."""
        while self._ids:
            drawn = self._ids.pop(compute_place("known", case_id) % len(self._ids))
            free = _find_free(self._policy).filter(pk=drawn).select_related("case__queue")
            # It may have been retired, or used by another clock, since the ids were read.
            if answer := free.first():
                return answer
        return None

    def give_back(self, answer: KnownAnswer) -> None:
        insort(self._ids, answer.pk)


def _find_free(policy: QueuePolicy) -> QuerySet[KnownAnswer]:
    in_use = QualityCheck.objects.filter(state=CheckState.OPEN, known=OuterRef("pk"))
    return KnownAnswer.objects.filter(~Exists(in_use), queue=policy.queue, retired_at=None)


def open_copy(free: FreeAnswers, case_id: int, now: datetime) -> QualityCheck | None:
    """Open a copy of a known answer beside the case; None if it has one, or all are in use."""
    answer = free.take(case_id)
    if answer is None:
        return None
    try:
        with transaction.atomic():
            return open_check(
                CheckKind.KNOWN,
                source=f"case:{case_id}",
                original=answer.case,
                known=answer,
                expected=answer.outcome,
                now=now,
            )
    except IntegrityError:
        # Another clock has mixed one in for this case.
        free.give_back(answer)
        return None
    except Exception:
        free.give_back(answer)
        raise
