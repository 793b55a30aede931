"""Save and delete views: a queue's cases filtered, by name, for oneself or for all who see it."""

from datetime import datetime

from django.db import transaction

from reviews.errors import NotAuthorised, SettingsInvalid
from reviews.models import Queue
from reviews.models.team import SavedView
from reviews.rules.filters import CaseFilters
from reviews.selectors.acting import Acting, check_may
from workbench.audit.services import record

MAX_VIEWS = 30
NAME_MAX = 60


def save_view(
    *,
    queue: Queue,
    name: str,
    filters: CaseFilters,
    shared: bool,
    acting: Acting,
    now: datetime,
) -> SavedView:
    """Save a view by name, in place of one's own of that name. Sharing needs `cases.assign`.

    Raises: SettingsInvalid, NotAuthorised.
    """
    name = normal_name(name)
    if not name or len(name) > NAME_MAX:
        raise SettingsInvalid({"name": f"Give the view a name of at most {NAME_MAX} characters."})
    if shared:
        check_may(acting, "cases.assign", queue=queue, flow="")
    own = SavedView.objects.filter(queue=queue, owner=acting.user)
    if own.exclude(name=name).count() >= MAX_VIEWS:
        raise SettingsInvalid({"name": f"You have {MAX_VIEWS} views here: remove one first."})
    with transaction.atomic():
        was_shared = own.filter(name=name, shared=True).exists()
        view, _ = SavedView.objects.update_or_create(
            queue=queue,
            owner=acting.user,
            name=name,
            defaults={"shared": shared, "filters": filters.dump(), "saved_at": now},
        )
        if shared or was_shared:
            _record("view.saved" if shared else "view.deleted", view, acting, now)
    return view


def normal_name(name: str) -> str:
    """Return a view's name as it is kept: with one space between words."""
    return " ".join(name.split())


def delete_view(*, view: SavedView, acting: Acting, now: datetime) -> None:
    """Delete one's own view. Raises: NotAuthorised."""
    if view.owner_id != acting.user.pk:
        raise NotAuthorised(f"Only {view.owner.label} can remove the view {view.name}.")
    with transaction.atomic():
        if view.shared:
            _record("view.deleted", view, acting, now)
        view.delete()


def _record(action: str, view: SavedView, acting: Acting, now: datetime) -> None:
    """Record what becomes of a view that others see. A view for oneself is nobody's business."""
    record(
        action=action,
        subject=("queue", view.queue.name),
        actor=acting.actor,
        on_behalf_of=acting.on_behalf_of,
        payload={"name": view.name, "queue": view.queue.name, "filters": view.filters},
        now=now,
    )
