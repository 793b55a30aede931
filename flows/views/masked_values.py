"""The masked values of a run: which there are, what they stand for, and an end to that."""

from collections.abc import Collection, Sequence
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.models import MaskedValue, Run
from flows.selectors.masked_values import list_masked_values
from flows.services.unmasking import MaskedValueGone, ReasonMissing, delete_originals, unmask_value
from flows.views.requests import actor_of, run_or_404
from flows.views.run_context import get_run_context
from workbench.accounts.gate import requires
from workbench.accounts.permissions import can

# So many are turned back at once: each is an entry of the ledger.
MOST_AT_ONCE = 50
UNPROCESSABLE = 422


@requires("runs.view", scope="rows")
@require_GET
def masked_values(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show the tokens of a run, and what may be done about them. No original is on the page."""
    run = run_or_404(request, run_id)
    return _page(request, run, make_masked_context(request, run, list_masked_values(run)))


@requires("values.unmask", scope="rows")
@require_POST
def unmask(request: HttpRequest, run_id: int) -> HttpResponse:
    """Show what the chosen tokens stand for. The ledger keeps each one with the reason."""
    run = run_or_404(request, run_id)
    rows = list_masked_values(run)
    context = make_masked_context(request, run, rows)
    shown = unmask_chosen(request, run, context)
    return _page(request, run, {**context, **shown})


@requires("runs.operate", scope="rows")
@require_POST
def delete(request: HttpRequest, run_id: int) -> HttpResponse:
    """Delete what the run's own tokens stand for. The run, its texts and its cases stay."""
    run = run_or_404(request, run_id)
    if not can(request.user, "runs.operate", flow=run.flow.name):
        raise PermissionDenied("This needs the permission runs.operate.")
    deleted = delete_originals(run_id=run.pk, actor=actor_of(request), now=timezone.now())
    messages.success(request, f"{deleted} original{'' if deleted == 1 else 's'} deleted.")
    return redirect("flows:run-masked", run.pk)


def make_masked_context(
    request: HttpRequest, run: Run, rows: Sequence[MaskedValue], queue: str | None = None
) -> dict[str, Any]:
    """Return what the list of masked values shows, with which of them the person may turn back."""
    may = {
        flow: can(request.user, "values.unmask", flow=flow, queue=queue)
        for flow in {row.run.flow.name for row in rows}
    }
    return {
        "run": run,
        "masked": [{"row": row, "may": may[row.run.flow.name]} for row in rows],
        "may_unmask": any(may.values()),
        "may_delete": can(request.user, "runs.operate", flow=run.flow.name),
        "has_own": any(row.run_id == run.pk for row in rows),
    }


def unmask_chosen(
    request: HttpRequest, run: Run, context: dict[str, Any], case_id: int | None = None
) -> dict[str, Any]:
    """Turn back the tokens that were chosen, and return what the list shows of it.

    Raises: PermissionDenied for one that is not the person's to turn back.
    """
    chosen, reason = set(request.POST.getlist("value")), request.POST.get("reason", "")
    rows = [each for each in context["masked"] if str(each["row"].pk) in chosen]
    again = {"chosen": chosen, "reason": reason}
    if not rows or len(rows) > MOST_AT_ONCE:
        return {**again, "refusal": f"Choose 1 to {MOST_AT_ONCE} values to turn back."}
    if not all(each["may"] for each in rows):
        raise PermissionDenied("This needs the permission values.unmask for the flow of the run.")
    try:
        found = _unmask_all([each["row"] for each in rows], request, run, reason, case_id)
    except (ReasonMissing, MaskedValueGone) as error:
        return {**again, "refusal": f"{error} {error.remedy}"}
    for each in rows:
        each["original"] = found[each["row"].pk]
    return {"turned_back": len(rows)}


def _unmask_all(
    rows: Collection[MaskedValue], request: HttpRequest, run: Run, reason: str, case_id: int | None
) -> dict[int, str]:
    actor, now = actor_of(request), timezone.now()
    return {
        row.pk: str(
            unmask_value(
                masked_id=row.pk, run=run, reason=reason, actor=actor, now=now, case_id=case_id
            )
        )
        for row in rows
    }


def _page(request: HttpRequest, run: Run, context: dict[str, Any]) -> HttpResponse:
    status = UNPROCESSABLE if context.get("refusal") else 200
    everything = {**get_run_context(request, run), **context, "tab": "masked"}
    response = render(request, "flows/run_masked.html", everything, status=status)
    response["Cache-Control"] = "no-store"
    return response
