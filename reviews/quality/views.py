"""The quality page and the list of checks."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reviews.errors import ReviewError
from reviews.models.quality import CheckKind, QualityCheck
from reviews.quality.charts import Moment, over_time, reliability, spark
from reviews.quality.figures import Figures, Version, filter_choices, get_figures, in_bands
from reviews.quality.forms import FilterForm
from reviews.quality.policies import close_disagreement
from reviews.quality.selectors import list_checks
from reviews.selectors.acting import acting_as
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can

TABS = (
    ("open", "Disagreements"),
    ("closed", "Closed"),
    ("agreed", "Agreed"),
    ("waiting", "Waiting"),
)


# --- Figures ----------------------------------------------------------------------


@require_GET
@requires("insights.view")
def first_page(request: HttpRequest) -> HttpResponse:
    return redirect("quality:figures")


@require_GET
@requires("insights.view")
def quality(request: HttpRequest) -> HttpResponse:
    principal = principal_of(request)
    people = can(principal, "insights.people")
    form = FilterForm(request.GET)
    wanted = form.wanted(people=people)
    figures = get_figures(principal, wanted, people=people)
    context = {
        "figures": figures,
        "wanted": wanted,
        "form": form,
        "choices": filter_choices(principal, people=people),
        "people": people,
        "narrowed": any(vars_of(wanted)),
        "outcomes": sorted({label for pair in figures.pairs for label in pair}),
        **_charts(figures),
    }
    return render(request, "reviews/quality/figures.html", context)


def vars_of(wanted: Any) -> list[Any]:
    return [getattr(wanted, name) for name in wanted.__slots__]


def _charts(figures: Figures) -> dict[str, Any]:
    weeks = [
        Moment(f"{row.key:%-d %b}", row.overrides.hits, row.overrides.count)
        for row in figures.weeks
    ]
    return {
        "reliability": reliability(figures.calibration.bands),
        "trend": over_time(weeks),
        "versions": [_version(each) for each in figures.versions],
    }


def _version(each: Version) -> dict[str, Any]:
    shift = each.shift
    tone = "idle"
    if shift is not None:
        tone = "good" if shift.psi < 0.1 else "waiting" if shift.psi < 0.25 else "bad"  # noqa: PLR2004
    return {"version": each, "bars": spark(in_bands(each.histogram)), "tone": tone}


# --- Checks -----------------------------------------------------------------------


@require_GET
@requires("insights.people")
def checks(request: HttpRequest) -> HttpResponse:
    which = request.GET.get("show", "open")
    which = which if which in dict(TABS) else "open"
    kind = request.GET.get("kind", "")
    kind = kind if kind in CheckKind.values else ""
    before = request.GET.get("before", "")
    page = list_checks(
        principal_of(request),
        which=which,
        kind=kind,
        before=int(before) if before.isdecimal() and len(before) < 19 else None,  # noqa: PLR2004
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
@requires("quality.manage")
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
        close_disagreement(check=check, note=note, acting=acting_as(principal), now=timezone.now())
    except ReviewError as error:
        messages.warning(request, str(error))
    return redirect("quality:checks")
