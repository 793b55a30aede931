"""The masked values that a case shows, and what they stand for."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_POST

from flows.models import Run
from flows.selectors.masked_values import list_masked_values
from flows.views.masked_values import UNPROCESSABLE, make_masked_context, unmask_chosen
from reviews.models import Case
from reviews.selectors.acting import make_acting
from reviews.selectors.masked_values import list_case_codes
from reviews.selectors.veil import get_veil
from reviews.views.gate import case_view
from workbench.accounts.gate import principal_of


@require_GET
@case_view("cases.view")
def masked_values(request: HttpRequest, case: Case) -> HttpResponse:
    """Show the tokens in the case. No original is on the page."""
    return _page(request, case, _make_context(request, case))


@require_POST
@case_view("values.unmask")
def unmask(request: HttpRequest, case: Case) -> HttpResponse:
    """Show what the chosen tokens stand for. The ledger keeps each one with the reason."""
    context = _make_context(request, case)
    shown = unmask_chosen(request, context["run"], context, case.pk)
    return _page(request, case, {**context, **shown})


def _make_context(request: HttpRequest, case: Case) -> dict[str, Any]:
    veiled = get_veil(case, make_acting(principal_of(request))).apply_to(case)
    run = Run.objects.select_related("flow").get(pk=case.run_id)
    # Of the run's tokens only those that the case shows: a queue's rights reach no further.
    rows = list_masked_values(run, list_case_codes(veiled))
    return make_masked_context(request, run, rows, queue=case.queue.name)


def _page(request: HttpRequest, case: Case, context: dict[str, Any]) -> HttpResponse:
    status = UNPROCESSABLE if context.get("refusal") else 200
    response = render(request, "reviews/masked.html", {**context, "case": case}, status=status)
    response["Cache-Control"] = "no-store"
    return response
