"""The mail that carries a question to someone outside."""

from datetime import datetime
from typing import Any

from django.template.loader import render_to_string

from reviews.models import InformationRequest
from reviews.services.links import ensure_reply_link
from workbench.dispatch.mail import send_mail


def send_question(args: dict[str, Any], now: datetime) -> None:
    """Send the question, unless it was answered meanwhile. A repeat has the same Message-ID."""
    asked = (
        InformationRequest.objects.select_related("case__queue")
        .filter(pk=args["asked"], answered_at=None)
        .first()
    )
    if asked is None:
        return
    values = {"asked": asked, "queue": asked.case.queue, "url": ensure_reply_link(asked, now)}
    send_mail(
        subject=" ".join(f"A question from {asked.case.queue.title}".split()),
        body=render_to_string("reviews/mail/question.txt", values),
        to=[asked.asked_of],
        headers={"Message-ID": f"<question-{asked.pk}@countersign>"},
    )
