"""Find who and what an API request names, and check that they may use it."""

from typing import Annotated

from django.http import HttpRequest
from django.utils import timezone
from ninja import Path

from reviews.errors import NotAuthorised
from reviews.finding import BIGGEST_ID, find_case
from reviews.models import Case
from reviews.selectors.acting import Acting, make_acting
from reviews.selectors.eligibility import find_obstacle
from workbench.accounts.gate import principal_of
from workbench.accounts.models import User
from workbench.accounts.permissions import can
from workbench.http.problems import ApiProblem

Id = Annotated[int, Path(ge=1, le=BIGGEST_ID)]


def find_person(username: str) -> User:
    """Raises: ApiProblem (422) where there is no active person of that name."""
    found = User.objects.filter(username=username, is_active=True).first()
    if found is None:
        raise ApiProblem(
            422, "person-unknown", f"There is no {username!r}.", "Name an active person."
        )
    return found


def get_acting(request: HttpRequest) -> Acting:
    return make_acting(principal_of(request), "api")


def authorise(request: HttpRequest, case_id: int, permission: str = "cases.decide") -> Acting:
    """Return who acts, if they have the permission on the case.

    Raises: Http404 for a case that they may not see, NotAuthorised.
    """
    _find_permitted_case(request, case_id, permission)
    return get_acting(request)


def authorise_to_take(request: HttpRequest, case_id: int) -> Acting:
    """Return who acts, if they may decide the case and it is free or theirs.

    The service checks this again. Of many who want the same case, this read refuses all but one
    before they open a transaction and wait for the lock of its run.

    Raises: Http404, NotAuthorised, CaseHeldByOther, CaseAlreadyDecided, CaseClosed.
    """
    case, acting = _find_permitted_case(request, case_id, "cases.decide"), get_acting(request)
    if obstacle := find_obstacle(case, acting.user, timezone.now()):
        raise obstacle
    return acting


def get_revision_seen(case_id: int, revision: int | None) -> int:
    """Return the revision on which a decision rests. Raises: ApiProblem (428) if none is stated."""
    if revision is None:
        raise ApiProblem(
            428,
            "revision-required",
            "A decision states the `revision` of the case as it was read.",
            f"Read it at /api/v1/cases/{case_id}, and send its `revision` in the body.",
            [{"at": "body/revision", "message": "Send the revision that you saw."}],
        )
    return revision


def _find_permitted_case(request: HttpRequest, case_id: int, permission: str) -> Case:
    found = find_case(request, case_id)
    if not can(principal_of(request), permission, flow=found.flow, queue=found.queue.name):
        raise NotAuthorised(f"This needs the permission {permission} on this case.")
    return found
