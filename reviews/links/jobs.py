from datetime import datetime
from typing import Any

from reviews.links.mail import send_question
from reviews.services.conversation import QUESTION_JOB
from workbench.dispatch.registry import job


@job(QUESTION_JOB)
def question(args: dict[str, Any], now: datetime) -> None:
    send_question(args, now)
