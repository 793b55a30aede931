"""Links are made, opened and used here. Opening one changes nothing; using one is a POST.

The address holds a signed number and no secret of its own: what it opens still asks for the
person's session (to decide) or for a written answer (to reply), so that a scanner that follows
and even presses what it finds decides nothing. See docs/decisions/0004.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.urls import reverse

from reviews.errors import CaseStale, DecisionInvalid, ReviewError
from reviews.models import Case, Decision, InformationRequest
from reviews.models.links import CaseLink, Purpose
from reviews.models.states import CLAIMABLE
from reviews.rules.answers import Answer
from reviews.selectors.acting import Acting
from reviews.services.conversation import reply
from reviews.services.decisions import decide_case
from workbench.accounts.models import User
from workbench.accounts.permissions import can
from workbench.audit.actors import Actor
from workbench.audit.services import record

DECIDE_DAYS = 3
REPLY_DAYS = 30
SALT = "reviews.links"


class LinkInvalid(ReviewError):
    """This is no link of ours: open the case from the newest message, or from its queue."""

    code = "link_invalid"
    status = 404


class LinkSpent(ReviewError):
    """The link was used, or has expired."""

    code = "link_spent"
    status = 410


def decide_link(case: Case, person: User | None, now: datetime) -> str:
    """Make a link to decide the case as it is now and return its whole address.

    ``person`` None: for a chat, where anyone with the right to decide may use it.
    """
    link = CaseLink.objects.create(
        case=case,
        purpose=Purpose.DECIDE,
        person=person,
        revision=case.revision,
        made_at=now,
        expires_at=now + timedelta(days=DECIDE_DAYS),
    )
    return address_of(link)


def reply_link(asked: InformationRequest, now: datetime) -> str:
    """Return the address at which whoever was asked may answer; made when first wanted."""
    link, _ = CaseLink.objects.get_or_create(
        case_id=asked.case_id,
        purpose=Purpose.REPLY,
        asked=asked,
        defaults={
            "revision": 0,
            "made_at": now,
            "expires_at": asked.asked_at + timedelta(days=REPLY_DAYS),
        },
    )
    return address_of(link)


def address_of(link: CaseLink) -> str:
    name = "reviews:decide_link" if link.purpose == Purpose.DECIDE else "reviews:reply_link"
    token = signing.dumps(link.pk, salt=f"{SALT}.{link.purpose}")
    return settings.SITE_URL + reverse(name, args=[token])


def open_link(token: str, purpose: Purpose) -> CaseLink:
    """Return the link of an address: one query. Changes nothing. Raises: LinkInvalid."""
    try:
        number = signing.loads(token, salt=f"{SALT}.{purpose}")
    except signing.BadSignature:
        number = None
    found = (
        CaseLink.objects.select_related("case__queue", "case__claimed_by", "asked", "person")
        .filter(pk=number, purpose=purpose)
        .first()
    )
    if found is None:
        raise LinkInvalid(
            "This is no link of ours, or it was cut short. Open the case from the newest message."
        )
    return found


def check_link(link: CaseLink, now: datetime) -> None:
    """Raises: LinkSpent, CaseStale."""
    if link.used_at is not None:
        raise LinkSpent("This link was used before, and works once.")
    if link.expires_at <= now:
        raise LinkSpent("This link has expired.")
    if link.purpose == Purpose.DECIDE and link.case.revision != link.revision:
        raise CaseStale("The case changed since this link was sent, so the link no longer decides.")
    if link.asked is not None and link.asked.answered_at is not None:
        raise LinkSpent("This question has been answered.")


def decide_by_link(*, link: CaseLink, answer: Answer, acting: Acting, now: datetime) -> Decision:
    """Decide the case of a link and spend the link, both or neither.

    Raises: LinkSpent, CaseStale and what decide_case raises.
    """
    with transaction.atomic():
        check_link(link, now)
        _spend(link, now)
        decision = decide_case(
            case_id=link.case_id, answer=answer, acting=acting, now=now, revision=link.revision
        )
        _record(link, acting.actor, now)
        return decision


def reply_by_link(
    *,
    link: CaseLink,
    answer: str,
    name: str,
    now: datetime,
    changes: Mapping[str, Any] | None = None,
) -> Case:
    """Answer a question by its link and spend the link, both or neither.

    ``name`` is what who answers calls themselves; nobody has checked it, and the record says so.
    ``changes`` are new values of the fields that were opened with the question.

    Raises: LinkSpent, MoveNotAllowed, DecisionInvalid.
    """
    with transaction.atomic():
        check_link(link, now)
        if link.asked is None or set(changes or {}) - set(link.asked.fields):
            raise DecisionInvalid({"fields": "The question does not ask for these values."})
        _spend(link, now)
        actor = Actor("link", str(link.pk), f"{name.strip()[:80] or 'Someone'} (by link)", "link")
        case = reply(
            case_id=link.case_id, answer=answer, changes=changes or {}, actor=actor, now=now
        )
        _record(link, actor, now)
        return case


def _spend(link: CaseLink, now: datetime) -> None:
    spent = CaseLink.objects.filter(pk=link.pk, used_at=None, expires_at__gt=now).update(
        used_at=now
    )
    if not spent:
        raise LinkSpent("This link was used before, and works once.")


def _record(link: CaseLink, actor: Actor, now: datetime) -> None:
    record(
        action="link.used",
        subject=("case", str(link.case_id)),
        actor=actor,
        payload={"link": link.pk, "purpose": link.get_purpose_display(), "case": link.case_id},
        now=now,
    )


def decide_link_for(case: Case, person: User, now: datetime) -> str:
    """Return a link for a mail to the person, or "" where they could not decide by it now."""
    if not can(person, "cases.decide", flow=case.flow, queue=case.queue.name):
        return ""
    takeable = case.state in CLAIMABLE or case.held_by(person, now)
    if not takeable or case.rules.get("required_evidence") or _form_is_needed(case):
        return ""
    return decide_link(case, person, now)


def _form_is_needed(case: Case) -> bool:
    return bool((case.rules.get("form") or {}).get("required"))
