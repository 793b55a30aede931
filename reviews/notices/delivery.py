"""Send notices to webhooks and chats after the commit. The outbox repeats what fails."""

import json
from datetime import datetime
from typing import Any

import apprise
from django.conf import settings
from django.urls import reverse

from flows.steps.base import StepFailure
from flows.steps.destinations import check_destination
from reviews.models import Case
from reviews.models.notices import Destination, DestinationKind
from reviews.models.states import CLAIMABLE
from reviews.notices.mail import subject_of
from reviews.notices.signed import call_signed
from reviews.services.links import make_decision_link
from workbench.secrets.services import read_secrets
from workbench.secrets.uses import NOTICES

# Attributes in which a plug-in of Apprise keeps the address it calls, if it has no host.
_FIXED_ADDRESSES = ("notify_url", "webhook_url", "api_url")


def send_to_destination(args: dict[str, Any], now: datetime) -> None:
    """Send one notice to one webhook or chat. A webhook's id comes from the outbox row, so that a
    repeated call is recognised.

    Raises: StepFailure, SecretUnknown.
    """
    destination = Destination.objects.filter(pk=args["destination"], enabled=True).first()
    case = Case.objects.select_related("queue", "claimed_by").filter(pk=args["case"]).first()
    if destination is None or case is None:
        return
    deliver = _call_webhook if destination.kind == DestinationKind.WEBHOOK else _notify_chat
    try:
        key = read_secrets([destination.secret], use=NOTICES)[destination.secret]
        deliver(destination, key, case, args, now)
    except Exception as error:
        _note_result(destination, now, str(error)[:500])
        raise
    _note_result(destination, now, "")


def _note_result(destination: Destination, now: datetime, error: str) -> None:
    Destination.objects.filter(pk=destination.pk).update(last_error=error, last_at=now)


def _call_webhook(
    destination: Destination, key: str, case: Case, args: dict[str, Any], now: datetime
) -> None:
    body = json.dumps(
        {
            "type": f"case.{args['kind']}",
            "timestamp": now.isoformat(),
            "data": _describe_case(case),
        },
        ensure_ascii=False,
    )
    message_id = f"notice_{args['outbox_id']}"
    call_signed(url=destination.address, key=key, message_id=message_id, body=body, now=now)


def _describe_case(case: Case) -> dict[str, Any]:
    """Return what a webhook says of a case: enough to find it, and none of its values."""
    return {
        "case": case.pk,
        "title": case.title,
        "queue": case.queue.name,
        "state": str(case.state),
        "held_by": case.claimed_by.username if case.claimed_by else None,
        "escalation": case.escalation,
        "due_at": case.due_at.isoformat() if case.due_at else None,
        "run": case.run_id,
        "url": _address_of(case),
    }


def _notify_chat(
    destination: Destination, url: str, case: Case, args: dict[str, Any], now: datetime
) -> None:
    plugin = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if plugin is None:
        raise StepFailure("Apprise does not know the chat's address.", kind="config")
    for address in _addresses(plugin):
        check_destination(address)
    link = ""
    if case.state in CLAIMABLE:
        link = f"\nDecide it (works once, asks to confirm): {make_decision_link(case, None, now)}"
    due = f", due {case.due_at:%Y-%m-%d %H:%M} UTC" if case.due_at else ""
    accepted = plugin.notify(
        title=subject_of(args["kind"], case, ""),
        body=f"Case {case.pk} in {case.queue.title}{due}\n{_address_of(case)}{link}",
        notify_type=apprise.NotifyType.WARNING,
    )
    if not accepted:
        raise StepFailure(f"{destination.title} did not accept the notice.", kind="connection")


def _addresses(plugin: Any) -> list[str]:
    """Return every address that the plug-in may call. Raises: StepFailure if it names none."""
    if host := getattr(plugin, "host", None):
        scheme = "https" if plugin.secure else "http"
        port = f":{plugin.port}" if plugin.port else ""
        return [f"{scheme}://{host}{port}"]
    fixed = [getattr(plugin, name, None) for name in _FIXED_ADDRESSES]
    if not any(fixed):
        raise StepFailure("This kind of chat names no address to check.", kind="refused")
    return [address for address in fixed if address]


def _address_of(case: Case) -> str:
    return settings.SITE_URL + reverse("reviews:case", args=[case.pk])


# --- Checks of an address ---------------------------------------------------------------


def chat_problem(url: str) -> str:
    """Return what is wrong with a chat's address, "" if nothing is."""
    plugin = apprise.Apprise.instantiate(url, suppress_exceptions=True)
    if plugin is None:
        return "Apprise does not know this address: see its list of services."
    try:
        for address in _addresses(plugin):
            check_destination(address)
    except StepFailure as failure:
        return str(failure)
    return ""
