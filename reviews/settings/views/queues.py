"""The pages of a queue's settings, with a look at the order that its weights would make."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.text import slugify
from django.views.decorators.http import require_http_methods, require_POST

from reviews.errors import SettingsInvalid
from reviews.finding import find_queue
from reviews.models import CLAIMABLE_STATES, OPEN_ENDED, Case, Queue
from reviews.rules.ordering import Ordering, rank, read_ordering
from reviews.selectors.acting import make_acting
from reviews.selectors.editables import QUEUE
from reviews.settings.forms.fields import add_problems
from reviews.settings.forms.queues import QueueForm
from reviews.settings.services.queues import change_queue, create_queue
from workbench.accounts.gate import principal_of, requires
from workbench.http.addresses import is_reserved
from workbench.shell.editing import Edit

SHOWN_CASES = 8
# How many of the cases now in front are put into the new order.
TRIED_CASES = 300


@require_http_methods(["GET", "POST"])
@requires("queues.manage", scope="queue:name")
def queue_settings(request: HttpRequest, name: str) -> HttpResponse:
    queue = find_queue(request, name)
    ordering = read_ordering(queue.ordering)
    form = QueueForm(request.POST or None, initial=QueueForm.initial_of(queue, ordering))
    edit = Edit(request, QUEUE, queue)
    if edit.sent and form.is_valid() and _save(edit, queue, form):
        messages.success(request, f"{form.cleaned_data['title']} is saved.")
        return redirect("reviews:queue", name=name)
    edit.compare(form, lambda kept: QueueForm.initial_of(kept, read_ordering(kept.ordering)))
    context = {"queue": queue, "form": form, "edit": edit, **_order_context(queue, ordering)}
    return render(request, "reviews/settings/queue.html", context, status=edit.status)


def _save(edit: Edit[Queue], queue: Queue, form: QueueForm) -> Queue | None:
    """Save the settings; return None, with the problem on the page, if they do not hold."""
    values, actor = form.values(), make_acting(principal_of(edit.request)).actor
    try:
        return edit.save(
            lambda: change_queue(queue=queue, values=values, actor=actor, now=timezone.now())
        )
    except SettingsInvalid as error:
        add_problems(form, error.problems, {"ordering": "sla"})
    return None


@require_POST
@requires("queues.manage", scope="queue:name")
def queue_order(request: HttpRequest, name: str) -> HttpResponse:
    """Show in which order the cases would come by the weights as typed so far."""
    queue = find_queue(request, name)
    form = QueueForm(request.POST)
    weights = {"sla", "priority_hours", "value_hours"}
    form.is_valid()
    wrong = weights & set(form.errors)
    ordering = read_ordering(queue.ordering if wrong else form.ordering())
    context = {"queue": queue, "wrong": wrong, **_order_context(queue, ordering)}
    return render(request, "reviews/settings/_order.html", context)


def _order_context(queue: Queue, ordering: Ordering) -> dict[str, Any]:
    """Return the first cases by these weights, with the place that each has now: one query."""
    front = list(
        Case.objects.filter(OPEN_ENDED, queue=queue, state__in=CLAIMABLE_STATES)
        .only("pk", "title", "opened_at", "due_at", "warn_at", "priority", "value", "rank", "state")
        .order_by("rank", "id")[:TRIED_CASES]
    )
    places = {case.pk: place for place, case in enumerate(front, 1)}
    ordered = sorted(front, key=lambda case: (_rank(case, ordering), case.pk))[:SHOWN_CASES]
    rows = [
        {"case": case, "now": places[case.pk], "moved": places[case.pk] - place}
        for place, case in enumerate(ordered, 1)
    ]
    return {"rows": rows, "tried": len(front), "now": timezone.now()}


def _rank(case: Case, ordering: Ordering) -> float:
    return rank(
        ordering,
        opened_at=case.opened_at,
        due_at=case.due_at,
        priority=case.priority,
        value=case.value,
    )


@require_http_methods(["GET", "POST"])
@requires("queues.manage", scope="installation")
def queue_new(request: HttpRequest) -> HttpResponse:
    title = request.POST.get("title", "").strip()[:120]
    problem = ""
    if request.method == "POST":
        name = slugify(title)[:80]
        if not name:
            problem = "Give the queue a title with letters or digits."
        elif Queue.objects.filter(name=name).exists():
            problem = f"There is a queue {name} already: choose another title."
        elif is_reserved("reviews:queue", name):
            problem = f"No queue can be named {name}: choose another title."
        else:
            actor = make_acting(principal_of(request)).actor
            create_queue(name=name, title=title, actor=actor, now=timezone.now())
            messages.success(request, f"{title} is there. Flows name it as {name}.")
            return redirect("reviews:queue_settings", name=name)
    status = 422 if problem else 200
    context = {"title": title, "problem": problem}
    return render(request, "reviews/settings/queue_new.html", context, status=status)
