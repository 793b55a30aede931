"""Claim, release and assign a case from its page, and keep the claim."""

from datetime import datetime

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST

from reviews.errors import ReviewError
from reviews.models import Case
from reviews.selectors.acting import Acting, make_acting
from reviews.services.claims import claim_case
from reviews.services.leases import release_case, renew_claim
from reviews.services.looks import note_serving
from reviews.services.passing import assign_case
from reviews.views.acting import act_on_case
from reviews.views.gate import case_view
from workbench.accounts.gate import principal_of
from workbench.accounts.models import User


@require_POST
@case_view("cases.decide")
def claim(request: HttpRequest, case: Case) -> HttpResponse:
    def take(acting: Acting, now: datetime) -> None:
        claim_case(case_id=case.pk, acting=acting, now=now)
        note_serving(case=case, user=acting.user, now=now)

    return act_on_case(request, case, take)


@require_POST
@case_view("cases.decide")
def release(request: HttpRequest, case: Case) -> HttpResponse:
    return act_on_case(request, case, lambda acting, now: release_case(
        case_id=case.pk, acting=acting, now=now
    ), leave=True)  # fmt: skip


@require_POST
@case_view("cases.assign")
def assign(request: HttpRequest, case: Case) -> HttpResponse:
    to = get_object_or_404(User, username=request.POST.get("to", ""), is_active=True)
    return act_on_case(request, case, lambda acting, now: assign_case(
        case_id=case.pk, to=to, acting=acting, now=now
    ))  # fmt: skip


@require_POST
@case_view("cases.decide")
def keep(request: HttpRequest, case: Case) -> HttpResponse:
    """Keep the claim for another lease; answer 409 if it is lost."""
    try:
        kept = renew_claim(
            case_id=case.pk, acting=make_acting(principal_of(request)), now=timezone.now()
        )
    except ReviewError as error:
        return JsonResponse({"code": error.code, "message": str(error)}, status=409)
    return JsonResponse({"lease_until": kept.lease_until.isoformat() if kept.lease_until else None})
