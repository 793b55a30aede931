"""Deciding like, low-risk cases together: a look at a sample, then one press."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reviews.errors import ReviewError
from reviews.models import Queue
from reviews.selectors.acting import acting_as
from reviews.selectors.lists import visible_queue
from reviews.services.bulk import decide_in_bulk, facts_of, list_like_cases, undo_in_bulk
from workbench.accounts.gate import principal_of, requires

MOST_DIGITS = 18


@require_GET
@requires("cases.decide", queue="name")
def bulk(request: HttpRequest, name: str) -> HttpResponse:
    return _page(request, visible_queue(request, name), None)


@require_POST
@requires("cases.decide", queue="name")
def decide(request: HttpRequest, name: str) -> HttpResponse:
    """Decide the cases of one group; those that stood against it are named."""
    queue = visible_queue(request, name)
    posted = request.POST
    revisions = dict(_pair(text) for text in posted.getlist("case") if _is_pair(text))
    try:
        outcome = decide_in_bulk(
            queue=queue,
            revisions=revisions,
            outcome=posted.get("outcome", ""),
            looked_at=_numbers(posted.getlist("looked_at")),
            comment=posted.get("comment", ""),
            acting=acting_as(principal_of(request)),
            now=timezone.now(),
        )
    except ReviewError as error:
        return _page(request, queue, error)
    context = {"queue": queue, "done": outcome, "outcome": posted.get("outcome", "")}
    return render(request, "reviews/bulk_done.html", context)


@require_POST
@requires("cases.decide", queue="name")
def undo(request: HttpRequest, name: str) -> HttpResponse:
    """Take back what was decided together, as far as its window is still open."""
    queue = visible_queue(request, name)
    undone = undo_in_bulk(
        case_ids=_numbers(request.POST.getlist("case")),
        acting=acting_as(principal_of(request)),
        now=timezone.now(),
    )
    return render(request, "reviews/bulk_done.html", {"queue": queue, "undone": undone})


def _page(request: HttpRequest, queue: Queue, error: ReviewError | None) -> HttpResponse:
    found = list_like_cases(
        queue=queue, acting=acting_as(principal_of(request)), now=timezone.now()
    )
    groups: list[dict[str, Any]] = [
        {"group": group, "sample": [(case, facts_of(case)) for case in group.sample]}
        for group in found
    ]
    context = {"queue": queue, "groups": groups, "error": error, "now": timezone.now()}
    return render(request, "reviews/bulk.html", context, status=error.status if error else 200)


def _is_pair(text: str) -> bool:
    parts = text.split(":")
    return len(parts) == 2 and all(p.isdecimal() and len(p) < MOST_DIGITS for p in parts)  # noqa: PLR2004


def _pair(text: str) -> tuple[int, int]:
    case, revision = text.split(":")
    return int(case), int(revision)


def _numbers(texts: list[str]) -> list[int]:
    return [int(text) for text in texts if text.isdecimal() and len(text) < MOST_DIGITS]
