"""The page of a case, its parts, and the receipt of its decision."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reviews.models import Case, CaseEvent, Decision
from reviews.panes import receipt_context
from reviews.selectors.acting import make_acting
from reviews.selectors.cases import (
    draw_run,
    get_work,
    list_decisions,
    list_events,
    list_steps_so_far,
)
from reviews.selectors.veil import get_veil
from reviews.services.looks import record_look
from reviews.views.gate import case_view
from reviews.views.workspace import show_case, standing_context
from workbench.accounts.gate import principal_of
from workbench.http.numbers import number_in


@require_GET
@case_view("cases.view")
def case(request: HttpRequest, case: Case) -> HttpResponse:
    return show_case(request, case)


@require_POST
@case_view("cases.view")
def look(request: HttpRequest, case: Case) -> HttpResponse:
    """Record that the person has the case before them, as revision ``revision`` shows it."""
    user, revision = (
        make_acting(principal_of(request)).user,
        number_in(request.POST.get("revision")),
    )
    record_look(case=case, user=user, revision=revision, now=timezone.now())
    return HttpResponse(status=204)


@require_GET
@case_view("cases.view")
def case_standing(request: HttpRequest, case: Case) -> HttpResponse:
    """Render where the case stands now, for a page that has seen revision ``seen``."""
    now, acting = timezone.now(), make_acting(principal_of(request))
    context = standing_context(case, acting, now)
    seen = number_in(request.GET.get("seen"))
    # Claiming what one looks at changes nothing that one saw.
    if seen == case.revision - 1 and context["held"] and _was_claimed_last(case):
        seen = case.revision
    return render(
        request,
        "reviews/_standing.html",
        {**context, "case": case, "now": now, "seen": seen, "changed": seen != case.revision},
    )


def _was_claimed_last(case: Case) -> bool:
    last = CaseEvent.objects.filter(case=case).order_by("-id").first()
    return last is not None and last.kind == "claimed"


@require_GET
@case_view("cases.view")
def case_work(request: HttpRequest, case: Case) -> HttpResponse:
    now = timezone.now()
    work = get_work(make_acting(principal_of(request)), case.queue, now, at=case)
    return render(request, "reviews/_work.html", {**work, "case": case, "now": now})


@require_GET
@case_view("cases.view")
def case_history(request: HttpRequest, case: Case) -> HttpResponse:
    return render(request, "reviews/_history.html", {"case": case, "events": list_events(case)})


@require_GET
@case_view("cases.view")
def case_run(request: HttpRequest, case: Case) -> HttpResponse:
    steps = list_steps_so_far(case)
    return render(
        request,
        "reviews/_run.html",
        {"case": case, "steps": steps, "picture": draw_run(case, steps), "now": timezone.now()},
    )


@require_GET
@case_view("cases.view")
def receipt(request: HttpRequest, case: Case) -> HttpResponse:
    """Show the decision as it was recorded, with the case as the reviewer saw it."""
    wanted = number_in(request.GET.get("decision"))
    # An earlier approver's receipt has the model's answer in it.
    withheld = get_veil(case, make_acting(principal_of(request))).withheld
    found = [each for each in list_decisions(case) if each.receipt and not withheld]
    chosen: Decision | None = next((each for each in found if each.pk == wanted), None)
    chosen = chosen or (found[-1] if found else None)
    context = {
        "case": case,
        "decision": chosen,
        "decisions": found,
        **receipt_context(case, chosen),
    }
    return render(request, "reviews/receipt.html", context)
