"""The page that compares a model's confidence before and after calibration, and fits one."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reviews.errors import ReviewError
from reviews.quality.calibrating import FEWEST
from reviews.quality.charts import draw_reliability
from reviews.quality.figures import Calibration, Filter
from reviews.quality.selectors.calibration import (
    MOST_DECISIONS,
    Calibrated,
    compare_calibration,
    list_calibrated,
    list_decided,
)
from reviews.quality.selectors.scope import facts_within
from reviews.quality.services.calibration import fit_calibration
from reviews.selectors.acting import make_acting
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can


@require_GET
@requires("insights.view", scope="rows")
def calibration(request: HttpRequest) -> HttpResponse:
    listed = list_calibrated(principal_of(request))
    wanted = request.GET.get("flow", ""), request.GET.get("model", "")
    named = (each for each in listed if (each.flow, each.model) == wanted)
    chosen = next(named, None) or (listed[0] if listed and not any(wanted) else None)
    context = {"listed": [(each, _address(each)) for each in listed], "chosen": chosen}
    if chosen is not None:
        context |= _describe(request, chosen)
    return render(request, "reviews/quality/calibration.html", context)


def _describe(request: HttpRequest, chosen: Calibrated) -> dict[str, Any]:
    principal = principal_of(request)
    facts = facts_within(principal, Filter(flow=chosen.flow))
    compared = compare_calibration(list_decided(facts, chosen.model))
    return {
        "compared": compared,
        "sides": [
            _side("before", "As stated", compared.before),
            *([_side("after", "Calibrated", compared.after)] if compared.after else []),
        ],
        "most": MOST_DECISIONS if compared.is_cut else 0,
        "fewest": FEWEST,
        "next_number": chosen.newest.number + 1 if chosen.newest else 1,
        "may_fit": can(principal, "quality.manage", flow=chosen.flow),
    }


def _side(name: str, title: str, found: Calibration) -> dict[str, Any]:
    return {
        "name": name, "title": title, "found": found, "chart": draw_reliability(found.bands),
    }  # fmt: skip


def _address(each: Calibrated) -> str:
    return f"?{urlencode({'flow': each.flow, 'model': each.model})}"


@require_POST
@requires("quality.manage", scope="rows")
def fit(request: HttpRequest) -> HttpResponse:
    """Fit a calibration of the model in the flow that the form names."""
    flow, model = request.POST.get("flow", ""), request.POST.get("model", "")
    principal = principal_of(request)
    if not can(principal, "quality.manage", flow=flow):
        raise PermissionDenied("This needs the permission quality.manage on this flow.")
    try:
        kept = fit_calibration(
            flow=flow, model=model, acting=make_acting(principal), now=timezone.now()
        )
    except ReviewError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"Calibration {kept.number} was fitted. No step uses it yet.")
    query = urlencode({"flow": flow, "model": model})
    return redirect(f"{reverse('quality:calibration')}?{query}")
