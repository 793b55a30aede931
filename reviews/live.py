"""Who may listen to the live updates of a queue or a case."""

from typing import Any

from reviews.models import Case, Queue
from reviews.selectors.acting import may_see
from reviews.selectors.cases import get_visible_case
from workbench.accounts.permissions import reach


def may_hear_queue(user: Any, name: str) -> bool:
    if not reach(user, "cases.view").touches(name):
        return False
    queue = Queue.objects.filter(name=name).first()
    return queue is None or may_see(user, queue)


def may_hear_case(user: Any, case_id: str) -> bool:
    try:
        get_visible_case(int(case_id), user)
    except (ValueError, Case.DoesNotExist):
        return False
    return True
