"""Save and remove the webhooks and chats to which notices go."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from flows.steps.destinations import find_fault
from reviews.errors import SettingsInvalid
from reviews.models import Queue
from reviews.models.notices import KINDS_FOR_DESTINATIONS, Destination, DestinationKind
from reviews.notices.chats import chat_problem
from reviews.notices.selectors import is_within
from reviews.notices.signed import key_problem
from workbench.accounts.actors import Actor
from workbench.accounts.permissions import EVERYWHERE, Reach
from workbench.audit.services import record
from workbench.http.addresses import RESERVED, is_reserved
from workbench.secrets.services import set_secret
from workbench.secrets.uses import NOTICES

FIELDS = ("title", "kind", "address", "kinds", "queue", "enabled")


def save_destination(
    *,
    name: str,
    values: Mapping[str, Any],
    key: str,
    actor: Actor,
    now: datetime,
    within: Reach = EVERYWHERE,
    destination: Destination | None = None,
) -> Destination:
    """Add a destination, or change it.

    ``values``: ``{title, kind, address, kinds, queue: Queue | None, enabled}``. ``key`` is the
    webhook's signing key or the address of the chat's incoming webhook; it is stored as a secret
    and never shown. If it is empty, the stored one stays. ``within`` is where the person manages
    queues.

    Raises: SettingsInvalid, also for a queue outside ``within``.
    """
    if not is_within(values["queue"], within):
        raise SettingsInvalid({"queue": "Choose a queue that you manage."})
    _check(values, key, destination, name)
    with transaction.atomic():
        is_new = destination is None
        kept = destination or Destination(name=name, secret=f"notice_{name.replace('-', '_')}")
        for field in FIELDS:
            setattr(kept, field, values[field])
        # Deliveries write what came of them to the same row meanwhile.
        kept.save(update_fields=None if is_new else FIELDS)
        if key:
            set_secret(name=kept.secret, value=key, uses=[NOTICES], actor=actor, now=now)
        action = "destination.added" if is_new else "destination.changed"
        _record(action, kept, actor, now)
        return kept


def remove_destination(*, destination: Destination, actor: Actor, now: datetime) -> None:
    """Remove a destination. Its secret stays, for whoever manages secrets."""
    with transaction.atomic():
        _record("destination.removed", destination, actor, now)
        destination.delete()


def _record(action: str, kept: Destination, actor: Actor, now: datetime) -> None:
    queue: Queue | None = kept.queue
    record(
        action=action,
        subject=("destination", f"notice:{kept.name}"),
        actor=actor,
        payload={
            "title": kept.title,
            "kind": kept.kind,
            "address": kept.address,
            "kinds": kept.kinds,
            "queue": queue.name if queue else "",
            "enabled": kept.enabled,
        },
        now=now,
    )


def _check(values: Mapping[str, Any], key: str, destination: Destination | None, name: str) -> None:
    """Raises: SettingsInvalid."""
    problems = {}
    if destination is None and Destination.objects.filter(name=name).exists():
        problems["title"] = "There is a destination of that name: choose another title."
    if destination is None and is_reserved("reviews:destination", name):
        problems["title"] = RESERVED
    if set(values["kinds"]) - set(KINDS_FOR_DESTINATIONS) or not values["kinds"]:
        problems["kinds"] = "Choose at least one kind of notice."
    if values["kind"] == DestinationKind.WEBHOOK and not values["address"]:
        problems["address"] = "Enter the address to call, such as https://host/path."
    elif problem := _address_problem(values):
        problems["address"] = problem
    if not key and destination is None:
        problems["key"] = "Enter it once; it is never shown again."
    elif key:
        problem_of = key_problem if values["kind"] == DestinationKind.WEBHOOK else chat_problem
        if problem := problem_of(key):
            problems["key"] = problem
    if problems:
        raise SettingsInvalid(problems)


def _address_problem(values: Mapping[str, Any]) -> str:
    """Return why the webhook may not be called. One that is off may be kept as it is."""
    if values["kind"] != DestinationKind.WEBHOOK or not values["enabled"]:
        return ""
    return str(find_fault(values["address"]) or "")
