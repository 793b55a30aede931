"""Send notices after a commit."""

from datetime import datetime
from typing import Any

from reviews.notices.delivery import send_to_destination
from reviews.notices.mail import send_notice
from reviews.services.post import DESTINATION_JOB, MAIL_JOB
from workbench.dispatch.registry import job


@job(MAIL_JOB)
def notice(args: dict[str, Any], now: datetime) -> None:
    send_notice(args, now)


@job(DESTINATION_JOB)
def destination(args: dict[str, Any], now: datetime) -> None:
    send_to_destination(args, now)
