"""Open a link, check it, and use it. Opening one changes nothing; using one is a POST.

The address holds a signed number and grants nothing by itself. To decide, the person must be
signed in; to reply, they must write an answer. So a scanner that follows links, and even one that
presses their buttons, decides nothing. See docs/decisions/0004.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core import signing
from django.db import transaction

from reviews.errors import CaseStale, ReviewError
from reviews.models import Case, Decision
from reviews.models.links import CaseLink, Purpose
from reviews.rules.answers import Answer
from reviews.selectors.acting import Acting
from reviews.services.conversation import reply
from reviews.services.decisions import decide_case
from reviews.services.links import SALT, make_unproved_actor
from workbench.accounts.actors import Actor
from workbench.accounts.models import User
from workbench.audit.refusals import Refusal, note_refusal
from workbench.audit.services import record


class LinkInvalid(ReviewError):
    """The link is not valid: open the case from the newest message, or from its queue."""

    code = "link_invalid"
    status = 404


class LinkSpent(ReviewError):
    """The link was used, or has expired."""

    code = "link_spent"
    status = 410


def open_link(token: str, purpose: Purpose) -> CaseLink:
    """Return the link that an address holds: one query. Raises: LinkInvalid."""
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
        actor = Actor("link", "unknown", "Somebody (by link)", "link")
        payload = {"purpose": purpose.label, "reason": "It is not valid."}
        note_refusal(Refusal("link.refused", ("ledger", "links"), actor, payload))
        raise LinkInvalid(
            "This link is not valid, or it was cut short. Open the case from the newest message."
        )
    return found


def check_link(link: CaseLink, now: datetime) -> None:
    """Raise why the link no longer works, if so, and note that it was tried.

    Raises: LinkSpent, CaseStale.
    """
    try:
        _check_works(link, now)
    except ReviewError as error:
        _note_misuse(link, str(error))
        raise


def _check_works(link: CaseLink, now: datetime) -> None:
    if link.used_at is not None:
        raise LinkSpent("This link was used before; it works once.")
    if link.expires_at <= now:
        raise LinkSpent("This link has expired.")
    if link.purpose == Purpose.DECIDE and link.case.revision != link.revision:
        raise CaseStale("The case changed since this link was sent, so the link no longer decides.")
    if link.asked is not None and link.asked.answered_at is not None:
        raise LinkSpent("This question has been answered.")


def _note_misuse(link: CaseLink, why: str) -> None:
    name = link.person.label if link.person else "Somebody"
    actor = Actor("link", str(link.pk), f"{name} (by link)", "link")
    payload = {"link": link.pk, "purpose": link.get_purpose_display(), "case": link.case_id}
    case = ("case", str(link.case_id))
    note_refusal(Refusal("link.refused", case, actor, {**payload, "reason": why}))


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
    person: User | None = None,
) -> Case:
    """Answer a question by its link and spend the link, both or neither.

    ``person`` is who is signed in, if anyone. Otherwise ``name`` is what they call themselves;
    nobody has checked it, and the record says so.
    ``changes`` are new values of fields that the question lets them correct.

    Raises: LinkSpent, MoveNotAllowed, NotAuthorised, DecisionInvalid.
    """
    with transaction.atomic():
        check_link(link, now)
        _spend(link, now)
        actor = Actor.link(person) if person else make_unproved_actor(link, name)
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
        raise LinkSpent("This link was used before; it works once.")


def _record(link: CaseLink, actor: Actor, now: datetime) -> None:
    record(
        action="link.used",
        subject=("case", str(link.case_id)),
        actor=actor,
        payload={"link": link.pk, "purpose": link.get_purpose_display(), "case": link.case_id},
        now=now,
    )
