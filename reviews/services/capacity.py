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
    """Count what the person holds of the queue; where it has a limit, until the commit.

    The lock puts the claims of one person in line: counted side by side, two tabs would both find
    room for one more. It is not one that foreign keys wait for.
    """
    if queue.work_limit:
        User.objects.select_for_update(no_key=True, of=("self",)).only("pk").get(pk=user.pk)
    held = Case.objects.filter(
        OPEN_ENDED, queue=queue, claimed_by=user, state=CaseState.CLAIMED, lease_until__gt=now
    )
    return held.count()
