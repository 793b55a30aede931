"""Do an act on a case, then show what stood against it or go where the person goes next."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from reviews.errors import CaseStale, ReviewError
from reviews.models import Case
from reviews.selectors.acting import make_acting
from reviews.selectors.cases import get_visible_case
from reviews.selectors.eligibility import find_obstacle
from reviews.services.claims import claim_next
from reviews.views.workspace import show_case
from workbench.accounts.gate import principal_of
from workbench.http.numbers import number_in


def act_on_case(
    request: HttpRequest,
    case: Case,
    act: Callable[..., Any],
    *,
    leave: bool = False,
    following: bool = False,
) -> HttpResponse:
    """Call ``act(acting, now)``; show the case with the error, or go on.

    With ``following`` the next case of the queue is claimed and opened, with ``leave`` the queue is
    shown, else the case again.
    """
    try:
        act(make_acting(principal_of(request)), timezone.now())
    except ReviewError as error:
        fresh = get_visible_case(case.pk, principal_of(request))
        return show_case(request, fresh, error=error)
    if following:
        return open_next_case(request, case)
    if leave:
        return redirect("reviews:queue", name=case.queue.name)
    return redirect("reviews:case", case_id=case.pk)


def get_revision_seen(request: HttpRequest, case: Case, now: datetime) -> int:
    """Return the revision of the case that the page of a decision showed.

    Raises: CaseStale if it does not say, or what stands against any decision.
    """
    seen = number_in(request.POST.get("revision"))
    if seen is None:
        user = make_acting(principal_of(request)).user
        raise find_obstacle(case, user, now) or CaseStale(
            "This page does not say which state of the case it shows. "
            "Look at the case as it is now, then decide."
        )
    return seen


def open_next_case(request: HttpRequest, case: Case) -> HttpResponse:
    """Claim and open the case that comes after this one; without one, show this one again."""
    acting = make_acting(principal_of(request))
    try:
        following = claim_next(queue=case.queue, acting=acting, now=timezone.now(), after=case)
    except ReviewError as error:
        messages.info(request, str(error))
        return redirect("reviews:case", case_id=case.pk)
    if following is None:
        messages.info(request, f"{case.queue.title} is empty: nothing else waits for you.")
        return redirect("reviews:case", case_id=case.pk)
    return redirect("reviews:case", case_id=following.pk)
