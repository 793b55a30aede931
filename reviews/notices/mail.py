"""Send a notice by mail as well, beside the line among the person's notices."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.urls import reverse

from reviews.models import Case
from reviews.services.links import make_decision_link_if_allowed
from workbench.accounts.models import User
from workbench.dispatch.mail import send_mail

SUBJECTS = {
    "warned": "Due soon: {title}",
    "reminder": "Due soon: {title}",
    "escalated": "Escalated: {title}",
    "breached": "Overdue: {title}",
    "mentioned": "{by} mentioned you: {title}",
    "answered": "Answer received: {title}",
    "assigned": "Assigned to you: {title}",
    "delegated": "{by} delegated to you: {title}",
    "covered": "Yours while {by} is away: {title}",
}


def subject_of(kind: str, case: Case, by: str) -> str:
    return " ".join(SUBJECTS[kind].format(title=case.title, by=by).split())


def send_notice(args: dict[str, Any], now: datetime) -> None:
    """Send one mail. Its Message-ID comes from the outbox row, so a repeated send is recognised."""
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
        "decide_url": make_decision_link_if_allowed(case, person, now),
    }
    send_mail(
        subject=subject_of(args["kind"], case, args["by"]),
        body=render_to_string("reviews/mail/notice.txt", values),
        to=[person.email],
        headers={"Message-ID": f"<notice-{args['outbox_id']}@countersign>"},
    )
