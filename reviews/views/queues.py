"""The list of queues, the page of one, and taking its next case."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_POST

from reviews.errors import ReviewError
from reviews.finding import find_queue
from reviews.models import Queue
from reviews.rules.filters import BANDS, PRIORITY_NAMES, CaseFilters, read_filters
from reviews.selectors.acting import make_acting
from reviews.selectors.lists import list_cases
from reviews.selectors.queues import list_queue_rows
from reviews.services.claims import claim_next
from reviews.team.selectors import list_deciders, list_views
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import can, reach

TABS = (
    ("open", "Open"),
    ("mine", "Mine"),
    ("claimed", "Claimed"),
    ("waiting", "Waiting for information"),
    ("decided", "Decided"),
)


# --- Queues -----------------------------------------------------------------------


@require_GET
@requires("cases.view", scope="rows")
def queues(request: HttpRequest) -> HttpResponse:
    return render(request, "reviews/queues.html", _queues_context(request))


@require_GET
@requires("cases.view", scope="rows")
def queue_table(request: HttpRequest) -> HttpResponse:
    return render(request, "reviews/_queue_table.html", _queues_context(request))


def _queues_context(request: HttpRequest) -> dict[str, Any]:
    now, principal = timezone.now(), principal_of(request)
    rows = list_queue_rows(principal, request.user, now)  # type: ignore[arg-type]
    return {
        "rows": rows,
        "live": " ".join(f"queue.{row.queue.name}" for row in rows),
        "may_manage": can(principal, "queues.manage"),
        "may_add": reach(principal, "queues.manage").everywhere,
        "may_assign": can(principal, "cases.assign"),
        "may_decide": can(principal, "cases.decide"),
    }


# --- One queue --------------------------------------------------------------------


@require_GET
@requires("cases.view", scope="rows:name")
def queue(request: HttpRequest, name: str) -> HttpResponse:
    context = _queue_context(request, name)
    found = context["queue"]
    context |= {
        "views": _views_context(request, found, context["filters"]),
        "bands": BANDS,
        "priorities": PRIORITY_NAMES,
        "holders": list_deciders([found]),
        "may_share": can(principal_of(request), "cases.assign", queue=name),
        "may_manage": can(principal_of(request), "queues.manage", queue=name),
    }
    return render(request, "reviews/queue.html", context)


@require_GET
@requires("cases.view", scope="rows:name")
def case_table(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, "reviews/_case_table.html", _queue_context(request, name))


def _queue_context(request: HttpRequest, name: str) -> dict[str, Any]:
    found, now = find_queue(request, name), timezone.now()
    filters = read_filters(request.GET)
    [load] = list_queue_rows(principal_of(request), request.user, now, queues=[found])  # type: ignore[arg-type]
    page = list_cases(
        principal=principal_of(request),
        user=request.user,  # type: ignore[arg-type]
        queue=found,
        filters=filters,
        cursor=request.GET.get("cursor", ""),
        now=now,
    )
    return {
        "queue": found,
        "page": page,
        "load": load,
        "filters": filters,
        "which": filters.show,
        "tabs": TABS,
        "query": request.GET.urlencode(),
        "next_query": urlencode({**filters.dump(), "cursor": page.next_cursor}),
        "now": now,
        "may_decide": reach(principal_of(request), "cases.decide").touches(name),
    }


def _views_context(
    request: HttpRequest, queue: Queue, filters: CaseFilters
) -> list[dict[str, Any]]:
    """Return the saved views, each with its query, and whether it is shown and one's own."""
    return [
        {
            "view": view,
            "query": urlencode(view.filters),
            "current": read_filters(view.filters) == filters,
            "own": view.owner_id == request.user.pk,
        }
        for view in list_views(queue, request.user)  # type: ignore[arg-type]
    ]


@require_POST
@requires("cases.decide", scope="rows:name")
def take_next(request: HttpRequest, name: str) -> HttpResponse:
    """Claim the best case and open it."""
    found = find_queue(request, name)
    try:
        case = claim_next(
            queue=found, acting=make_acting(principal_of(request)), now=timezone.now()
        )
    except ReviewError as error:
        messages.warning(request, str(error))
        return redirect("reviews:queue", name=name)
    if case is None:
        messages.info(request, f"{found.title} is empty: nothing waits for you.")
        return redirect("reviews:queue", name=name)
    return redirect("reviews:case", case_id=case.pk)
