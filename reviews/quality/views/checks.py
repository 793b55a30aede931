"""The list of checks, and closing a disagreement."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reviews.errors import ReviewError
from reviews.models.quality import CheckKind, QualityCheck
from reviews.quality.selectors.lists import list_checks
from reviews.quality.services.disagreements import close_disagreement
from reviews.selectors.acting import make_acting
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can
from workbench.http.numbers import number_in

TABS = (
    ("open", "Disagreements"),
    ("closed", "Closed"),
    ("agreed", "Agreed"),
    ("waiting", "Waiting"),
)


@require_GET
@requires("insights.people", scope="rows")
def checks(request: HttpRequest) -> HttpResponse:
    which, kind = request.GET.get("show", ""), request.GET.get("kind", "")
    which = which if which in dict(TABS) else "open"
    kind = kind if kind in CheckKind.values else ""
    page = list_checks(
        principal_of(request),
        which=which,
        kind=kind,
        before=number_in(request.GET.get("before")),
    )
    context = {
        "page": page,
        "which": which,
        "kind": kind,
        "tabs": TABS,
        "kinds": CheckKind.choices,
        "may_close": can(principal_of(request), "quality.manage"),
    }
    return render(request, "reviews/quality/checks.html", context)


@require_POST
@requires("quality.manage", scope="rows")
def close(request: HttpRequest, check_id: int) -> HttpResponse:
    """Close a disagreement with what came of it."""
    principal = principal_of(request)
    check = QualityCheck.objects.select_related("case__queue").filter(pk=check_id).first()
    if check is None or not can(
        principal, "quality.manage", flow=check.case.flow, queue=check.case.queue.name
    ):
        raise Http404(f"There is no check {check_id} for you.")
    note = request.POST.get("note", "").strip()
    try:
        close_disagreement(
            check=check, note=note, acting=make_acting(principal), now=timezone.now()
        )
    except ReviewError as error:
        messages.warning(request, str(error))
    return redirect("quality:checks")
