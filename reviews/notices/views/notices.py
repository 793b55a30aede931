"""A person's notices, and the bell that counts them."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from reviews.models.notices import Notice
from reviews.notices.selectors import COUNT_CAP, PAGE_SIZE, count_unread, list_notices
from reviews.services.telling import mark_read
from workbench.accounts.gate import requires
from workbench.http.numbers import number_in


@require_GET
@requires("cases.view", scope="own")
def bell(request: HttpRequest) -> HttpResponse:
    count = count_unread(request.user)
    context = {"unread": min(count, COUNT_CAP - 1), "more": count >= COUNT_CAP}
    return render(request, "reviews/notices/_bell.html", context)


@require_GET
@requires("cases.view", scope="own")
def notices(request: HttpRequest) -> HttpResponse:
    return render(request, "reviews/notices/notices.html", _context(request))


@require_GET
@requires("cases.view", scope="own")
def notices_list(request: HttpRequest) -> HttpResponse:
    return render(request, "reviews/notices/_list.html", _context(request))


@require_POST
@requires("cases.view", scope="own")
def read_all(request: HttpRequest) -> HttpResponse:
    mark_read(person=request.user, now=timezone.now())  # type: ignore[arg-type]
    return redirect("reviews:notices")


@require_GET
@requires("cases.view", scope="own")
def notice(request: HttpRequest, notice_id: int) -> HttpResponse:
    """Mark the notice as read and go to what it is about."""
    found = Notice.objects.filter(pk=notice_id, person_id=request.user.pk).first()
    if found is None:
        raise Http404("You have no such notice.")
    mark_read(person=request.user, now=timezone.now(), notice_id=notice_id)  # type: ignore[arg-type]
    if found.case_id is None:
        return redirect(found.path)
    return redirect("reviews:case", case_id=found.case_id)


def _context(request: HttpRequest) -> dict[str, Any]:
    before = number_in(request.GET.get("before"))
    rows = list_notices(request.user, before)
    page = rows[:PAGE_SIZE]
    return {
        "notices": page,
        "before": before or "",
        "next_before": page[-1].pk if len(rows) > PAGE_SIZE else None,
        "any_unread": any(each.read_at is None for each in page),
    }
