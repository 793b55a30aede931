"""The pages of the webhooks and chats to which notices go."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from reviews.errors import SettingsInvalid
from reviews.models import Queue
from reviews.models.notices import Destination
from reviews.notices.forms import DestinationForm
from reviews.notices.selectors import is_within, list_destinations
from reviews.notices.services import remove_destination, save_destination
from reviews.selectors.acting import make_acting
from reviews.selectors.editables import DESTINATION
from reviews.settings.forms.fields import add_problems
from workbench.accounts.gate import principal_of, requires
from workbench.accounts.permissions import Reach, reach
from workbench.shell.editing import AlreadyThere, Edit, warn_of_conflict


@require_GET
@requires("queues.manage", scope="rows")
def destinations(request: HttpRequest) -> HttpResponse:
    rows = list_destinations(_get_reach(request))
    return render(request, "reviews/notices/destinations.html", {"rows": rows})


@never_cache
@require_http_methods(["GET", "POST"])
@requires("queues.manage", scope="rows")
def destination_new(request: HttpRequest) -> HttpResponse:
    return _page(request, None)


@never_cache
@require_http_methods(["GET", "POST"])
@requires("queues.manage", scope="rows")
def destination_edit(request: HttpRequest, name: str) -> HttpResponse:
    return _page(request, _find(request, name))


@require_POST
@requires("queues.manage", scope="rows")
def destination_remove(request: HttpRequest, name: str) -> HttpResponse:
    found = _find(request, name)
    actor = make_acting(principal_of(request)).actor
    edit = Edit(request, DESTINATION, found)
    edit.save(lambda: remove_destination(destination=found, actor=actor, now=timezone.now()))
    if edit.conflict is not None:
        warn_of_conflict(edit, f"{found.title} is not removed.")
        return redirect("reviews:destination", name=name)
    messages.success(request, f"No more notices go to {found.title}.")
    return redirect("reviews:destinations")


def _get_reach(request: HttpRequest) -> Reach:
    return reach(principal_of(request), "queues.manage")


def _find(request: HttpRequest, name: str) -> Destination:
    """Raises: Http404 also for one that hears queues which the person does not manage."""
    for each in list_destinations(_get_reach(request)):
        if each.name == name:
            return each
    raise Http404(f"There is no destination {name} for you.")


def _page(request: HttpRequest, found: Destination | None) -> HttpResponse:
    within = _get_reach(request)
    form = DestinationForm(
        request.POST or None,
        initial=DestinationForm.initial_of(found) if found else None,
        queues=[queue for queue in Queue.objects.all() if is_within(queue, within)],
        every_queue=within.everywhere,
    )
    edit = Edit(request, DESTINATION, found)
    if edit.sent and form.is_valid() and (saved := _save(edit, form)):
        messages.success(request, f"{saved.title} is saved.")
        return redirect("reviews:destinations")
    edit.compare(form, DestinationForm.initial_of)
    context = {"form": form, "edit": edit, "destination": found}
    return render(request, "reviews/notices/destination.html", context, status=edit.status)


def _save(edit: Edit[Destination], form: DestinationForm) -> Destination | None:
    """Save the destination; return None, with the problem on the page, if it does not hold."""
    name = edit.row.name if edit.row else slugify(form.cleaned_data["title"])[:60]
    actor = make_acting(principal_of(edit.request)).actor
    try:
        return edit.save(
            lambda: save_destination(
                name=name,
                values=form.values(),
                key=form.cleaned_data["key"],
                actor=actor,
                now=timezone.now(),
                within=_get_reach(edit.request),
                destination=edit.row,
            ),
            name,
        )
    except AlreadyThere:
        form.add_error("title", "There is a destination of that name: choose another title.")
    except SettingsInvalid as error:
        add_problems(form, error.problems, {})
    return None
