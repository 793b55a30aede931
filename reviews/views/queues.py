"""Queues and their lists."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reviews.acting import acting_as
from reviews.errors import ReviewError
from reviews.models import Queue
from reviews.selectors import list_cases, list_queues, queue_rows
from reviews.services.claims import claim_next
from workbench.accounts.permissions import can, principal_of, requires

TABS = (
    ("open", "Open"),
    ("mine", "Mine"),
    ("claimed", "Claimed"),
    ("waiting", "Waiting for information"),
    ("decided", "Decided"),
)


# --- Queues -----------------------------------------------------------------------


@require_GET
@requires("cases.view")
def queues(request: HttpRequest) -> HttpResponse:
    return render(request, "reviews/queues.html", _queues_context(request))


@require_GET
@requires("cases.view")
def queue_table(request: HttpRequest) -> HttpResponse:
    return render(request, "reviews/_queue_table.html", _queues_context(request))


def _queues_context(request: HttpRequest) -> dict[str, Any]:
    now = timezone.now()
    rows = queue_rows(principal_of(request), request.user, now)  # type: ignore[arg-type]
    return {"rows": rows, "live": " ".join(f"queue.{row.queue.name}" for row in rows)}


# --- One queue --------------------------------------------------------------------


@require_GET
@requires("cases.view", queue="name")
def queue(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, "reviews/queue.html", _queue_context(request, name))


@require_GET
@requires("cases.view", queue="name")
def case_table(request: HttpRequest, name: str) -> HttpResponse:
    return render(request, "reviews/_case_table.html", _queue_context(request, name))


def _queue_context(request: HttpRequest, name: str) -> dict[str, Any]:
    found = visible_queue(request, name)
    which = request.GET.get("show", "open")
    if which not in dict(TABS):
        which = "open"
    text = request.GET.get("q", "").strip()[:200]
    page = list_cases(
        principal=principal_of(request),
        user=request.user,  # type: ignore[arg-type]
        queue=found,
        which=which,
        text=text,
        cursor=request.GET.get("cursor", ""),
    )
    return {
        "queue": found,
        "page": page,
        "which": which,
        "tabs": TABS,
        "text": text,
        "query": request.GET.urlencode(),
        "now": timezone.now(),
        "may_decide": can(principal_of(request), "cases.decide", queue=name),
    }


def visible_queue(request: HttpRequest, name: str) -> Queue:
    found = [each for each in list_queues(principal_of(request)) if each.name == name]
    if not found:
        raise Http404(f"There is no queue {name} for you.")
    return found[0]


@require_POST
@requires("cases.decide", queue="name")
def take_next(request: HttpRequest, name: str) -> HttpResponse:
    """Claim the best case and open it."""
    found = visible_queue(request, name)
    try:
        case = claim_next(queue=found, acting=acting_as(principal_of(request)), now=timezone.now())
    except ReviewError as error:
        messages.warning(request, str(error))
        return redirect("reviews:queue", name=name)
    if case is None:
        messages.info(request, f"{found.title} is empty: nothing waits for you.")
        return redirect("reviews:queue", name=name)
    return redirect("reviews:case", case_id=case.pk)
