"""Decide like, low-risk cases together, after a look at a sample of them."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reviews.errors import ReviewError
from reviews.finding import find_queue
from reviews.models import Queue
from reviews.selectors.acting import make_acting
from reviews.services.bulk import decide_in_bulk, list_first_values, list_like_cases, undo_in_bulk
from workbench.accounts.gate import principal_of, requires
from workbench.http.numbers import number_in


@require_GET
@requires("cases.decide", scope="rows:name")
def bulk(request: HttpRequest, name: str) -> HttpResponse:
    return _page(request, find_queue(request, name), None)


@require_POST
@requires("cases.decide", scope="rows:name")
def decide(request: HttpRequest, name: str) -> HttpResponse:
    """Decide the cases of one group, and name those that could not be decided."""
    queue = find_queue(request, name)
    posted = request.POST
    try:
        outcome = decide_in_bulk(
            queue=queue,
            revisions=_read_pairs(posted.getlist("case")),
            outcome=posted.get("outcome", ""),
            looked_at=_read_numbers(posted.getlist("looked_at")),
            comment=posted.get("comment", ""),
            acting=make_acting(principal_of(request)),
            now=timezone.now(),
        )
    except ReviewError as error:
        return _page(request, queue, error)
    context = {"queue": queue, "done": outcome, "outcome": posted.get("outcome", "")}
    return render(request, "reviews/bulk_done.html", context)


@require_POST
@requires("cases.decide", scope="rows:name")
def undo(request: HttpRequest, name: str) -> HttpResponse:
    """Take back the decisions that were made together and can still be undone."""
    queue = find_queue(request, name)
    undone = undo_in_bulk(
        case_ids=_read_numbers(request.POST.getlist("case")),
        acting=make_acting(principal_of(request)),
        now=timezone.now(),
    )
    return render(request, "reviews/bulk_done.html", {"queue": queue, "undone": undone})


def _page(request: HttpRequest, queue: Queue, error: ReviewError | None) -> HttpResponse:
    found = list_like_cases(
        queue=queue, acting=make_acting(principal_of(request)), now=timezone.now()
    )
    groups: list[dict[str, Any]] = [
        {"group": group, "sample": [(case, list_first_values(case)) for case in group.sample]}
        for group in found
    ]
    context = {"queue": queue, "groups": groups, "error": error, "now": timezone.now()}
    return render(request, "reviews/bulk.html", context, status=error.status if error else 200)


def _read_pairs(texts: list[str]) -> dict[int, int]:
    """Return the revision seen, by case id, from texts such as ``17:3``; others are left out."""
    found = {}
    for text in texts:
        first, _, second = text.partition(":")
        case_id, revision = number_in(first), number_in(second)
        if case_id is not None and revision is not None:
            found[case_id] = revision
    return found


def _read_numbers(texts: list[str]) -> list[int]:
    return [number for text in texts if (number := number_in(text)) is not None]
