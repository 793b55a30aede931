"""Find what an API request names, and check that its principal may use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from django.http import Http404, HttpRequest
from django.utils import timezone
from ninja import Path

from reviews import errors
from reviews.models import Case, Queue
from reviews.selectors.acting import Acting, acting_as
from reviews.selectors.cases import get_visible_case
from reviews.selectors.eligibility import find_obstacle
from reviews.selectors.lists import list_queues
from workbench.accounts.models import User
from workbench.accounts.permissions import can, principal_of
from workbench.http.problems import ApiProblem

BIGGEST_ID = 2**63 - 1
Id = Annotated[int, Path(ge=1, le=BIGGEST_ID)]


@contextmanager
def listed_faults() -> Iterator[None]:
    """Answer a decision that lacks something with the list of what it lacks."""
    try:
        yield
    except errors.DecisionInvalid as error:
        found = [{"at": at, "message": message} for at, message in error.problems.items()]
        remedy = "Correct the fields named in errors; the case's `rules` say what is asked."
        raise ApiProblem(422, "decision-invalid", str(error), remedy, found) from error


def queue_named(request: HttpRequest, name: str) -> Queue:
    for queue in list_queues(principal_of(request)):
        if queue.name == name:
            return queue
    raise Http404(f"There is no queue {name} for you.")


def person_named(username: str) -> User:
    """Raises: ApiProblem (422) where there is no active person of that name."""
    found = User.objects.filter(username=username.replace("\0", ""), is_active=True).first()
    if found is None:
        raise ApiProblem(
            422, "person-unknown", f"There is no {username!r}.", "Name an active person."
        )
    return found


def acting_of(request: HttpRequest) -> Acting:
    return acting_as(principal_of(request), "api")


def acting_on(request: HttpRequest, case_id: int, permission: str = "cases.decide") -> Acting:
    """Return who acts. Raises: Http404 for what they may not see, NotAuthorised."""
    _permitted_case(request, case_id, permission)
    return acting_of(request)


def acting_on_free(request: HttpRequest, case_id: int) -> Acting:
    """Return who acts on a case that was theirs to take when it was read; the service has the say.

    Of many who want the same case, all but one are refused here, by what is read anyway: they open
    no transaction, and stand in no line for the lock of its run.

    Raises: Http404, NotAuthorised, CaseHeldByOther, CaseAlreadyDecided, CaseClosed.
    """
    found, acting = _permitted_case(request, case_id, "cases.decide"), acting_of(request)
    if obstacle := find_obstacle(found, acting.user, timezone.now()):
        raise obstacle
    return acting


def _permitted_case(request: HttpRequest, case_id: int, permission: str) -> Case:
    found = case_seen(request, case_id)
    if not can(principal_of(request), permission, flow=found.flow, queue=found.queue.name):
        raise errors.NotAuthorised(f"This needs the permission {permission} on this case.")
    return found


def case_seen(request: HttpRequest, case_id: int) -> Case:
    try:
        return get_visible_case(case_id, principal_of(request))
    except Case.DoesNotExist:
        raise Http404(f"There is no case {case_id} for you.") from None
