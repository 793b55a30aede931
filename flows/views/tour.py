"""The first-run tour: fetch its hint, and end it."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from flows.selectors.tour import get_tour
from flows.views.requests import flow_or_404, user_of
from workbench.accounts.gate import requires
from workbench.http.addresses import read_own_path
from workbench.people.services import end_tour


@require_GET
@requires("flows.view", scope="flow:name")
def tour_hint(request: HttpRequest, name: str) -> HttpResponse:
    """Show what to do next; ``?at=`` is the page that asks, which needs no link to itself."""
    context = {
        "tour": get_tour(user_of(request), flow_or_404(name)),
        "here_url": read_own_url(request, "at"),
    }
    return render(request, "flows/_tour.html", context)


@require_POST
@requires("flows.view", scope="own")
def tour_end(request: HttpRequest) -> HttpResponse:
    end_tour(user=user_of(request), now=timezone.now())
    return redirect(read_own_url(request, "next") or "flows:flow-list")


def read_own_url(request: HttpRequest, key: str) -> str:
    """Return the address of this site that the request names, or "" if it names none."""
    wish = str((request.POST if request.method == "POST" else request.GET).get(key, ""))
    return read_own_path(wish)
