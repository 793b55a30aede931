"""How many cases of a queue one person may hold."""

from datetime import datetime

from reviews.errors import WorkLimitReached
from reviews.models import OPEN_ENDED, Case, Queue
from reviews.models.states import CaseState
from workbench.accounts.models import User


def check_work_limit(queue: Queue, user: User, now: datetime) -> None:
    """Raises: WorkLimitReached."""
    held, limit = count_held(queue, user, now), queue.work_limit
    if limit and held >= limit:
        raise WorkLimitReached(
            f"You hold {held} cases, as many as this queue allows. Decide or release one first."
        )


def count_held(queue: Queue, user: User, now: datetime) -> int:
    """Return how many cases of the queue the person holds.

    If the queue has a limit, the person's row is locked until the commit: two tabs that count at
    the same time would both find room for one more. Foreign keys do not wait for this lock.
    """
    if queue.work_limit:
        User.objects.select_for_update(no_key=True, of=("self",)).only("pk").get(pk=user.pk)
    held = Case.objects.filter(
        OPEN_ENDED, queue=queue, claimed_by=user, state=CaseState.CLAIMED, lease_until__gt=now
    )
    return held.count()
