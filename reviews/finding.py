"""Find the queue or the case that a request names; what the principal may not see is not found."""

from django.http import Http404, HttpRequest

from reviews.models import Case, Queue
from reviews.selectors.cases import get_visible_case
from reviews.selectors.lists import get_visible_queue
from workbench.accounts.gate import principal_of

BIGGEST_ID = 2**63 - 1


def find_queue(request: HttpRequest, name: str) -> Queue:
    """Raises: Http404."""
    try:
        return get_visible_queue(principal_of(request), name)
    except Queue.DoesNotExist:
        raise Http404(f"There is no queue {name} for you.") from None


def find_case(request: HttpRequest, case_id: int, permission: str = "cases.view") -> Case:
    """Return the case if the principal has the permission on it. Raises: Http404."""
    try:
        return get_visible_case(case_id, principal_of(request), permission)
    except Case.DoesNotExist:
        raise Http404(f"There is no case {case_id} for you.") from None
