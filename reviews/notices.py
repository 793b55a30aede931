"""Telling people about a case by mail. Written into the outbox with the change that causes it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse

from reviews.models import Case
from workbench.accounts.models import User
from workbench.accounts.permissions import can
from workbench.dispatch import enqueue

JOB = "reviews.send_notice"
SUBJECTS = {
    "reminder": "Due soon: {title}",
    "escalated": "Escalated: {title}",
    "breached": "Overdue: {title}",
    "mentioned": "{by} mentioned you: {title}",
    "answered": "Answer received: {title}",
}


def notify_people(
    case: Case, people: Iterable[User], kind: str, now: datetime, *, said: str = "", by: str = ""
) -> None:
    """Send a mail to each person who has an address and may see the case."""
    for person in people:
        if person.email and can(person, "cases.view", flow=case.flow, queue=case.queue.name):
            args = {"case": case.pk, "user": person.pk, "kind": kind, "said": said, "by": by}
            enqueue(JOB, args, now=now)


def notify_leads(case: Case, kind: str, now: datetime, *, said: str = "", by: str = "") -> None:
    """Send a mail to each team lead of the case's queue."""
    leads = User.objects.filter(is_active=True, grants__role="lead").distinct()
    notify_people(case, leads, kind, now, said=said, by=by)


def send_notice(args: dict[str, Any], now: datetime) -> None:
    """Send one mail. Its Message-ID is that of the outbox row: a repeated send is recognised."""
    case = Case.objects.select_related("queue", "claimed_by").filter(pk=args["case"]).first()
    person = User.objects.filter(pk=args["user"], is_active=True).first()
    if case is None or person is None:
        return
    values = {
        "case": case,
        "person": person,
        "kind": args["kind"],
        "said": args["said"],
        "by": args["by"],
        "url": settings.SITE_URL + reverse("reviews:case", args=[case.pk]),
    }
    message = EmailMessage(
        subject=" ".join(SUBJECTS[args["kind"]].format(title=case.title, by=args["by"]).split()),
        body=render_to_string("reviews/mail/notice.txt", values),
        to=[person.email],
        headers={"Message-ID": f"<notice-{args['outbox_id']}@countersign>"},
    )
    message.send()
