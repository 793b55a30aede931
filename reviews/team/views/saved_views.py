"""Save and delete views of a queue's cases."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from reviews.errors import ReviewError
from reviews.finding import find_queue
from reviews.models.team import SavedView
from reviews.rules.filters import read_filters
from reviews.selectors.acting import make_acting
from reviews.team.services.saved_views import delete_view, save_view
from workbench.accounts.gate import principal_of, requires


@require_POST
@requires("cases.view", scope="rows:name")
def save(request: HttpRequest, name: str) -> HttpResponse:
    queue, filters = find_queue(request, name), read_filters(request.POST)
    try:
        view = save_view(
            queue=queue,
            name=request.POST.get("view_name", ""),
            filters=filters,
            shared=request.POST.get("shared") == "on",
            acting=make_acting(principal_of(request)),
            now=timezone.now(),
        )
    except ReviewError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, f"The view {view.name} is saved.")
    return redirect(f"{reverse('reviews:queue', args=[name])}?{urlencode(filters.dump())}")


@require_POST
@requires("cases.view", scope="rows:name")
def delete(request: HttpRequest, name: str, view_id: int) -> HttpResponse:
    queue = find_queue(request, name)
    view = get_object_or_404(SavedView, pk=view_id, queue=queue, owner_id=request.user.pk)
    delete_view(view=view, acting=make_acting(principal_of(request)), now=timezone.now())
    messages.success(request, f"The view {view.name} is removed.")
    return redirect("reviews:queue", name=name)
