"""Make the links in mails: to decide a case, and to answer a question."""

from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.urls import reverse

from reviews.errors import ReviewError
from reviews.models import Case, InformationRequest
from reviews.models.links import CaseLink, Purpose
from reviews.selectors.acting import make_acting
from reviews.selectors.eligibility import Act, Candidate, find_refusal
from reviews.services.policies import judge_reviewer
from workbench.accounts.actors import Actor
from workbench.accounts.models import User

DECIDE_DAYS = 3
REPLY_DAYS = 30
SALT = "reviews.links"
# Stands after a name that someone gave who was not signed in.
UNPROVED = " (by link, unproved)"


def make_decision_link(case: Case, person: User | None, now: datetime) -> str:
    """Make a link to decide the case at its present revision, and return its full address.

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
    return get_address(link)


def ensure_reply_link(asked: InformationRequest, now: datetime) -> str:
    """Return the address at which the question can be answered; make the link if there is none."""
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
    return get_address(link)


def make_unproved_actor(link: CaseLink, name: str) -> Actor:
    """Return whoever has the link, by the name they give themselves."""
    return Actor("link", str(link.pk), f"{name.strip()[:80] or 'Someone'}{UNPROVED}", "link")


def get_claimed_name(actor: Actor) -> str:
    """Return the name that someone with a link gave."""
    return actor.name.removesuffix(UNPROVED)


def find_reply_link(asked: InformationRequest) -> str:
    """Return the address at which the question can be answered, "" without a link: one query."""
    links = CaseLink.objects.filter(case_id=asked.case_id, purpose=Purpose.REPLY, asked=asked)
    link = links.first()
    return get_address(link) if link else ""


def get_address(link: CaseLink) -> str:
    name = "reviews:decide_link" if link.purpose == Purpose.DECIDE else "reviews:reply_link"
    token = signing.dumps(link.pk, salt=f"{SALT}.{link.purpose}")
    return settings.SITE_URL + reverse(name, args=[token])


def make_decision_link_if_allowed(case: Case, person: User, now: datetime) -> str:
    """Make a link to decide for a mail to the person, and return its address.

    Return "" if they may not decide now, or if the case needs more than a click.
    """
    if case.rules.get("required_evidence") or _needs_form(case):
        return ""
    acts = (Act.DECIDE,) if case.held_by(person, now) else (Act.TAKE, Act.DECIDE)
    acting = make_acting(person)
    if any(find_refusal(case, Candidate(acting, act, now)) for act in acts):
        return ""
    if Act.TAKE in acts and not _do_policies_allow(case, Candidate(acting, Act.TAKE, now)):
        return ""
    return make_decision_link(case, person, now)


def _do_policies_allow(case: Case, candidate: Candidate) -> bool:
    try:
        judge_reviewer(case, candidate)
    except ReviewError:
        return False
    return True


def _needs_form(case: Case) -> bool:
    return bool((case.rules.get("form") or {}).get("required"))
